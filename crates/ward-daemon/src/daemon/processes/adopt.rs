//! Taking in a life that has begun.

use std::sync::Arc;

use ward_core::event::ExitStatus;
use ward_core::id::Life;
use ward_sys::cgroup::Hierarchy;
use ward_sys::harden::Before;
use ward_sys::spawn::Child;

use super::{Process, Processes};
use crate::cluster::WorkerConfig;
use crate::launch::Started;

impl Processes {
    /// What every start needs from here: what the daemon has changed for itself, and where cgroups are made.
    pub(in crate::daemon) fn surroundings(&self) -> (Before, Option<Arc<Hierarchy>>) {
        (self.before.clone(), self.hierarchy.clone())
    }

    /// Takes in a process. With a status it has ended already. Returns its pid.
    pub(in crate::daemon) fn adopt(
        &mut self,
        life: Life,
        child: Child,
        status: Option<ExitStatus>,
        started: &mut Started,
    ) -> u32 {
        if status.is_none() {
            self.by_pid.insert(child.pid, life);
        }
        let config = started.config.as_ref();
        let stdin = started.stdin.take().filter(|_| status.is_none());
        let process = Process {
            pid: child.pid,
            start_time: child.start_time,
            pidfd: child.pidfd,
            marker: format!("unique_id={}", started.marker).into_bytes(),
            cgroup: started.cgroup.take().map(Arc::new),
            stdin,
            pid_path: started.pid_path.take(),
            rights: std::mem::take(&mut started.rights),
            has_channel: started.channel.is_some(),
            connections: config.map(|config| config.gauge.clone()),
            is_fed: config.is_some_and(is_fed),
            ended: status.is_some(),
            status,
            told_again: false,
            seen: Vec::new(),
            is_killed: false,
        };
        self.by_life.insert(life, process);
        u32::try_from(child.pid.as_raw_nonzero().get()).unwrap_or_default()
    }
}

/// It gets its connections from the daemon.
fn is_fed(config: &WorkerConfig) -> bool {
    !config.options.sched.is_shared()
}
