//! The command `xenheap`: arguments in, exit code out. The library does everything.

use std::process::ExitCode;

fn main() -> ExitCode {
    xenheap::run_from(std::env::args_os()).into()
}
