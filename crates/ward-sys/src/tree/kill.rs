//! Signals to members, and the end of a whole life.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

use super::{Life, Member, members};
use crate::{
    proc::{self, Scanner},
    reap,
    signal::Signal,
};

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
/// call again, after their exits or a moment, until it is zero twice or [`is_empty`] is true. For the daemon, which must
/// not block.
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
    let mut empty_scans = 0;
    loop {
        let members = members(life, scanner)?;
        // One empty scan may have missed a birth, or a process in the middle of `execve`, whose environment is not
        // there yet.
        empty_scans = if members.is_empty() {
            empty_scans + 1
        } else {
            0
        };
        if empty_scans == 2 || Instant::now() >= deadline {
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
