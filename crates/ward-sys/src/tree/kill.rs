//! Sends signals to the members of a life, and ends a whole life.

use std::io;
use std::os::fd::OwnedFd;

use super::{Life, Member, members};
use crate::proc::Scanner;
use crate::signal::Signal;
use crate::{proc, reap};

/// A pidfd of exactly this member; `None` if it is gone.
fn open(member: &Member) -> Option<OwnedFd> {
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

/// One round of SIGKILL to everything that belongs to the life, without waiting. Returns how many
/// processes were found; call again, after their exits or a moment, until it is zero twice or
/// [`is_empty`] is true. For the daemon, which must not block.
///
/// # Errors
///
/// `/proc` cannot be read.
pub fn kill_once(life: &Life<'_>, scanner: &mut Scanner) -> io::Result<usize> {
    let members = members(life, scanner)?;
    if let Some(cgroup) = life.cgroup {
        // Takes those that are being forked right now with it.
        cgroup.kill();
    }
    signal_all(&members, Signal::KILL);
    Ok(members.len())
}
