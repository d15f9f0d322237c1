//! Shows on a terminal that a command is at work, once that has taken two seconds.
//!
//! Commands with a progress of their own (`progress.rs`) end it. Whatever else is written to the
//! terminal goes through [`suspend`], so that the two do not mix.

use std::{
    io::IsTerminal,
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use xenheap_output::printable;

/// What is over before that needs no words.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often what is shown moves.
const TICK: Duration = Duration::from_millis(120);

enum State {
    /// Nothing is shown, and nothing will be.
    Over,
    /// This is shown if it takes longer.
    Waiting(String),
    /// It is shown.
    Shown(ProgressBar),
}

/// There is one terminal.
static STATE: Mutex<State> = Mutex::new(State::Over);

fn with<T>(what: impl FnOnce(&mut State) -> T) -> T {
    what(&mut STATE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// From now on `what` is done.
pub fn begin(what: &str) {
    if !std::io::stderr().is_terminal() {
        return;
    }
    with(|state| *state = State::Waiting(what.to_owned()));
    // The thread ends with the process, or finds that there is nothing to show.
    thread::spawn(|| {
        thread::sleep(PATIENCE);
        with(show);
    });
}

fn show(state: &mut State) {
    let State::Waiting(what) = state else { return };
    let bar = ProgressBar::new_spinner().with_message(what.clone()).with_elapsed(PATIENCE);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    *state = State::Shown(bar);
}

/// What is done now; it can hold any text.
pub fn now(what: impl std::fmt::Display) {
    with(|state| match state {
        State::Over => {}
        State::Waiting(text) => *text = printable(&what.to_string()),
        State::Shown(bar) => bar.set_message(printable(&what.to_string())),
    });
}

/// The work is over, or shown in another way.
pub fn over() {
    with(|state| {
        if let State::Shown(bar) = std::mem::replace(state, State::Over) {
            bar.finish_and_clear();
        }
    });
}

/// Writes to the terminal beside what is shown.
pub fn suspend(write: impl FnOnce()) {
    with(|state| match state {
        State::Shown(bar) => bar.suspend(write),
        State::Over | State::Waiting(_) => write(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_shown_late_and_taken_back() {
        let mut state = State::Waiting("reading".to_owned());
        show(&mut state);
        let State::Shown(bar) = &state else { panic!("nothing is shown") };
        assert_eq!(bar.message(), "reading");
        bar.finish_and_clear();
        let mut over = State::Over;
        show(&mut over);
        assert!(matches!(over, State::Over));
    }
}
