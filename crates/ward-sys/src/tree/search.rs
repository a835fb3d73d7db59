//! Looks for the members of a life: in all of `/proc`, then in what was born meanwhile.

use std::collections::HashMap;
use std::io;

use super::origins::Origins;
use super::{Life, Member};
use crate::proc::{Scanner, Stat, newest_pid};
use crate::{Pid, reap};

/// So many numbers are looked up at most after one look. Who makes more processes between two looks
/// is found by the next scan.
const MOST_NUMBERS: i32 = 256;

/// So many generations above a newcomer are looked at for the root of another life.
const MOST_PARENTS: u32 = 64;

/// A search under way.
pub(super) struct Search<'a> {
    scanner: &'a mut Scanner,
    origins: Origins<'a>,
    processes: HashMap<i32, Stat>,
    /// How deep each process is below its origin, `None` for strangers.
    depths: HashMap<i32, Option<u32>>,
    /// The number the kernel gave out last, as of the last look.
    newest: Option<i32>,
    /// Processes that were not judged yet.
    fresh: Vec<i32>,
}

impl<'a> Search<'a> {
    /// Reads all of `/proc`, which is no instant: what is born meanwhile may be missing.
    pub(super) fn begin(life: &Life<'a>, scanner: &'a mut Scanner) -> io::Result<Self> {
        let newest = newest_pid();
        let mut processes = HashMap::with_capacity(256);
        scanner.scan(|stat| {
            processes.insert(stat.pid, *stat);
        })?;
        Ok(Self {
            scanner,
            origins: Origins::new(life, &processes),
            fresh: processes.keys().copied().collect(),
            depths: HashMap::with_capacity(processes.len()),
            processes,
            newest,
        })
    }

    /// The members among those that were found since the last call. They are judged at once: the
    /// environment of one that forks and ends as fast as it can is gone after 50 to 100 µs.
    pub(super) fn judge(&mut self) -> Vec<Member> {
        let fresh = std::mem::take(&mut self.fresh);
        let judged = fresh.into_iter().filter_map(|pid| {
            let stat = self.processes.get(&pid)?;
            if stat.is_zombie() || stat.pid == self.origins.own {
                return None;
            }
            let depth = self
                .origins
                .depth(stat.pid, &self.processes, &mut self.depths)?;
            Some(Member {
                pid: Pid::from_raw(stat.pid)?,
                start_time: stat.start_time,
                depth,
            })
        });
        judged.collect()
    }

    /// Finds those that were born since the last look, for the next [`Self::judge`]. `false` if
    /// nothing was born at all, which costs one small read.
    pub(super) fn look(&mut self) -> bool {
        let Some(now) = newest_pid() else {
            return false;
        };
        let Some(before) = self.newest.replace(now).filter(|before| *before != now) else {
            return false;
        };
        // Smaller than before: the numbers began again at the bottom.
        let first = if now > before { before + 1 } else { 1 };
        let numbers = first.max(now.saturating_sub(MOST_NUMBERS))..=now;
        for pid in numbers.filter_map(Pid::from_raw) {
            // The numbers of threads can be looked up, too; only a process has a pidfd.
            if let Some(stat) = self.scanner.one(pid)
                && reap::pidfd_open(pid).is_ok()
            {
                self.processes.insert(stat.pid, stat);
                self.depths.remove(&stat.pid);
                if let Some(depth) = self.depth_of_newcomer(&stat) {
                    self.depths.insert(stat.pid, Some(depth));
                }
                self.fresh.push(stat.pid);
            }
        }
        true
    }

    /// One that was born during the search is asked itself, and at once, as what is known of its
    /// parent may be old: that may have ended since, and made it an orphan.
    fn depth_of_newcomer(&self, stat: &Stat) -> Option<u32> {
        if let Some(Some(above)) = self.depths.get(&stat.ppid) {
            return Some(above + 1);
        }
        (self.origins.is_marked(stat) && !self.is_below_another(stat)).then_some(0)
    }

    /// Whether the parents of a process, as they are now, lead to another life.
    fn is_below_another(&self, stat: &Stat) -> bool {
        let mut next = Some(*stat);
        for _ in 0..MOST_PARENTS {
            let Some(stat) = next.filter(|it| it.pid != self.origins.own) else {
                return false;
            };
            if self.origins.is_of_another(&stat) {
                return true;
            }
            next = Pid::from_raw(stat.ppid).and_then(|pid| self.scanner.one(pid));
        }
        false
    }

    /// A process ended between two looks at it, so what it made may have been taken for a stranger.
    pub(super) fn is_doubtful(&self) -> bool {
        self.origins.vanished.get()
    }
}
