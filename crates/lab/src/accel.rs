//! How the emulator runs the machine's CPUs: each in a thread of its own, or all in one.
//!
//! Xen's locks are taken in turn. With a thread each, a CPU whose turn has come may have to wait
//! for this computer, if that is busy, and the others spin meanwhile; a machine with guests may
//! then do hardly anything else, and its timers leave it no time to get on. In one thread, a CPU
//! that spins lets the next one run. Where processors are free, threads are faster.

use std::fs;
use std::time::Duration;

/// A thread for each CPU.
pub(crate) const THREADS: &str = "tcg";

/// One for all.
pub(crate) const ONE_THREAD: &str = "tcg,thread=single";

/// For how long is looked what this computer does.
const LOOK: Duration = Duration::from_millis(500);

/// How often, before it counts as busy. A compiler that has just ended is no reason to take one
/// thread: QEMU 7.2 can then deliver an interrupt of a PVH or HVM guest a second time, and its
/// kernel dies.
const LOOKS: usize = 20;

/// What to give as QEMU's `-accel` for so many CPUs, as busy as this computer is now.
pub(crate) fn for_now(cpus: u8) -> &'static str {
    let times = || fs::read_to_string("/proc/stat").ok().and_then(|text| Times::parse(&text));
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    // More processors than there are do not become free.
    let looks = if choose(cpus, 100, processors) == THREADS { LOOKS } else { 1 };
    for _ in 0..looks {
        let before = times();
        std::thread::sleep(LOOK);
        let (Some(before), Some(after)) = (before, times()) else { return THREADS };
        if choose(cpus, after.idle_since(before), processors) == THREADS {
            return THREADS;
        }
    }
    ONE_THREAD
}

/// What the processors have done since this computer was switched on, in ticks.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Times {
    idle: u64,
    all: u64,
}

impl Times {
    /// Reads the first line of `/proc/stat`: user, nice, system, idle, waiting for a disk, and
    /// more.
    fn parse(stat: &str) -> Option<Self> {
        let line = stat.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Vec<u64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
        // What runs with a lower priority gives way to the emulator. Guests' time, the ninth and
        // tenth, is in the others already.
        let idle = ticks.get(1)? + ticks.get(3)? + ticks.get(4)?;
        Some(Self { idle, all: ticks.iter().take(8).sum() })
    }

    /// The part of the time that was idle, in percent.
    fn idle_since(self, before: Self) -> u64 {
        let [idle, all] = [self.idle.saturating_sub(before.idle), self.all.saturating_sub(before.all)];
        (idle * 100).checked_div(all).unwrap_or(100)
    }
}

/// Threads need a free processor each; half of one may have something else to do.
fn choose(cpus: u8, idle_percent: u64, processors: usize) -> &'static str {
    let free = idle_percent.saturating_mul(processors as u64);
    let needed = u64::from(cpus) * 100;
    if cpus > 1 && free.saturating_add(50) < needed { ONE_THREAD } else { THREADS }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_processors_are_free_each_cpu_has_a_thread() {
        assert_eq!(choose(2, 100, 2), THREADS);
        assert_eq!(choose(2, 80, 2), THREADS);
        assert_eq!(choose(2, 20, 8), THREADS);
        assert_eq!(choose(1, 0, 1), THREADS);
    }

    #[test]
    fn where_they_are_not_all_cpus_have_one() {
        assert_eq!(choose(2, 100, 1), ONE_THREAD);
        assert_eq!(choose(2, 5, 2), ONE_THREAD);
        assert_eq!(choose(4, 80, 4), ONE_THREAD);
    }

    #[test]
    fn what_is_idle_is_what_the_kernel_counts_so() {
        let before = Times::parse("cpu  10 0 10 100 20 1 2 7 5 0\ncpu0 1 2 3\n");
        assert_eq!(before, Some(Times { idle: 120, all: 150 }));
        let nice = Times::parse("cpu  10 7 10 100 20 1 2 7 5 0\n");
        assert_eq!(nice, Some(Times { idle: 127, all: 157 }), "what has a low priority gives way");
        let after = Times { idle: 150, all: 250 };
        assert_eq!(before.map(|before| after.idle_since(before)), Some(30));
        assert_eq!(after.idle_since(after), 100);
        for bad in ["", "intr 1 2", "cpu  1 2 3", "cpu  1 2 3 x 5"] {
            assert_eq!(Times::parse(bad), None, "{bad}");
        }
    }
}
