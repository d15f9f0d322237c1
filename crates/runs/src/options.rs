use std::path::PathBuf;

/// How a run is read, and what is kept of it.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where names come from.
    pub symbols: Symbols,
    /// Names may come from an image that is not the one which ran.
    pub allow_mismatch: bool,
    /// Which boot and which view.
    pub intake: xenheap_ledger::Config,
    /// Keep single events, for the RFC's format.
    pub events: bool,
    /// Keep the events for a plan.
    pub trace: bool,
    /// Save the run under this name.
    pub save: Option<PathBuf>,
}

impl Options {
    /// Whether somebody wants to see single events.
    pub(crate) fn need_events(&self) -> bool {
        self.events || self.trace || self.save.is_some()
    }
}

/// Where names come from.
#[derive(Clone, Debug, Default)]
pub enum Symbols {
    /// From an image beside the log, if there is one.
    #[default]
    Beside,
    /// From this one.
    File(PathBuf),
    /// From the log alone.
    None,
}
