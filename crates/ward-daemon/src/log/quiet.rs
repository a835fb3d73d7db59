//! When streams with an unfinished line are looked at again: one that has been silent for long
//! enough, such as a prompt, is meant to be seen.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::poll::Token;

/// How long a stream is silent before its unfinished line is passed on.
pub(super) const QUIET: Duration = Duration::from_millis(100);

/// The deadlines; at most one per stream, see `Source::is_awaited`.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    due: BTreeSet<(Instant, Token)>,
}

impl Quiet {
    /// The stream is to be looked at then.
    pub(super) fn expect(&mut self, token: Token, due: Instant) {
        self.due.insert((due, token));
    }

    /// When the next one is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Takes one that is due.
    pub(super) fn next(&mut self, now: Instant) -> Option<Token> {
        let (due, _) = self.due.first()?;
        if *due > now {
            return None;
        }
        self.due.pop_first().map(|(_, token)| token)
    }
}
