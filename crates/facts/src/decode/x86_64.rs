use std::ops::Range;

use iced_x86::{FlowControl, Instruction, Mnemonic, OpKind, Register};

use super::{Code, Decoder, End, Target, Transfer, Until};

/// `udb`, which newer Xens make their bug frames of: it raises an exception, and is one byte long.
/// The decoder does not know it, and would take the instruction behind it for a part of it.
const UDB: u8 = 0xd6;

impl Decoder<'_> {
    pub(super) fn x86_64(&self, range: Range<u64>, bytes: &[u8], until: Until) -> Code {
        let mut code = Code::default();
        let mut alive = true;
        let mut last_call = None;
        let mut before = [Instruction::default(); 2];
        let mut decoder = iced_x86::Decoder::with_ip(64, bytes, range.start, iced_x86::DecoderOptions::NONE);
        let mut instruction = Instruction::default();
        while decoder.can_decode() && (alive || until == Until::End) {
            let position = decoder.position();
            if bytes.get(position) == Some(&UDB) {
                alive = false;
                let next = position + 1;
                if decoder.set_position(next).is_err() {
                    break;
                }
                decoder.set_ip(range.start.wrapping_add(next as u64));
                continue;
            }
            decoder.decode_out(&mut instruction);
            if instruction.is_invalid() {
                code.unknown += 1;
                continue;
            }
            // Between functions lie instructions that nobody executes.
            if matches!(instruction.mnemonic(), Mnemonic::Nop | Mnemonic::Int3) {
                continue;
            }
            alive = true;
            last_call = None;
            let address = instruction.ip();
            let mut transfer = |call, target| code.transfers.push(Transfer { address, call, target });
            match instruction.flow_control() {
                // Entering a guest is no call.
                FlowControl::Call if instruction.op0_kind() != OpKind::NearBranch64 => {}
                FlowControl::Call => match instruction.near_branch_target() {
                    to if self.thunks.contains(&to) => transfer(true, Target::Computed),
                    // Loading the program counter.
                    to if to == instruction.next_ip() => {}
                    to => {
                        transfer(true, Target::Direct(to));
                        last_call = Some(to);
                    }
                },
                FlowControl::IndirectCall => transfer(true, self.target(&instruction)),
                FlowControl::UnconditionalBranch => {
                    alive = false;
                    match instruction.near_branch_target() {
                        to if self.returns.contains(&to) || range.contains(&to) => {}
                        to if self.thunks.contains(&to) => transfer(false, Target::Computed),
                        to => transfer(false, Target::Direct(to)),
                    }
                }
                FlowControl::ConditionalBranch => match instruction.near_branch_target() {
                    to if range.contains(&to) => {}
                    to if self.thunks.contains(&to) => transfer(false, Target::Computed),
                    to if self.returns.contains(&to) => {}
                    to => transfer(false, Target::Direct(to)),
                },
                FlowControl::IndirectBranch => {
                    alive = false;
                    if is_switch(&instruction, &before) {
                        code.switches += 1;
                    } else {
                        transfer(false, self.target(&instruction));
                    }
                }
                FlowControl::Return | FlowControl::Exception => alive = false,
                FlowControl::Next | FlowControl::Interrupt | FlowControl::XbeginXabortXend => {}
            }
            before = [before[1], instruction];
        }
        code.end = match (alive, last_call) {
            (false, _) => End::Stops,
            (true, Some(callee)) => End::AfterCall(callee),
            (true, None) => End::Falls,
        };
        code
    }

    fn target(&self, instruction: &Instruction) -> Target {
        if instruction.op0_kind() != OpKind::Memory {
            return Target::Computed;
        }
        let fixed = instruction.is_ip_rel_memory_operand()
            || instruction.memory_base() == Register::None && instruction.memory_index() == Register::None;
        match fixed && instruction.segment_prefix() == Register::None {
            true if self.alternatives.contains(&instruction.ip()) => {
                Target::Alternative(instruction.memory_displacement64())
            }
            true => Target::Slot(instruction.memory_displacement64()),
            false => Target::Computed,
        }
    }
}

/// Whether an indirect jump goes through a table of the compiler's: `jmp *table(,%reg,8)`, or a
/// jump to a register to which the distance of the table was just added. With control-flow
/// enforcement only such jumps are marked `notrack`.
fn is_switch(jump: &Instruction, before: &[Instruction; 2]) -> bool {
    if jump.op0_kind() == OpKind::Memory {
        return jump.memory_index() != Register::None && jump.memory_index_scale() == 8;
    }
    let register = jump.op0_register();
    let adds = |at: &Instruction| {
        at.mnemonic() == Mnemonic::Add && at.op0_register() == register && at.op1_kind() == OpKind::Register
    };
    before.iter().any(adds)
}
