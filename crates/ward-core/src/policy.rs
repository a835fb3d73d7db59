//! What happens after an exit nobody asked for: a decision, nothing else.
#![warn(clippy::wildcard_enum_match_arm)]

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::backoff;
use crate::event::ExitStatus;
use crate::spec::RestartSpec;
use crate::time::Mono;

/// A life shorter than this is unstable, unless the app says otherwise.
const MIN_UPTIME: Duration = Duration::from_secs(1);
/// So many unstable lives in a row are too many, unless the app says otherwise.
const MAX_RESTARTS: u32 = 16;

/// What is remembered from exit to exit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Unstable lives in a row.
    pub unstable: u32,
    /// When the first of them began.
    pub streak_since: Option<Mono>,
    /// The delay before the present life, when delays grow.
    pub delay: Option<Duration>,
}

/// What is done after an exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Stay down: the app says so.
    Stay,
    /// Start again, after this delay.
    Restart(Duration),
    /// Too many unstable lives.
    GiveUp {
        /// The number of unstable lives in a row.
        unstable: u32,
    },
}

/// An exit nobody had asked for.
#[derive(Clone, Copy, Debug)]
pub struct Exit {
    /// The moment at which the life began.
    pub began: Mono,
    /// The moment at which it ended.
    pub ended: Mono,
    /// The exit code or the signal.
    pub status: ExitStatus,
}

/// Decides and updates `history`. `backoff_reset`: so long a life ends the growth of delays.
pub fn after_exit(
    spec: &RestartSpec,
    backoff_reset: Duration,
    exit: Exit,
    history: &mut History,
) -> Decision {
    let stops = exit_code(exit.status).is_some_and(|code| spec.stop_exit_codes.contains(&code));
    if !spec.auto || stops {
        return Decision::Stay;
    }
    if let Some(unstable) = too_unstable(spec, exit, history) {
        *history = History::default();
        return Decision::GiveUp { unstable };
    }
    if exit.ended.since(exit.began) >= backoff_reset {
        history.delay = None;
    }
    let Some(first) = spec.backoff else {
        return Decision::Restart(spec.delay);
    };
    let delay = backoff::next(first, history.delay);
    history.delay = Some(delay);
    Decision::Restart(delay)
}

/// Counts, and tells when the start limit is reached. The limit is a rate: a streak slower than
/// `min_uptime × max_restarts`, because delays lie between its lives, begins anew. So an app that
/// backs off may try for ever, and a tight loop is caught whenever it begins.
fn too_unstable(spec: &RestartSpec, exit: Exit, history: &mut History) -> Option<u32> {
    let min_uptime = spec.min_uptime.unwrap_or(MIN_UPTIME);
    let limit = spec.max_restarts.unwrap_or(MAX_RESTARTS);
    if exit.ended.since(exit.began) >= min_uptime {
        history.unstable = 0;
        history.streak_since = None;
        return None;
    }
    let window = min_uptime.saturating_mul(limit.max(1));
    let within = history
        .streak_since
        .is_some_and(|since| exit.ended.since(since) < window);
    if within {
        history.unstable += 1;
    } else {
        history.unstable = 1;
        history.streak_since = Some(exit.began);
    }
    (history.unstable >= limit).then_some(history.unstable)
}

/// The code as shells show it: a death by signal is 128 + n.
pub const fn exit_code(status: ExitStatus) -> Option<i32> {
    match status {
        ExitStatus::Code(code) => Some(code),
        ExitStatus::Signal(signal) => Some(128 + signal),
        ExitStatus::Unknown => None,
    }
}
