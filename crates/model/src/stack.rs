use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

/// Names a stack within one run. 0 is *unknown*.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StackId(pub u32);

impl StackId {
    /// The stack could not be read or was not kept.
    pub const UNKNOWN: StackId = StackId(0);
}

/// A code address of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pc {
    /// The address.
    pub addr: u64,
    /// False: a return address, so the call is at the instruction before. True: the interrupted
    /// instruction itself.
    pub exact: bool,
}

/// How sure Xen was of a frame that it printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Mark {
    /// x86 `R`: the instruction pointer.
    R,
    /// x86 `F`: found by frame pointer.
    F,
    /// x86 `S`: found on the stack, a guess.
    S,
    /// Another letter, of a newer Xen: as sure as [`Mark::S`].
    Other(char),
    /// Arm `(PC)`.
    Pc,
    /// Arm `(LR)`: can repeat the PC.
    Lr,
    /// No mark: an Arm frame after the first two.
    None,
}

impl Mark {
    /// The letter before the name, if it has one.
    pub fn letter(self) -> Option<char> {
        match self {
            Mark::R => Some('R'),
            Mark::F => Some('F'),
            Mark::S => Some('S'),
            Mark::Other(letter) => Some(letter),
            Mark::Pc | Mark::Lr | Mark::None => None,
        }
    }

    /// Whether Xen found the frame by looking through the stack: an old return address looks the
    /// same.
    pub fn is_guess(self) -> bool {
        matches!(self, Mark::S | Mark::Other(_))
    }
}

/// A frame as Xen itself printed it: `[<ffff82d040230090>] R alloc_domheap_pages+0x90/0x1e0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TraceFrame {
    /// The address, if it could be read.
    pub addr: Option<u64>,
    /// `function` or, for a static function, `file.c#function`; empty if Xen had no name for it.
    pub name: String,
    /// `+OFFSET/SIZE` behind the name.
    pub offset: Option<(u64, u64)>,
    /// How sure.
    pub mark: Mark,
}

/// A stack as a log has it, innermost frame first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RawStack {
    /// Addresses, as our recorder prints them.
    Addresses {
        /// The same from boot to boot for one image.
        hash: u64,
        /// Innermost first.
        pcs: Vec<Pc>,
        /// The recorder stopped at its depth; there were more frames.
        truncated: bool,
    },
    /// From Xen's own call trace.
    Trace {
        /// Names and addresses, innermost first. What Arm tells twice stands once.
        frames: Vec<TraceFrame>,
        /// Why it may not be what happened.
        uncertain: Option<Uncertain>,
    },
}

/// Why a stack may not be what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doubt {
    /// Its trace broke off, or its beginning is lost.
    Incomplete,
    /// One of its frames could not be read whole.
    DamagedFrame,
    /// Another trace was printed at the same time: frames can be the other's.
    Mixed,
    /// Several records waited for the trace: it can be another's.
    Unassigned,
    /// Xen found frames by looking through the stack, where old return addresses look the same.
    Guessed,
}

impl Doubt {
    /// Whether something went wrong on the way. Xen's guesses are no damage: they are as it printed
    /// them.
    pub fn is_damage(self) -> bool {
        self != Doubt::Guessed
    }
}

impl fmt::Display for Doubt {
    /// Why, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Doubt::Incomplete => "its trace is not whole",
            Doubt::DamagedFrame => "a frame of it could not be read whole",
            Doubt::Mixed => "another trace was printed at the same time, so frames can be the other's",
            Doubt::Unassigned => "several records waited for this trace, so it can be another's",
            Doubt::Guessed => "Xen looked for frames on the stack, where old return addresses look the same",
        })
    }
}

/// That a stack may not be what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Uncertain {
    /// Why.
    pub why: Doubt,
    /// Where in the log that shows, from 1.
    pub line: u64,
}

impl fmt::Display for Uncertain {
    /// Where that shows, and why: the same words in each format.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of the log: {}", self.line, self.why)
    }
}

/// A place in the source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Source {
    /// Path, relative to the Xen tree where that is known.
    pub file: String,
    /// From 1; 0 if unknown.
    pub line: u32,
}

/// One function of a symbolized stack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Frame {
    /// The function's name, without the file; `0xADDRESS` if it has none.
    pub function: String,
    /// File of a static function, as Xen writes it (`softirq.c`, or a path where names collide).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Whether the compiler inlined it into the next frame towards the root.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inlined: bool,
    /// Where in the source this frame was: the line of the call, or of the interrupted instruction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Address, if known. Inlined frames have that of the frame they are in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addr: Option<u64>,
}

impl Frame {
    /// The name as Xen prints it: `file.c#function` for a static function, else `function`.
    pub fn name(&self) -> Cow<'_, str> {
        match &self.file {
            Some(file) => Cow::Owned(format!("{file}#{}", self.function)),
            None => Cow::Borrowed(&self.function),
        }
    }
}

/// A stack with names, root first: the entry of Xen stands at the beginning, the caller of the
/// allocator at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stack {
    /// Root first. Empty: the stack could not be read (`N/A`).
    pub frames: Vec<Frame>,
    /// Frames are missing at the root.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// The recorder's hash, the same from boot to boot of one image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<u64>,
    /// Why it may not be what happened; only of traces that Xen printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncertain: Option<Uncertain>,
}
