//! An app that writes a watched file whenever it starts restarts itself for ever. That is noticed,
//! said, and slowed down.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Mono;

/// A change so soon after a restart may be the app's own.
const NEAR: Duration = Duration::from_secs(2);

/// So many of them in a row, of the same file, are no coincidence.
const SUSPICIOUS: u32 = 5;

/// The first pause; each further one is twice as long …
const PAUSE: Duration = Duration::from_secs(1);

/// … but not more than so many times.
const DOUBLINGS: u32 = 4;

/// How the restarts of an app follow each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RestartThrottle {
    path: String,
    /// When the last restart was done.
    ended: Option<Mono>,
    in_a_row: u32,
    /// No restart before this moment.
    hold: Option<Mono>,
}

/// What to do about a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Restart.
    Go,
    /// Ask again then. The first time, people should know.
    Hold(Mono, bool),
    /// Nothing: it is held already.
    Held,
}

impl RestartThrottle {
    /// A change calls for a restart.
    pub(super) fn ask(&mut self, path: &str, now: Mono) -> Verdict {
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
        let until = now + PAUSE * 2_u32.pow(more.min(DOUBLINGS));
        self.hold = Some(until);
        Verdict::Hold(until, more == 0)
    }

    /// The restart is done.
    pub(super) fn ended(&mut self, now: Mono) {
        self.ended = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_changes_its_own_file_is_slowed_down() {
        let mut throttle = RestartThrottle::default();
        let mut now = Mono(0);
        let path = "state.json";
        let mut restart = |verdict: fn(Mono) -> Verdict| {
            now = now + Duration::from_millis(200);
            let got = throttle.ask(path, now);
            assert_eq!(got, verdict(now));
            if let Verdict::Hold(until, _) = got {
                let early = until - Duration::from_millis(1);
                assert_eq!(throttle.ask(path, early), Verdict::Held);
                now = until;
                assert_eq!(throttle.ask(path, now), Verdict::Go);
            }
            throttle.ended(now);
        };
        for _ in 0..SUSPICIOUS {
            restart(|_| Verdict::Go);
        }
        let pauses: [fn(Mono) -> Verdict; 6] = [
            |now| Verdict::Hold(now + Duration::from_secs(1), true),
            |now| Verdict::Hold(now + Duration::from_secs(2), false),
            |now| Verdict::Hold(now + Duration::from_secs(4), false),
            |now| Verdict::Hold(now + Duration::from_secs(8), false),
            |now| Verdict::Hold(now + Duration::from_secs(16), false),
            |now| Verdict::Hold(now + Duration::from_secs(16), false),
        ];
        for pause in pauses {
            restart(pause);
        }
    }

    #[test]
    fn who_edits_is_not() {
        let mut throttle = RestartThrottle::default();
        let mut now = Mono(0);
        for round in 0..20 {
            now = now + Duration::from_millis(200);
            let path = if round % 2 == 0 { "a.js" } else { "b.js" };
            assert_eq!(throttle.ask(path, now), Verdict::Go);
            throttle.ended(now);
        }
        for _ in 0..20 {
            now = now + NEAR;
            assert_eq!(throttle.ask("a.js", now), Verdict::Go);
            throttle.ended(now);
        }
    }
}
