//! Which processes belong to a life, and how to end all of them.
//!
//! A life is its root process, its session and process group (whose ids are the root's pid), its
//! descendants, its cgroup if it has one, and orphans that were adopted (by us, as sub-reaper) and
//! carry its marker in their environment, with their descendants. What was a member once and was
//! remembered ([`Life::seen`]) stays one, with its descendants.
//!
//! A process that leaves the session, loses its parent *and* clears its environment, all before
//! anybody looked, is only found through the cgroup. A process that may write to a cgroup (one of our
//! own user, or root) can leave that; it is then found in the other ways.
//!
//! Pids are reused. A [`Member`] therefore has its start time, and no signal goes out before both
//! were compared through a pidfd. The root's start time guards its session and group in the same
//! way: if the root's pid names another process now, no process of the old session can exist, as
//! the kernel keeps ids in use from being given out.

mod kill;
mod origins;
mod search;

use std::{fs, io};

pub use self::kill::{kill_once, signal_all};
use self::search::Search;
use crate::cgroup::Cgroup;
use crate::proc::Scanner;
use crate::{Pid, signal};

/// The facts that identify the processes of a life.
#[derive(Debug, Clone, Copy)]
pub struct Life<'a> {
    /// The pid of the process that was spawned, which may be gone.
    pub root: Pid,
    /// Its start time, read right after the spawn; `None` if it was gone by then.
    pub root_start_time: Option<u64>,
    /// A `NAME=value` that processes of this life have in their environment. So may those of a life
    /// beside it.
    pub marker: Option<&'a [u8]>,
    /// The roots of other lives: nothing of their sessions belongs to this one, whatever its
    /// environment says.
    pub others: &'a [Pid],
    /// Its cgroup, if it really was born there (see [`crate::spawn::Child::in_cgroup`]): an empty
    /// one is taken for the end of the life.
    pub cgroup: Option<&'a Cgroup>,
    /// Members found before, which remain members whatever became of their parent, their session and
    /// their environment. Only those of the last look need to be remembered.
    pub seen: &'a [Member],
}

/// A living process of a life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Member {
    /// The pid.
    pub pid: Pid,
    /// The time of the start in clock ticks since boot. Together with the pid it identifies the
    /// process for ever.
    pub start_time: u64,
    /// The number of generations below the root, or below the orphan that it descends from.
    pub depth: u32,
}

/// So many times [`members`] looks at what was born meanwhile. On a quiet machine once is enough.
const MOST_LOOKS: u32 = 32;

/// So many scans [`members`] makes while nothing is found and something ended under its eyes.
const MOST_SCANS: u32 = 4;

/// A cheap look, without a scan of `/proc`: `true` means that surely nothing of the life is left.
/// `false` means that something is, or might be: then ask [`members`]. `known` tells our children
/// that are roots of other lives or helpers of ours; any other child is an orphan that might belong
/// to this life.
pub fn is_empty(life: &Life<'_>, known: impl Fn(Pid) -> bool) -> bool {
    if signal::group_exists(life.root) || !life.seen.is_empty() {
        return false;
    }
    if life.cgroup.and_then(Cgroup::populated) == Some(true) {
        return false;
    }
    has_no_orphans(life, known)
}

/// Whether the root surely has nobody beside it, told without a scan of `/proc`, which takes a
/// cgroup. `known` as for [`is_empty`].
pub fn is_alone(life: &Life<'_>, known: impl Fn(Pid) -> bool) -> bool {
    let alone = |cgroup: &Cgroup| cgroup.procs() == [life.root];
    // A child may have left the cgroup, if its user may write there.
    life.cgroup.is_some_and(alone)
        && life.seen.is_empty()
        && children(life.root).is_ok_and(|children| children.is_empty())
        && has_no_orphans(life, known)
}

/// Whether no child of ours may be an orphan of this life.
fn has_no_orphans(life: &Life<'_>, known: impl Fn(Pid) -> bool) -> bool {
    let beside = |pid| life.cgroup.is_some_and(|cgroup| cgroup.is_beside(pid));
    own_children().is_ok_and(|all| all.into_iter().all(|pid| known(pid) || beside(pid)))
}

/// The children of this process, zombies included.
///
/// # Errors
///
/// `/proc` is not readable.
pub fn own_children() -> io::Result<Vec<Pid>> {
    children(rustix::process::getpid())
}

/// The children of a process, zombies included.
fn children(pid: Pid) -> io::Result<Vec<Pid>> {
    let mut children = Vec::new();
    for task in fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero()))? {
        let text = match fs::read_to_string(task?.path().join("children")) {
            // A thread that is gone leaves its children to another one, which was or will be read:
            // start anew would be exact, but the caller only needs a hint that a scan can correct.
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

/// Everything alive that belongs to the life, deepest first, from one scan of `/proc` and looks at
/// what was born during it. Whoever kills must look again: what is found here makes further
/// processes.
///
/// # Errors
///
/// `/proc` cannot be read.
pub fn members(life: &Life<'_>, scanner: &mut Scanner) -> io::Result<Vec<Member>> {
    for _ in 1..MOST_SCANS {
        let (found, is_doubtful) = search(life, scanner)?;
        // Whoever found something looks again anyway.
        if !found.is_empty() || !is_doubtful {
            return Ok(found);
        }
    }
    Ok(search(life, scanner)?.0)
}

/// One scan, and whether something may have escaped it.
fn search(life: &Life<'_>, scanner: &mut Scanner) -> io::Result<(Vec<Member>, bool)> {
    let mut search = Search::begin(life, scanner)?;
    let mut found = search.judge();
    for _ in 0..MOST_LOOKS {
        if !search.look() {
            break;
        }
        let born = search.judge();
        // One that was read before: its number is another process's, or its parent has changed.
        found.retain(|member| born.iter().all(|it| it.pid != member.pid));
        found.extend(born);
    }
    found.sort_by_key(|member| (std::cmp::Reverse(member.depth), member.start_time));
    Ok((found, search.is_doubtful()))
}
