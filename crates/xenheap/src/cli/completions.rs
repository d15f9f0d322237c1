//! `xenheap completions`: its arguments.

use clap::Args;
use clap_complete::Shell;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  xenheap completions bash > /etc/bash_completion.d/xenheap")]
pub struct Arguments {
    /// Which shell
    shell: Shell,
}

impl Arguments {
    pub fn lower(self) -> Shell {
        self.shell
    }
}
