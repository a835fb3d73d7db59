//! Who belongs to a life, and how to end them all.
//!
//! A life is its root process, its session and process group (whose ids are the root's pid), its descendants, its cgroup
//! if it has one, and orphans that were adopted (by us, as sub-reaper) and carry its marker in their environment, with
//! their descendants. A process that leaves the session, loses its parent *and* clears its environment is only found
//! through the cgroup.
//!
//! Pids are reused. A [`Member`] therefore has its start time, and no signal goes out before both were compared through
//! a pidfd. The root's start time guards its session and group in the same way: if the root's pid names another
//! process now, no process of the old session can exist, as the kernel keeps ids in use from being given out.

use std::{
    collections::HashMap,
    fs, io,
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

use crate::{
    Pid,
    cgroup::Cgroup,
    proc::{self, Scanner, Stat},
    reap,
    signal::{self, Signal},
};

/// What is known of a life.
#[derive(Debug, Clone, Copy)]
pub struct Life<'a> {
    /// The pid of the process that was spawned, which may be gone.
    pub root: Pid,
    /// Its start time, read right after the spawn; `None` if it was gone by then.
    pub root_start_time: Option<u64>,
    /// A `NAME=value` that only processes of this life have in their environment.
    pub marker: Option<&'a [u8]>,
    /// Its cgroup.
    pub cgroup: Option<&'a Cgroup>,
}

/// A living process of a life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Its pid.
    pub pid: Pid,
    /// Ticks since boot at its start; with the pid, its name for all time.
    pub start_time: u64,
    /// Steps from the root or from the orphan it descends from.
    pub depth: u32,
}

/// A cheap look, without a scan of `/proc`: `true` means that surely nothing of the life is left. `false` means that
/// something is, or might be: then ask [`members`]. `known` tells our children that are roots of other lives or helpers
/// of ours; any other child is an orphan that might belong to this life.
pub fn is_empty(life: &Life<'_>, known: impl Fn(Pid) -> bool) -> bool {
    if signal::group_exists(life.root) {
        return false;
    }
    if let Some(populated) = life.cgroup.and_then(Cgroup::populated) {
        // The cgroup knows for sure, and nothing leaves it.
        return !populated;
    }
    own_children().is_ok_and(|children| children.into_iter().all(known))
}

/// The children of this process, zombies included.
pub fn own_children() -> io::Result<Vec<Pid>> {
    let mut children = Vec::new();
    for task in fs::read_dir("/proc/self/task")? {
        let text = match fs::read_to_string(task?.path().join("children")) {
            // A thread that is gone leaves its children to another one, which was or will be read: start anew would be
            // exact, but the caller only needs a hint that a scan can correct.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        let pids = text
            .split_ascii_whitespace()
            .filter_map(|pid| pid.parse::<i32>().ok());
        children.extend(pids.filter(|&pid| pid > 0).filter_map(Pid::from_raw));
    }
    Ok(children)
}

/// Everything alive that belongs to the life, deepest first, from one scan of `/proc`.
pub fn members(life: &Life<'_>, scanner: &mut Scanner) -> io::Result<Vec<Member>> {
    let all = scanner.all()?;
    let processes: HashMap<i32, Stat> = all.iter().map(|stat| (stat.pid, *stat)).collect();
    let origins = Origins::new(life, &processes);
    let mut depths: HashMap<i32, Option<u32>> = HashMap::with_capacity(all.len());
    let mut members: Vec<Member> = all
        .iter()
        .filter(|stat| !stat.is_zombie() && stat.pid != origins.own)
        .filter_map(|stat| {
            let depth = origins.depth(stat.pid, &processes, &mut depths)?;
            let pid = Pid::from_raw(stat.pid)?;
            Some(Member {
                pid,
                start_time: stat.start_time,
                depth,
            })
        })
        .collect();
    members.sort_by_key(|member| (std::cmp::Reverse(member.depth), member.start_time));
    Ok(members)
}

/// What makes a process a member without looking at its parent.
struct Origins<'a> {
    own: i32,
    adopters: [i32; 3],
    root: i32,
    root_is_other: bool,
    marker: Option<&'a [u8]>,
    in_cgroup: Vec<i32>,
}

