//! Frames of Xen's own call traces.
//!
//! x86: `   [<ffff82d040230090>] R alloc_domheap_pages+0x90/0x1e0`. Arm:
//! `   [<00000a000022f784>] _xmalloc+0xf0/0x32c (PC)`. Static functions are `file.c#function`.

use xenheap_model::{Mark, TraceFrame};

use crate::number::hex;

/// The line before the frames.
pub(crate) const TITLE: &[u8] = b"Xen call trace:";
/// How a frame begins, behind some spaces.
pub(crate) const FRAME: &[u8] = b"[<";
/// Longer names do not occur (Xen's symbol table allows 127 bytes).
const LONGEST_NAME: usize = 256;

/// What a line that should be a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParsedFrame {
    /// A frame, and whether the line ends where the frame ends.
    Frame { whole: bool },
    /// It begins like a frame, and what it says cannot be read.
    Broken,
}

/// Reads the frame of `message`, which begins with [`FRAME`], into `frame`, whose memory is used
/// again.
pub(crate) fn parse(message: &[u8], frame: &mut TraceFrame) -> ParsedFrame {
    match parse_into(message, frame) {
        // Without a name and without the address once more, the line was cut behind the address.
        Some((rest, is_said)) => ParsedFrame::Frame { whole: is_said && rest.trim_ascii().is_empty() },
        None => ParsedFrame::Broken,
    }
}

/// Gives what is behind the frame, and whether anything was between the two.
fn parse_into<'a>(message: &'a [u8], frame: &mut TraceFrame) -> Option<(&'a [u8], bool)> {
    frame.addr = None;
    frame.name.clear();
    frame.offset = None;
    frame.mark = Mark::None;

    let inner = message.strip_prefix(FRAME)?;
    let mut rest = match hex(inner) {
        Some((addr, rest)) if rest.starts_with(b">]") && matches!(inner.len() - rest.len(), 8 | 16) => {
            frame.addr = Some(addr);
            rest
        }
        // An address that was altered on the way costs the address, not the name.
        _ => inner.get(inner.iter().take(24).position(|&byte| byte == b'>')?..)?,
    };
    rest = rest.strip_prefix(b">]")?;
    rest = rest.strip_prefix(b" ").unwrap_or(rest);

    if let [mark, b' ', after @ ..] = rest
        && mark.is_ascii_alphabetic()
    {
        frame.mark = mark_of_letter(*mark);
        rest = after;
    }
    let end = memchr::memchr2(b' ', b'+', rest).unwrap_or(rest.len());
    let (name, mut rest) = rest.split_at_checked(end)?;
    // Without a symbol, Xen prints the address once more.
    let is_address = name.len() >= 8 && hex(name).is_some_and(|(_, rest)| rest.is_empty());
    let has_name = !name.is_empty() && !is_address;
    if has_name {
        if name.len() > LONGEST_NAME || !name.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        // Xen always prints the offset: without one, the line was cut inside the name.
        // Zero is written without `0x`. A size is never zero: `/0` was cut.
        let (offset, after) = match rest {
            [b'+', b'0', b'/', ..] => (0, rest.get(2..)?),
            _ => hex(rest.strip_prefix(b"+0x")?)?,
        };
        let (size, after) = hex(after.strip_prefix(b"/0x")?)?;
        frame.name.push_str(std::str::from_utf8(name).ok()?);
        frame.offset = Some((offset, size));
        rest = after;
    }
    for (text, mark) in [(&b" (PC)"[..], Mark::Pc), (b" (LR)", Mark::Lr)] {
        if let Some(after) = rest.strip_prefix(text) {
            frame.mark = mark;
            rest = after;
        }
    }
    if frame.addr.is_none() && frame.name.is_empty() {
        return None;
    }
    // A live patch's name.
    if let Some(after) = rest.strip_prefix(b" [")
        && let Some(end) = after.iter().position(|&byte| byte == b']')
    {
        rest = after.get(end + 1..)?;
    }
    Some((rest, !name.is_empty()))
}

/// Whether a line that is no frame has something of one: it was cut, or altered.
pub(crate) fn remains(line: &[u8]) -> bool {
    // Of most lines one look is enough.
    if memchr::memchr3(b'<', b'>', b'+', line).is_none() {
        return false;
    }
    let has = |what| memchr::memmem::find(line, what).is_some();
    has(FRAME) || has(b">] ") || (has(b"+0x") && has(b"/0x"))
}

fn mark_of_letter(letter: u8) -> Mark {
    match letter {
        b'R' => Mark::R,
        b'F' => Mark::F,
        b'S' => Mark::S,
        other => Mark::Other(char::from(other)),
    }
}

