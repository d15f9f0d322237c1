use std::ops::Range;

use yaxpeax_arch::{Decoder as _, U8Reader};
use yaxpeax_arm::armv8::a64::{InstDecoder, Instruction, Opcode, Operand, ShiftStyle};

use super::{Code, Decoder, End, Handed, Target, Transfer, Until};

/// Bytes of an instruction.
const SIZE: u64 = 4;

impl Decoder<'_> {
    pub(super) fn arm64(&self, range: Range<u64>, bytes: &[u8], until: Until) -> Code {
        let mut code = Code::default();
        let mut alive = true;
        let mut last_call = None;
        let mut written = Written::default();
        let decoder = InstDecoder::default();
        let literals = self.image.literals();
        let mut literal = literals.partition_point(|literal| literal.end <= range.start);
        for (at, word) in bytes.chunks_exact(4).enumerate() {
            if !alive && until == Until::Stop {
                break;
            }
            let address = range.start + SIZE * at as u64;
            while literals.get(literal).is_some_and(|literal| literal.end <= address) {
                literal += 1;
            }
            if literals.get(literal).is_some_and(|literal| literal.contains(&address)) {
                continue;
            }
            let mut instruction = Instruction::default();
            if decoder.decode_into(&mut instruction, &mut U8Reader::new(word)).is_err() {
                code.unknown += SIZE;
                continue;
            }
            if *word == NOP {
                continue;
            }
            alive = true;
            last_call = None;
            let [first, second, ..] = instruction.operands;
            if let (Opcode::BLR | Opcode::BR, Some(number)) = (instruction.opcode, register(first)) {
                code.registers.push((address, number));
            }
            let mut transfer = |call, target| code.transfers.push(Transfer { address, call, target });
            match instruction.opcode {
                Opcode::BL => {
                    if let Some(to) = target(address, first) {
                        transfer(true, Target::Direct(to));
                        last_call = Some(to);
                    }
                }
                Opcode::BLR => transfer(true, written.target(first)),
                Opcode::B => {
                    alive = false;
                    if let Some(to) = target(address, first).filter(|to| !range.contains(to)) {
                        transfer(false, Target::Direct(to));
                        code.handed.extend(written.constants(to));
                    }
                }
                Opcode::Bcc(_) | Opcode::CBZ | Opcode::CBNZ | Opcode::TBZ | Opcode::TBNZ => {
                    let to = instruction.operands.into_iter().find_map(|operand| target(address, operand));
                    if let Some(to) = to.filter(|to| !range.contains(to)) {
                        transfer(false, Target::Direct(to));
                    }
                }
                Opcode::BR => {
                    alive = false;
                    match written.is_switch(first) {
                        true => code.switches += 1,
                        false => transfer(false, written.target(first)),
                    }
                }
                Opcode::RET | Opcode::ERET | Opcode::BRK | Opcode::UDF | Opcode::HLT => alive = false,
                _ => {}
            }
            written.note(address, instruction.opcode, first, second, instruction.operands);
        }
        code.end = match (alive, last_call) {
            (false, _) => End::Stops,
            (true, Some(callee)) => End::AfterCall(callee),
            (true, None) => End::Falls,
        };
        code
    }
}

const NOP: [u8; 4] = 0xd503_201f_u32.to_le_bytes();

fn target(address: u64, operand: Operand) -> Option<u64> {
    match operand {
        Operand::PCOffset(offset) => Some(address.wrapping_add_signed(offset)),
        _ => None,
    }
}

/// How each register got its value, as far as jumps need it.
#[derive(Default)]
struct Written {
    how: [How; 32],
}

#[derive(Debug, Clone, Copy, Default)]
enum How {
    #[default]
    Somehow,
    /// From a literal in the code.
    Literal(u64),
    /// A base to which a distance from a table was added.
    Table,
}

impl Written {
    fn get(&self, operand: Operand) -> How {
        register(operand).and_then(|number| self.how.get(number).copied()).unwrap_or_default()
    }

    fn target(&self, operand: Operand) -> Target {
        match self.get(operand) {
            How::Literal(at) => Target::Slot(at),
            _ => Target::Computed,
        }
    }

    /// The constants that are in registers when control jumps.
    fn constants(&self, to: u64) -> impl Iterator<Item = Handed> + '_ {
        self.how.iter().enumerate().filter_map(move |(register, how)| match how {
            How::Literal(slot) => Some(Handed { to, register, slot: *slot }),
            _ => None,
        })
    }

    fn is_switch(&self, operand: Operand) -> bool {
        matches!(self.get(operand), How::Table)
    }

    fn note(&mut self, address: u64, opcode: Opcode, first: Operand, second: Operand, all: [Operand; 4]) {
        let Some(slot) = register(first).and_then(|number| self.how.get_mut(number)) else { return };
        *slot = match opcode {
            Opcode::LDR => target(address, second).map_or(How::Somehow, How::Literal),
            // `add x0, x1, w2, sxth #2`
            Opcode::ADD
                if matches!(
                    all,
                    [
                        _,
                        _,
                        Operand::RegShift(ShiftStyle::SXTB | ShiftStyle::SXTH | ShiftStyle::SXTW, 2, ..),
                        _
                    ]
                ) =>
            {
                How::Table
            }
            _ => How::Somehow,
        };
    }
}

fn register(operand: Operand) -> Option<usize> {
    match operand {
        Operand::Register(_, number) | Operand::RegisterOrSP(_, number) => Some(usize::from(number)),
        _ => None,
    }
}