impl<'a> Origins<'a> {
    fn new(life: &Life<'a>, processes: &HashMap<i32, Stat>) -> Self {
        let raw = |pid: Pid| pid.as_raw_nonzero().get();
        let own = raw(rustix::process::getpid());
        // Orphans come to us; to our parent (a guardian) if they became orphans while no daemon lived; or to init if
        // nobody was a sub-reaper then.
        let parent = rustix::process::getppid().map_or(1, raw);
        let root = raw(life.root);
        let started = processes.get(&root).map(|stat| stat.start_time);
        Self {
            own,
            adopters: [own, parent, 1],
            root,
            root_is_other: started.is_some() && started != life.root_start_time,
            marker: life.marker,
            in_cgroup: life
                .cgroup
                .map(Cgroup::procs)
                .unwrap_or_default()
                .into_iter()
                .map(raw)
                .collect(),
        }
    }

    fn is_origin(&self, stat: &Stat) -> bool {
        let by_id =
            [stat.pid, stat.session, stat.group].contains(&self.root) && !self.root_is_other;
        by_id || self.in_cgroup.contains(&stat.pid) || self.is_marked_orphan(stat)
    }

    fn is_marked_orphan(&self, stat: &Stat) -> bool {
        // Reading an environment is the costly part, so only orphans are looked at; children are found by descent.
        self.adopters.contains(&stat.ppid)
            && !stat.is_zombie()
            && self.marker.is_some_and(|marker| {
                Pid::from_raw(stat.pid).is_some_and(|pid| proc::environ_holds(pid, marker))
            })
    }

    /// Steps to the farthest origin above, `None` for strangers. Not recursive: an app decides how deep its tree is.
    fn depth(
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
                .or_else(|| self.is_origin(stat).then_some(0));
            depths.insert(stat.pid, above);
        }
        above
    }
}

/// A pidfd of exactly this member; `None` if it is gone.
pub fn open(member: &Member) -> Option<OwnedFd> {
    let pidfd = reap::pidfd_open(member.pid).ok()?;
    // Looked at after opening: if this still is the member, the descriptor is of the member too.
    (proc::start_time(member.pid).ok()? == member.start_time).then_some(pidfd)
}

/// Signals each member that still is the process it was; returns how many got it.
pub fn signal_all(members: &[Member], signal: Signal) -> usize {
    let reached = members.iter().filter(|member| {
        open(member).is_some_and(|pidfd| reap::pidfd_signal(&pidfd, signal).unwrap_or(false))
    });
    reached.count()
}

/// One round of SIGKILL to everything that belongs to the life, without waiting. Returns how many processes were found;
/// call again, after their exits or a moment, until it is zero. For the daemon, which must not block.
pub fn kill_once(life: &Life<'_>, scanner: &mut Scanner) -> io::Result<usize> {
    let members = members(life, scanner)?;
    if let Some(cgroup) = life.cgroup {
        // Takes those that are being forked right now with it.
        cgroup.kill();
    }
    signal_all(&members, Signal::KILL);
    Ok(members.len())
}

/// Kills round by round until nothing is left or the time is over; returns who survived (processes stuck in the kernel).
/// Blocks while processes die; collects none of them.
pub fn kill_all(
    life: &Life<'_>,
    scanner: &mut Scanner,
    timeout: Duration,
) -> io::Result<Vec<Member>> {
    let deadline = Instant::now() + timeout;
    loop {
        let members = members(life, scanner)?;
        if members.is_empty() || Instant::now() >= deadline {
            return Ok(members);
        }
        let pidfds: Vec<OwnedFd> = members.iter().filter_map(open).collect();
        if let Some(cgroup) = life.cgroup {
            cgroup.kill();
        }
        for pidfd in &pidfds {
            // Refused only for a process that took another user's rights; it shows up as a survivor.
            reap::pidfd_signal(pidfd, Signal::KILL).ok();
        }
        for pidfd in &pidfds {
            let left = deadline.saturating_duration_since(Instant::now());
            reap::ended(pidfd.as_fd(), left)?;
        }
    }
}