/// Whether `frame` is the first of a trace on any architecture.
pub(crate) fn is_first(frame: &TraceFrame) -> bool {
    matches!(frame.mark, Mark::R | Mark::Pc)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = (Option<u64>, String, Option<(u64, u64)>, Mark, bool);

    fn read(line: &str) -> Option<Read> {
        let mut frame =
            TraceFrame { addr: Some(1), name: "old".into(), offset: Some((1, 2)), mark: Mark::Lr };
        match parse(line.as_bytes(), &mut frame) {
            ParsedFrame::Frame { whole } => Some((frame.addr, frame.name, frame.offset, frame.mark, whole)),
            ParsedFrame::Broken => None,
        }
    }

    #[test]
    fn frames_of_every_architecture() {
        let cases = [
            (
                "[<ffff82d040230090>] R alloc_domheap_pages+0x90/0x1e0",
                (Some(0xffff_82d0_4023_0090), "alloc_domheap_pages", Some((0x90, 0x1e0)), Mark::R, true),
            ),
            (
                "[<ffff82d040230090>] F arch/x86/mm.c#get_page+0x9/0x1e [lp-1]  ",
                (Some(0xffff_82d0_4023_0090), "arch/x86/mm.c#get_page", Some((0x9, 0x1e)), Mark::F, true),
            ),
            (
                "[<ffff82d040230090>] S ffff82d040230090",
                (Some(0xffff_82d0_4023_0090), "", None, Mark::S, true),
            ),
            (
                "[<00000a000022f784>] _xmalloc+0xf0/0x32c (PC)",
                (Some(0xa00_0022_f784), "_xmalloc", Some((0xf0, 0x32c)), Mark::Pc, true),
            ),
            (
                "[<0022f784>] _xmalloc+0xf0/0x32c (LR)",
                (Some(0x22_f784), "_xmalloc", Some((0xf0, 0x32c)), Mark::Lr, true),
            ),
            (
                "[<00225715>] arch/arm/arm32/entry.o#return_from_trap+0/0x4",
                (Some(0x22_5715), "arch/arm/arm32/entry.o#return_from_trap", Some((0, 4)), Mark::None, true),
            ),
            (
                "[<ffff82d040230090>] S common/sched/credit2.c#replenish_domain_budget+0/0x3ae",
                (
                    Some(0xffff_82d0_4023_0090),
                    "common/sched/credit2.c#replenish_domain_budget",
                    Some((0, 0x3ae)),
                    Mark::S,
                    true,
                ),
            ),
            (
                "[<ffff82d040230090>] x restore_all_guest+0x12/0x20",
                (
                    Some(0xffff_82d0_4023_0090),
                    "restore_all_guest",
                    Some((0x12, 0x20)),
                    Mark::Other('x'),
                    true,
                ),
            ),
            ("[<0022f784>] f+0x1/0x2 (LR)", (Some(0x22_f784), "f", Some((1, 2)), Mark::Lr, true)),
            ("[<00000a0000200000>] 00000a0000200000 (PC)", (Some(0xa00_0020_0000), "", None, Mark::Pc, true)),
            (
                "[<00000a00zz2fa20>] _xzalloc+0x14/0x3c",
                (None, "_xzalloc", Some((0x14, 0x3c)), Mark::None, true),
            ),
            (
                "[<00000a000022fa20>] _xzalloc+0x14/0x3c oops",
                (Some(0xa00_0022_fa20), "_xzalloc", Some((0x14, 0x3c)), Mark::None, false),
            ),
        ];
        for (line, (addr, name, offset, mark, whole)) in cases {
            assert_eq!(read(line), Some((addr, name.to_owned(), offset, mark, whole)), "{line}");
        }
    }

    #[test]
    fn frames_that_were_cut() {
        let whole = "[<ffff82d040230090>] R alloc_domheap_pages+0x90/0x1e0";
        for end in 0.."[<ffff82d040230090>".len() {
            assert_eq!(read(&whole[..end]), None, "{end}");
        }
        for end in
            "[<ffff82d040230090>] R a".len()..="[<ffff82d040230090>] R alloc_domheap_pages+0x90/0x".len()
        {
            assert_eq!(read(&whole[..end]), None, "{}", &whole[..end]);
        }
        for line in [
            "R na\u{7f}me+0x1/0x2",
            "R name+0",
            "R name+0/",
            "R name+0/0",
            "R name+00/0x2",
            "R name+1/0x2",
            "RX name+0/0x2",
        ] {
            assert_eq!(read(&format!("[<ffff82d040230090>] {line}")), None, "{line}");
        }
    }
}
