//! The wall clock against the monotonic one: when they part, because somebody set the clock or the
//! machine slept, planned restarts are looked up in the calendar anew.

use core::time::Duration;

use crate::action::Action;
use crate::instance::Instance;
use crate::supervisor::Supervisor;
use crate::time::Now;

/// What the clocks may part unnoticed while nobody says that one was set: time servers slew the
/// wall clock, and both clocks are read one after the other.
const DRIFT: Duration = Duration::from_secs(1);

impl Supervisor {
    /// Compares the clocks; every event is an occasion.
    pub(super) fn compare_clocks(&mut self, now: Now, actions: &mut Vec<Action>) {
        let offset = now.offset_millis();
        let known = *self.state.clock_offset.get_or_insert(offset);
        if u128::from(known.abs_diff(offset)) >= DRIFT.as_millis() {
            self.clock_changed(now, actions);
        }
    }

    /// The wall clock was set.
    pub(super) fn clock_changed(&mut self, now: Now, actions: &mut Vec<Action>) {
        self.state.clock_offset = Some(now.offset_millis());
        let planned = self.instances().filter(|it| it.planned.is_some());
        let planned: Vec<_> = planned.map(|it| it.id).collect();
        for id in planned {
            self.with(now, id, actions, Instance::replan);
        }
    }
}
