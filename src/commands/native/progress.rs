//! A progress line on stderr.

use std::io::{IsTerminal, Write};
use std::time::Instant;

/// A progress line on stderr; rewritten in place on a terminal.
pub struct ProgressLine {
    what: &'static str,
    start: Instant,
    shown: Option<Instant>,
}

impl ProgressLine {
    /// Starts the clock for `what`, a plural noun such as `passages`.
    pub fn new(what: &'static str) -> Self {
        Self { what, start: Instant::now(), shown: None }
    }

    /// Shows the state, at most five times a second, and at the end.
    pub fn show(&mut self, done: usize, total: usize) {
        let terminal = std::io::stderr().is_terminal();
        let pause = if terminal { 0.2 } else { 10.0 };
        if done < total && self.shown.is_some_and(|t| t.elapsed().as_secs_f64() < pause) {
            return;
        }
        self.shown = Some(Instant::now());
        let rate = done as f64 / self.start.elapsed().as_secs_f64().max(1e-9);
        let left = (total - done.min(total)) as f64 / rate.max(1e-9);
        let line = format!("{done} of {total} {}, {rate:.0}/s, {left:.0} s left", self.what);
        let mut stderr = std::io::stderr();
        // A closed stderr is no reason to stop.
        let _ = match (terminal, done >= total) {
            (true, false) => write!(stderr, "\r\x1b[K{line}").and_then(|()| stderr.flush()),
            (true, true) => writeln!(stderr, "\r\x1b[K{line}"),
            _ => writeln!(stderr, "{line}"),
        };
    }
}
