//! A start that failed because something was short: descriptors, processes, memory, room on a disk.
//! That is no failure of the app. It waits, with delays that grow, and is started as soon as it can be;
//! its restarts and its short lives are not counted for it.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::id::Life;
use crate::instance::promises::Goal;
use crate::instance::{Instance, State};
use crate::request::RequestError;
use crate::time::Mono;

/// The delay after the first try; it doubles with each further one.
const FIRST_DELAY: Duration = Duration::from_millis(100);

/// No delay grows beyond this.
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// Whoever asked for the start is told after the first try that fails so long after the first
/// failure; the tries go on.
const ANSWER_AFTER: Duration = Duration::from_secs(3);

/// Something is short, and an instance waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortage {
    /// The moment of the first start that failed.
    since: Mono,
    /// The delay before the next try, without its random part.
    delay: Duration,
    /// Completes "cannot …".
    pub(super) reason: String,
}

impl Instance {
    /// Answer to `Spawn`: nothing runs, and it may be otherwise later.
    pub(crate) fn spawn_postponed(&mut self, life: Life, reason: &str, cx: &mut Context<'_>) {
        match &self.state {
            State::Launching {
                life: current,
                pid: None,
                ..
            } if *current == life => {
                cx.release(life);
                self.wait_for_room(reason, cx);
            }
            // A worker that was to be replaced serves on, and whoever asked is told; an end that was
            // asked for is here.
            State::Launching { .. }
            | State::Stopping { .. }
            | State::Online { .. }
            | State::Stopped
            | State::Waiting { .. }
            | State::Errored { .. } => self.spawn_failed(life, reason, cx),
        }
    }

    fn wait_for_room(&mut self, reason: &str, cx: &mut Context<'_>) {
        let now = cx.now.mono;
        let (since, delay) = match &self.shortage {
            None => {
                cx.log_error(format!(
                    "{} cannot {reason}: it waits, and is tried again until it can",
                    self.title()
                ));
                (now, FIRST_DELAY)
            }
            Some(before) => {
                let doubled = before.delay.saturating_mul(2);
                (before.since, doubled.min(LONGEST_DELAY))
            }
        };
        let reason = format!("{reason}; it is tried again until it can");
        self.failure = Some(reason.clone());
        self.shortage = Some(Shortage {
            since,
            delay,
            reason: reason.clone(),
        });
        let delay = cx.random.within_quarter(delay);
        self.state = State::Waiting {
            until: now + delay,
            delay,
        };
        if now.since(since) >= ANSWER_AFTER {
            self.settle(Goal::Up, cx, |instance| {
                Err(RequestError::SpawnFailed {
                    instance: instance.id,
                    reason: reason.clone(),
                })
            });
        }
    }

    /// It runs: what was short is there again.
    pub(super) fn end_shortage(&mut self, cx: &mut Context<'_>) {
        if let Some(shortage) = self.shortage.take() {
            self.failure = None;
            let waited = cx.now.mono.since(shortage.since).as_secs_f64();
            cx.log(format!(
                "{} was started after it had to wait for {waited:.1} s",
                self.title()
            ));
        }
    }
}
