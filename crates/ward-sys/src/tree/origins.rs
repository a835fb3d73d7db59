//! Decides from one scan of `/proc` which processes belong to a life.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use super::Life;
use crate::cgroup::Cgroup;
use crate::proc::Stat;
use crate::{Pid, proc};

/// The facts that make a process a member whatever its parent is.
pub(super) struct Origins<'a> {
    /// This process.
    pub(super) own: i32,
    adopters: [i32; 3],
    root: i32,
    root_is_other: bool,
    marker: Option<&'a [u8]>,
    others: &'a [Pid],
    in_cgroup: Vec<i32>,
    /// Pids and start times of members found before.
    seen: HashSet<(i32, u64)>,
    /// The environment of a process that was read before is gone.
    pub(super) vanished: Cell<bool>,
}

impl<'a> Origins<'a> {
    pub(super) fn new(life: &Life<'a>, processes: &HashMap<i32, Stat>) -> Self {
        let raw = |pid: Pid| pid.as_raw_nonzero().get();
        let own = raw(rustix::process::getpid());
        // Orphans come to us; to our parent (a guardian) if they became orphans while no daemon
        // lived; or to init if nobody was a sub-reaper then.
        let parent = rustix::process::getppid().map_or(1, raw);
        let root = raw(life.root);
        let started = processes.get(&root).map(|stat| stat.start_time);
        Self {
            own,
            adopters: [own, parent, 1],
            root,
            root_is_other: started.is_some() && started != life.root_start_time,
            marker: life.marker,
            others: life.others,
            in_cgroup: life
                .cgroup
                .map(Cgroup::procs)
                .unwrap_or_default()
                .into_iter()
                .map(raw)
                .collect(),
            seen: life
                .seen
                .iter()
                .map(|member| (raw(member.pid), member.start_time))
                .collect(),
            vanished: Cell::new(false),
        }
    }

    fn is_origin(&self, stat: &Stat, processes: &HashMap<i32, Stat>) -> bool {
        let by_id =
            [stat.pid, stat.session, stat.group].contains(&self.root) && !self.root_is_other;
        by_id
            || self.in_cgroup.contains(&stat.pid)
            || self.seen.contains(&(stat.pid, stat.start_time))
            || (self.may_be_orphan(stat, processes)
                && !self.is_of_another(stat)
                && self.is_marked(stat))
    }

    /// Two lives of one instance, of which one replaces the other, have the same marker.
    pub(super) fn is_of_another(&self, stat: &Stat) -> bool {
        let ids = [stat.pid, stat.session, stat.group];
        let mut others = self.others.iter().map(|pid| pid.as_raw_nonzero().get());
        others.any(|root| ids.contains(&root))
    }

    /// Reading an environment is the costly part, so only orphans are looked at; children are found
    /// by descent. A scan takes a while: a parent that was alive when its child was read may be
    /// missing or dead in the same scan.
    fn may_be_orphan(&self, stat: &Stat, processes: &HashMap<i32, Stat>) -> bool {
        let parent_lives = processes
            .get(&stat.ppid)
            .is_some_and(|parent| !parent.is_zombie());
        !stat.is_zombie() && (!parent_lives || self.adopters.contains(&stat.ppid))
    }

    pub(super) fn is_marked(&self, stat: &Stat) -> bool {
        let Some((marker, pid)) = self.marker.zip(Pid::from_raw(stat.pid)) else {
            return false;
        };
        let answer = proc::environ_holds(pid, marker);
        if answer.is_none() {
            self.vanished.set(true);
        }
        answer == Some(true)
    }

    /// Steps to the farthest origin above, `None` for strangers. Not recursive: an app decides how
    /// deep its tree is.
    pub(super) fn depth(
        &self,
        pid: i32,
        processes: &HashMap<i32, Stat>,
        depths: &mut HashMap<i32, Option<u32>>,
    ) -> Option<u32> {
        let mut path = Vec::new();
        let mut next = pid;
        let mut above = loop {
            if let Some(known) = depths.get(&next) {
                break *known;
            }
            let Some(stat) = processes.get(&next).filter(|stat| stat.pid != self.own) else {
                break None;
            };
            // A circle of reused numbers must end.
            depths.insert(next, None);
            path.push(stat);
            next = stat.ppid;
        };
        for stat in path.into_iter().rev() {
            above = above
                .map(|depth| depth + 1)
                .or_else(|| self.is_origin(stat, processes).then_some(0));
            depths.insert(stat.pid, above);
        }
        above
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(marker: &[u8]) -> Origins<'_> {
        Origins {
            own: 90_000,
            adopters: [90_000, 1, 1],
            root: 100,
            root_is_other: false,
            marker: Some(marker),
            others: &[],
            in_cgroup: Vec::new(),
            seen: HashSet::new(),
            vanished: Cell::new(false),
        }
    }

    fn process(pid: i32, ppid: i32, state: u8) -> (i32, Stat) {
        (
            pid,
            Stat {
                pid,
                ppid,
                session: pid,
                state,
                ..Stat::default()
            },
        )
    }

    #[test]
    fn a_child_whose_parent_vanished_during_the_scan_may_be_an_orphan() {
        let all = HashMap::from([
            process(10, 9, b'S'),
            process(11, 12, b'S'),
            process(12, 1, b'Z'),
            process(13, 14, b'S'),
            process(14, 1, b'S'),
            process(15, 90_000, b'S'),
            process(16, 90_000, b'Z'),
        ]);
        let origins = origins(b"");
        let candidates: Vec<i32> = (10..17)
            .filter(|pid| origins.may_be_orphan(&all[pid], &all))
            .collect();
        assert_eq!(candidates, [10, 11, 14, 15]);
    }

    #[test]
    fn the_session_of_another_life_is_never_ours() {
        let roots = [Pid::from_raw(15).unwrap()];
        let origins = Origins {
            others: &roots,
            ..origins(b"")
        };
        let (_, root) = process(15, 90_000, b'S');
        let (_, mut child) = process(16, 15, b'S');
        assert!(origins.is_of_another(&root));
        assert!(!origins.is_of_another(&child));
        child.session = 15;
        assert!(origins.is_of_another(&child));
    }

    #[test]
    fn a_very_deep_tree_and_a_circle_end() {
        let mut all: HashMap<i32, Stat> = (101..30_101)
            .map(|pid| process(pid, pid - 1, b'S'))
            .collect();
        all.extend([
            process(100, 90_000, b'S'),
            process(40_000, 40_001, b'S'),
            process(40_001, 40_000, b'S'),
        ]);
        let (origins, mut depths) = (origins(b"no such=variable"), HashMap::new());
        assert_eq!(origins.depth(30_100, &all, &mut depths), Some(30_000));
        assert_eq!(origins.depth(40_000, &all, &mut depths), None);
        assert_eq!(origins.depth(90_000, &all, &mut depths), None);
    }
}
