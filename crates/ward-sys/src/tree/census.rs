//! All processes of one look at `/proc`, and those that came to be while it was taken.

use std::collections::HashMap;
use std::io;

use crate::proc::{Scanner, Stat, newest_pid};
use crate::{Pid, reap};

/// So many numbers are looked up at most after one look. Who makes more processes between two looks
/// is found by the next scan.
const MOST_NUMBERS: i32 = 256;

/// The processes known so far.
pub(super) struct Census<'a> {
    scanner: &'a mut Scanner,
    pub(super) processes: HashMap<i32, Stat>,
    /// The number the kernel gave out last, as of the last look.
    newest: Option<i32>,
}

impl<'a> Census<'a> {
    /// Reads all of `/proc`, which is no instant: what is born meanwhile may be missing.
    pub(super) fn take(scanner: &'a mut Scanner) -> io::Result<Self> {
        let newest = newest_pid();
        let mut processes = HashMap::with_capacity(256);
        scanner.scan(|stat| {
            processes.insert(stat.pid, *stat);
        })?;
        Ok(Self {
            scanner,
            processes,
            newest,
        })
    }

    /// Takes in those that were born since the last look. `None` if nothing was born at all, which
    /// costs one small read; an empty list if what was born is gone again.
    pub(super) fn newcomers(&mut self) -> Option<Vec<i32>> {
        let now = newest_pid()?;
        let before = self.newest.replace(now)?;
        if now == before {
            return None;
        }
        // Smaller than before: the numbers began again at the bottom.
        let first = if now > before { before + 1 } else { 1 };
        let numbers = first.max(now.saturating_sub(MOST_NUMBERS))..=now;
        let mut born = Vec::new();
        for pid in numbers.filter_map(Pid::from_raw) {
            // The numbers of threads can be looked up, too; only a process has a pidfd.
            if let Some(stat) = self.scanner.one(pid)
                && reap::pidfd_open(pid).is_ok()
            {
                self.processes.insert(stat.pid, stat);
                born.push(stat.pid);
            }
        }
        Some(born)
    }
}
