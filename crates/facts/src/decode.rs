//! The instructions by which control leaves a function: calls, jumps to elsewhere, and running over
//! the end.
//!
//! Code is read in a straight line from one symbol to the next. What alternatives patching puts in
//! its place at boot is read too, and belongs to the function that it is put into.

mod arm64;
mod x86_64;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use xenheap_model::BuildArch;

use crate::image::Image;

/// An instruction by which control can leave a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Transfer {
    /// Of the instruction; for one of a replacement, of what is replaced.
    pub address: u64,
    /// Whether control comes back behind it.
    pub call: bool,
    /// To where.
    pub target: Target,
}

/// Where an instruction leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// To this address.
    Direct(u64),
    /// To the address in this variable, until alternatives patching makes it direct at boot
    /// (`alternative_call`).
    Alternative(u64),
    /// To the address that lies at this address.
    Slot(u64),
    /// To an address that was computed.
    Computed,
}

/// What the end of a stretch of code does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum End {
    /// Control does not get there.
    #[default]
    Stops,
    /// Control goes on with what follows.
    Falls,
    /// The same, if the function that is called last comes back.
    AfterCall(u64),
}

/// What a stretch of code does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Code {
    /// In order of addresses. Jumps within the stretch are left out.
    pub transfers: Vec<Transfer>,
    /// What happens at its end.
    pub end: End,
    /// Bytes that are no instruction.
    pub unknown: u64,
    /// Jumps through a table that the compiler made of a `switch`: they stay in the function.
    pub switches: u64,
    /// Jumps and calls of what is in a register (arm64): where, and its number.
    pub registers: Vec<(u64, usize)>,
    /// Jumps to elsewhere with a constant of the code in a register (arm64): assembly hands on so
    /// where to go in the end.
    pub handed: Vec<Handed>,
}

/// A constant that is in a register when control jumps to another function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handed {
    /// Where control jumps to.
    pub to: u64,
    /// The register's number.
    pub register: usize,
    /// Where the constant lies.
    pub slot: u64,
}

/// How far code is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// To the end of the range.
    End,
    /// To the first instruction behind which control does not go on.
    Stop,
}

/// Reads the code of one image.
pub struct Decoder<'a> {
    image: &'a Image,
    /// Retpolines: a call of one is a call through a register.
    thunks: BTreeSet<u64>,
    /// Return thunks: a jump to one returns.
    returns: BTreeSet<u64>,
    /// Replacements, by the address of what they replace.
    replacements: BTreeMap<u64, Vec<Range<u64>>>,
    /// Calls through a variable that patching makes direct.
    alternatives: BTreeSet<u64>,
}

impl<'a> Decoder<'a> {
    /// Finds out what decoding needs to know of the image.
    pub fn new(image: &'a Image) -> Self {
        let named = |wanted: fn(&str) -> bool| {
            image.code().iter().filter(|symbol| wanted(&symbol.name)).map(|symbol| symbol.address).collect()
        };
        let mut decoder = Decoder {
            image,
            thunks: named(is_thunk),
            returns: named(|name| name == "__x86_return_thunk"),
            replacements: BTreeMap::new(),
            alternatives: BTreeSet::new(),
        };
        decoder.alternatives();
        decoder
    }

    /// How many call sites alternatives patching makes direct.
    pub fn alternative_calls(&self) -> usize {
        self.alternatives.len()
    }

    /// Reads one stretch of code.
    pub fn code(&self, range: Range<u64>) -> Code {
        let mut code = self.straight(range.clone(), Until::End);
        for (original, replacements) in self.replacements.range(range.clone()) {
            for replacement in replacements {
                let instead = self.straight(replacement.clone(), Until::End);
                code.transfers.extend(
                    instead
                        .transfers
                        .into_iter()
                        .filter(
                            |transfer| !matches!(transfer.target, Target::Direct(to) if range.contains(&to)),
                        )
                        .map(|transfer| Transfer { address: *original, ..transfer }),
                );
                code.unknown += instead.unknown;
            }
        }
        code.transfers.sort_unstable();
        code.transfers.dedup();
        code
    }

    /// Reads on from where a jump leads, to where control does not go on: what inline assembly puts
    /// out of line.
    pub fn out_of_line(&self, range: Range<u64>) -> Code {
        self.straight(range, Until::Stop)
    }

    fn straight(&self, range: Range<u64>, until: Until) -> Code {
        let Some(bytes) = self.image.read(range.start, range.end.saturating_sub(range.start)) else {
            return Code::default();
        };
        match self.image.arch() {
            BuildArch::X86_64 => self.x86_64(range, bytes, until),
            BuildArch::Arm64 => self.arm64(range, bytes, until),
        }
    }

    /// Reads the tables of alternatives.
    fn alternatives(&mut self) {
        let mark = |name| self.image.mark(name);
        if let Some((start, end)) = mark("__alt_call_sites_start").zip(mark("__alt_call_sites_end")) {
            self.alternatives = (start..end).step_by(4).map_while(|at| self.relative(at)).collect();
        }
        let size = match self.image.arch() {
            BuildArch::X86_64 => 14,
            BuildArch::Arm64 => 12,
        };
        let Some((start, end)) = mark("__alt_instructions").zip(mark("__alt_instructions_end")) else {
            return;
        };
        for at in (start..end).step_by(size) {
            // An entry: where, what instead, which feature, and two lengths.
            let Some([.., original_length, length]) = self.image.read(at, 12) else { break };
            let lengths = (*original_length, u64::from(*length));
            let Some((original, replacement)) = self.relative(at).zip(self.relative(at + 4)) else { break };
            let replacement = replacement..replacement.saturating_add(lengths.1);
            if self.calls_itself(&replacement) {
                self.alternatives.insert(original);
            } else if !replacement.is_empty() && lengths.0 > 0 {
                self.replacements.entry(original).or_default().push(replacement);
            }
        }
    }

    /// `call .`, which stands for "whatever the variable holds then".
    fn calls_itself(&self, replacement: &Range<u64>) -> bool {
        self.image.arch() == BuildArch::X86_64
            && self.image.read(replacement.start, 5) == Some(&[0xe8, 0xfb, 0xff, 0xff, 0xff])
            && replacement.end - replacement.start >= 5
    }

    /// An address that is written as its distance from where it is written.
    fn relative(&self, at: u64) -> Option<u64> {
        let bytes = self.image.read(at, 4)?.try_into().ok()?;
        Some(at.wrapping_add_signed(i64::from(i32::from_le_bytes(bytes))))
    }
}

fn is_thunk(name: &str) -> bool {
    name.starts_with("__x86_indirect_thunk_")
}

/// Whether a function is only there in place of an instruction: an indirect call or a return.
pub fn stands_for_an_instruction(name: &str) -> bool {
    is_thunk(name) || name == "__x86_return_thunk"
}

#[cfg(test)]
mod tests;
