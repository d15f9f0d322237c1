//! Failures as whoever runs the lab tells them apart.

/// What kind of failure it is: the command turns it into its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The command was used wrongly, or the machine lacks something.
    Usage,
    /// An input cannot be read or is not what it should be.
    Input,
    /// A build, a boot or a time limit failed.
    Run,
    /// Something could not be downloaded.
    Network,
}
