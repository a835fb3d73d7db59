//! CPU time and memory of whole trees: one pass over `/proc`, however many trees.

use std::collections::{HashMap, HashSet};
use std::io;

use super::{Scanner, Stat, page_bytes};
use crate::Pid;
use crate::cgroup::Cgroup;

/// The CPU time and memory of a process tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// CPU time of all processes and of their children that have ended, in clock ticks. It can
    /// shrink when an orphan ends.
    pub cpu_ticks: u64,
    /// Resident memory in bytes. A shared page counts for each process that maps it.
    pub rss_bytes: u64,
    /// The number of living processes.
    pub processes: u32,
}

impl Usage {
    fn add(&mut self, stat: &Stat, page: u64) {
        self.cpu_ticks += stat.user_ticks + stat.system_ticks + stat.children_ticks;
        if !stat.is_zombie() {
            self.rss_bytes += stat.rss_pages * page;
            self.processes += 1;
        }
    }
}

/// Measures usage; keeps its buffers between passes.
#[derive(Debug)]
pub struct Sampler {
    scanner: Scanner,
    processes: HashMap<i32, Stat>,
    owners: HashMap<i32, Option<i32>>,
    path: Vec<i32>,
}

impl Sampler {
    /// Opens `/proc`.
    ///
    /// # Errors
    ///
    /// `/proc` cannot be opened.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            scanner: Scanner::new()?,
            processes: HashMap::new(),
            owners: HashMap::new(),
            path: Vec::new(),
        })
    }

    /// The usage of everything in a cgroup. Its price depends on what is in there, not on how many
    /// processes the machine has. `None` if the cgroup cannot be read.
    pub fn cgroup_usage(&self, cgroup: &Cgroup) -> Option<Usage> {
        let mut usage = Usage::default();
        for stat in cgroup
            .members()?
            .into_iter()
            .filter_map(|pid| self.scanner.one(pid))
        {
            usage.add(&stat, page_bytes());
        }
        Some(usage)
    }

    /// The usage of the tree of each root: its descendants and everything in its session. Roots
    /// that are gone and have left nothing are missing from the answer.
    ///
    /// # Errors
    ///
    /// `/proc` cannot be read.
    pub fn tree_usage(&mut self, roots: &[Pid]) -> io::Result<HashMap<Pid, Usage>> {
        let roots: HashSet<i32> = roots
            .iter()
            .map(|root| root.as_raw_nonzero().get())
            .collect();
        self.processes.clear();
        self.owners.clear();
        let processes = &mut self.processes;
        self.scanner.scan(|stat| {
            processes.insert(stat.pid, *stat);
        })?;
        let page = page_bytes();
        let mut usages: HashMap<Pid, Usage> = HashMap::with_capacity(roots.len());
        for stat in self.processes.values() {
            let owner = owner(
                stat.pid,
                &roots,
                &self.processes,
                &mut self.owners,
                &mut self.path,
            );
            let Some(owner) = owner.and_then(Pid::from_raw) else {
                continue;
            };
            let usage = usages.entry(owner).or_default();
            usage.add(stat, page);
        }
        Ok(usages)
    }
}

/// The root a process belongs to. Each step upwards is made once for all processes below.
fn owner(
    pid: i32,
    roots: &HashSet<i32>,
    processes: &HashMap<i32, Stat>,
    owners: &mut HashMap<i32, Option<i32>>,
    path: &mut Vec<i32>,
) -> Option<i32> {
    path.clear();
    let mut next = pid;
    let found = loop {
        if let Some(known) = owners.get(&next) {
            break *known;
        }
        let Some(stat) = processes.get(&next) else {
            break None;
        };
        if roots.contains(&next) {
            break Some(next);
        }
        if roots.contains(&stat.session) {
            break Some(stat.session);
        }
        // Pids can be reused while the pass runs, and the loop must end even if they form a cycle.
        owners.insert(next, None);
        path.push(next);
        next = stat.ppid;
    };
    for &below in path.iter() {
        owners.insert(below, found);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: i32, ppid: i32, session: i32) -> (i32, Stat) {
        (
            pid,
            Stat {
                pid,
                ppid,
                session,
                state: b'S',
                ..Stat::default()
            },
        )
    }

    fn owners_of(processes: &[(i32, Stat)], roots: &[i32]) -> Vec<Option<i32>> {
        let all: HashMap<i32, Stat> = processes.iter().copied().collect();
        let roots = roots.iter().copied().collect();
        let (mut memo, mut path) = (HashMap::new(), Vec::new());
        processes
            .iter()
            .map(|(pid, _)| owner(*pid, &roots, &all, &mut memo, &mut path))
            .collect()
    }

    #[test]
    fn children_sessions_and_strangers() {
        let processes = [
            process(1, 0, 1),
            process(10, 1, 10),
            process(11, 10, 10),
            process(12, 11, 12),
            process(13, 1, 10),
            process(20, 1, 20),
            process(30, 1, 30),
        ];
        let expected = [None, Some(10), Some(10), Some(10), Some(10), Some(20), None];
        assert_eq!(owners_of(&processes, &[10, 20]), expected);
    }

    #[test]
    fn a_circle_ends() {
        let processes = [process(5, 6, 0), process(6, 5, 0)];
        assert_eq!(owners_of(&processes, &[9]), [None, None]);
    }

    #[test]
    fn our_own_tree_uses_something() {
        let own = rustix::process::getpid();
        let mut sampler = Sampler::new().unwrap();
        let usage = sampler.tree_usage(&[own]).unwrap()[&own];
        assert!(usage.rss_bytes > 0 && usage.processes > 0);
    }
}
