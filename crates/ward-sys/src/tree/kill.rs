//! Sends signals to the members of a life, and ends a whole life.

use std::collections::HashSet;
use std::io;
use std::os::fd::OwnedFd;

use super::search::Search;
use super::{Life, Member, members};
use crate::proc::Scanner;
use crate::signal::Signal;
use crate::{proc, reap};

/// Scans of `/proc` until nothing new may appear. Each ends sooner when nothing does.
const MOST_SCANS: u32 = 4;

/// Looks at what was born after a scan: a process that forks, and whose parent ends, as fast as it
/// can is another one after 50 to 100 µs, about as long as a look takes. With all scans some 30 ms
/// at most.
const MOST_LOOKS: u32 = 256;

/// A pidfd of exactly this member; `None` if it is gone.
fn open(member: &Member) -> Option<OwnedFd> {
    let pidfd = reap::pidfd_open(member.pid).ok()?;
    // Looked at after opening: if this still is the member, the descriptor is of the member too.
    (proc::start_time(member.pid).ok()? == member.start_time).then_some(pidfd)
}

/// Signals this member if it still is the process it was; `false` if it is gone.
fn signal(member: &Member, signal: Signal) -> bool {
    open(member).is_some_and(|pidfd| reap::pidfd_signal(&pidfd, signal).unwrap_or(false))
}

/// Signals each member that still is the process it was; returns how many got it.
pub fn signal_all(members: &[Member], wanted: Signal) -> usize {
    let reached = members.iter().filter(|member| signal(member, wanted));
    reached.count()
}

/// One round of SIGKILL to everything that belongs to the life, without waiting. Returns what was
/// found; call again, after their exits or a moment, until it is nothing twice or
/// [`super::is_empty`] is true. For the daemon, which must not block.
///
/// What the cgroup does not kill in one step is stopped first (SIGSTOP), again and again until
/// nothing new appears: what stands still makes no more processes, so the second signal reaches all.
///
/// # Errors
///
/// `/proc` cannot be read.
pub fn kill_once(life: &Life<'_>, scanner: &mut Scanner) -> io::Result<Vec<Member>> {
    let mut found = members(life, scanner)?;
    let inside = life.cgroup.map(|cgroup| {
        let inside = cgroup.procs();
        // Takes those that are being forked right now with it.
        cgroup.kill().then_some(inside)
    });
    let inside = inside.flatten().unwrap_or_default();
    if found.iter().any(|member| !inside.contains(&member.pid)) {
        let seen = [life.seen, &found].concat();
        let life = Life {
            seen: &seen,
            ..*life
        };
        found = stop(&life, scanner)?;
    }
    signal_all(&found, Signal::KILL);
    Ok(found)
}

/// Stops everything of the life until nothing new appears, parents before their children.
fn stop(life: &Life<'_>, scanner: &mut Scanner) -> io::Result<Vec<Member>> {
    let mut stopped: HashSet<Member> = HashSet::new();
    for _ in 0..MOST_SCANS {
        let seen: Vec<Member> = life.seen.iter().chain(&stopped).copied().collect();
        let life = Life {
            seen: &seen,
            ..*life
        };
        let mut search = Search::begin(&life, scanner)?;
        let before = stopped.len();
        for _ in 0..MOST_LOOKS {
            let mut found = search.judge();
            found.retain(|member| !stopped.contains(member));
            found.sort_by_key(|member| member.depth);
            // One that is gone again is no matter; what it made is looked at next.
            stopped.extend(found.iter().filter(|it| signal(it, Signal::STOP)));
            if !search.look() {
                break;
            }
        }
        if stopped.len() == before {
            break;
        }
    }
    Ok(stopped.into_iter().collect())
}
