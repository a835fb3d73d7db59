//! Processes that have ended before anybody knew whose they are. A process is made on a thread of
//! the launch plane and collected on the control thread, which may be faster.

use std::collections::VecDeque;

use std::os::fd::AsFd;
use ward_core::event::ExitStatus;
use ward_sys::Pid;
use ward_sys::reap;

/// So many are remembered. Those that are forgotten because orphans of other apps ended meanwhile
/// are found by their pidfd; only how they ended is not known then.
const MOST: usize = 1024;

/// Exits of processes that are not known yet.
#[derive(Debug, Default)]
pub(crate) struct EarlyExits {
    exits: VecDeque<(Pid, ExitStatus)>,
    /// Some were forgotten.
    overflowed: bool,
}

impl EarlyExits {
    /// An unknown process was collected while starts are under way.
    pub(crate) fn insert(&mut self, pid: Pid, status: ExitStatus) {
        if self.exits.len() == MOST {
            self.exits.pop_front();
            self.overflowed = true;
        }
        self.exits.push_back((pid, status));
    }

    /// Nothing is under way: whatever is left was an orphan.
    pub(crate) fn clear(&mut self) {
        self.exits = VecDeque::new();
        self.overflowed = false;
    }

    /// How a process has ended that was collected before it became known; nothing if it was not
    /// collected yet.
    pub(crate) fn take(&mut self, pid: Pid, pidfd: impl AsFd) -> Option<ExitStatus> {
        if self.exits.is_empty() && !self.overflowed {
            return None;
        }
        let place = self.exits.iter().rposition(|(it, _)| *it == pid);
        let status = place.and_then(|place| self.exits.remove(place));
        // An orphan may have had the same pid before.
        let is_collected = reap::is_collected(pidfd);
        match status {
            Some((_, status)) => is_collected.then_some(status),
            None => (self.overflowed && is_collected).then_some(ExitStatus::Unknown),
        }
    }
}
