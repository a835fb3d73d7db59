//! Time passed: everything that is due has its turn, also when something else that is due fails.

use crate::action::Action;
use crate::id::InstanceId;
use crate::instance::Instance;
use crate::supervisor::Supervisor;
use crate::time::Now;

/// One thing that a tick does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TickStep {
    /// The deadline of one instance.
    Instance(InstanceId),
    /// What jobs wait for.
    Jobs,
    /// Changes of files that were held back.
    Watched,
    /// The measurement of memory.
    Memory,
}

impl Supervisor {
    /// Does all that is due, by id. A step that panics ends the call, and its deadline is still due:
    /// the shell ticks again. Then the steps behind it come first, so that it cannot starve them.
    pub(super) fn ticked(&mut self, now: Now, actions: &mut Vec<Action>) {
        let due = self.state.instances.due(now.mono).into_iter();
        let mut steps: Vec<TickStep> = due.map(TickStep::Instance).collect();
        steps.extend([TickStep::Jobs, TickStep::Watched, TickStep::Memory]);
        if let Some(failed) = self.state.tick_step.take() {
            let behind = steps.partition_point(|step| *step <= failed);
            steps.rotate_left(behind);
        }
        for step in steps {
            self.state.tick_step = Some(step);
            match step {
                TickStep::Instance(id) => self.with(now, id, actions, Instance::ticked),
                TickStep::Jobs => self.jobs_ticked(now, actions),
                TickStep::Watched => self.watched_ticked(now, actions),
                TickStep::Memory => self.check_memory(now, actions),
            }
        }
        self.state.tick_step = None;
    }
}
