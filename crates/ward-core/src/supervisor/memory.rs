//! When the memory of apps is measured: in one go for all that have a limit, and only while there
//! are some, so that an idle daemon sleeps.

use core::time::Duration;

use crate::action::Action;
use crate::id::Life;
use crate::instance::{Instance, State};
use crate::supervisor::Supervisor;
use crate::time::Now;

/// The least time between two measurements, however short an interval was asked for.
const LEAST_INTERVAL: Duration = Duration::from_millis(10);

impl Supervisor {
    /// An instance may have got or lost its limit.
    pub(super) fn plan_memory_check(&mut self, now: Now) {
        let check = &mut self.state.memory_check;
        if !self.state.instances.has_limits() {
            *check = None;
        } else if check.is_none() {
            *check = Some(now.mono + self.defaults.worker_interval.max(LEAST_INTERVAL));
        }
    }

    /// Time passed: asks for a sample of those that run, if it is time.
    pub(super) fn check_memory(&mut self, now: Now, actions: &mut Vec<Action>) {
        if self.state.memory_check.is_none_or(|at| at > now.mono) {
            return;
        }
        self.state.memory_check = None;
        self.plan_memory_check(now);
        let running = self.state.instances.limited().filter_map(running);
        let lives: Vec<Life> = running.collect();
        if !lives.is_empty() {
            actions.push(Action::Sample { lives });
        }
    }
}

fn running(instance: &Instance) -> Option<Life> {
    match instance.state {
        State::Online { life, .. } => Some(life),
        State::Launching { .. }
        | State::Stopping { .. }
        | State::Stopped
        | State::Waiting { .. }
        | State::Errored { .. } => None,
    }
}
