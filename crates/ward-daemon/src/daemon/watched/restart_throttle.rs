//! An app that writes a watched file whenever it starts restarts itself for ever. That is noticed,
//! said, and slowed down.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A change so soon after a restart may be the app's own.
const NEAR: Duration = Duration::from_secs(2);

/// So many of them in a row, of the same file, are no coincidence.
const SUSPICIOUS: u32 = 5;

/// The first pause; each further one is twice as long …
const PAUSE: Duration = Duration::from_secs(1);

/// … but not more than so many times.
const DOUBLINGS: u32 = 4;

/// How the restarts of an app follow each other.
#[derive(Debug, Default)]
pub(super) struct RestartThrottle {
    path: PathBuf,
    /// When the last restart was done.
    ended: Option<Instant>,
    in_a_row: u32,
    /// No restart before this moment.
    hold: Option<Instant>,
}

/// What to do about a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Restart.
    Go,
    /// Ask again after this time. The first time, people should know.
    Hold(Duration, bool),
    /// Nothing: it is held already.
    Held,
}

impl RestartThrottle {
    /// A change calls for a restart.
    pub(super) fn ask(&mut self, path: &Path, now: Instant) -> Verdict {
        if let Some(until) = self.hold {
            if now < until {
                return Verdict::Held;
            }
            self.hold = None;
            return Verdict::Go;
        }
        let near = self.ended.is_some_and(|ended| now < ended + NEAR);
        if !near || self.path != path {
            self.in_a_row = 0;
            path.clone_into(&mut self.path);
            return Verdict::Go;
        }
        self.in_a_row += 1;
        let Some(more) = self.in_a_row.checked_sub(SUSPICIOUS) else {
            return Verdict::Go;
        };
        let pause = PAUSE * 2_u32.pow(more.min(DOUBLINGS));
        self.hold = Some(now + pause);
        Verdict::Hold(pause, more == 0)
    }

    /// The restart is done.
    pub(super) fn ended(&mut self, now: Instant) {
        self.ended = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_changes_its_own_file_is_slowed_down() {
        let mut throttle = RestartThrottle::default();
        let mut now = Instant::now();
        let path = Path::new("state.json");
        let mut restart = |verdict| {
            now += Duration::from_millis(200);
            let got = throttle.ask(path, now);
            assert_eq!(got, verdict);
            if let Verdict::Hold(pause, _) = got {
                assert_eq!(throttle.ask(path, now + pause / 2), Verdict::Held);
                now += pause;
                assert_eq!(throttle.ask(path, now), Verdict::Go);
            }
            throttle.ended(now);
        };
        for _ in 0..SUSPICIOUS {
            restart(Verdict::Go);
        }
        for (round, seconds) in [1, 2, 4, 8, 16, 16].into_iter().enumerate() {
            restart(Verdict::Hold(Duration::from_secs(seconds), round == 0));
        }
    }

    #[test]
    fn who_edits_is_not() {
        let mut throttle = RestartThrottle::default();
        let mut now = Instant::now();
        for round in 0..20 {
            now += Duration::from_millis(200);
            let path = if round % 2 == 0 { "a.js" } else { "b.js" };
            assert_eq!(throttle.ask(Path::new(path), now), Verdict::Go);
            throttle.ended(now);
        }
        for _ in 0..20 {
            now += NEAR;
            assert_eq!(throttle.ask(Path::new("a.js"), now), Verdict::Go);
            throttle.ended(now);
        }
    }
}
