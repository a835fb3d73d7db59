//! The processes behind the lives: started, found, signalled, reaped and released here. Nothing is
//! decided here; the core says what to do.

mod adopt;
mod trees;

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use ward_core::event::{Event, ExitStatus};
use ward_core::id::Life;
use ward_sys::cgroup::{Cgroup, Hierarchy};
use ward_sys::harden::{Before, harden};
use ward_sys::proc::Scanner;
use ward_sys::tree::Member;
use ward_sys::{Pid, reap};

use crate::cluster::ConnectionCount;
use crate::launch::Leavings;
use crate::rights::Rights;

/// A life's process and what belongs to it.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pid: Pid,
    pidfd: OwnedFd,
    start_time: Option<u64>,
    /// `unique_id=…`, found in the environment of every descendant.
    marker: Vec<u8>,
    cgroup: Option<Arc<Cgroup>>,
    /// The daemon's end of standard input.
    stdin: Option<OwnedFd>,
    pid_path: Option<PathBuf>,
    /// With whose rights the pid file was written.
    rights: Rights,
    /// It has a Node IPC channel.
    pub(super) has_channel: bool,
    /// How many connections it has, as a cluster worker.
    pub(super) connections: Option<ConnectionCount>,
    /// As a cluster worker it gets its connections from the daemon.
    pub(super) is_fed: bool,
    /// The main process was reaped.
    ended: bool,
    /// How, once it was reaped.
    status: Option<ExitStatus>,
    /// What the core has to know of it was told once more, after a fault.
    told_again: bool,
    /// What belonged to it when it was looked at last, from the beginning of its end on: nothing of
    /// that escapes by what it does afterwards. Bounded in [`trees`].
    seen: Vec<Member>,
    /// Everything of it was killed. What is found from now on is killed, too.
    is_killed: bool,
}

/// The processes of all lives.
#[derive(Debug)]
pub(super) struct Processes {
    by_life: HashMap<Life, Process>,
    by_pid: HashMap<Pid, Life>,
    /// Ended lives of which something is left: looked at again whenever an orphan is reaped.
    leftovers: HashSet<Life>,
    hierarchy: Option<Arc<Hierarchy>>,
    scanner: Scanner,
    /// What the daemon has changed for itself, and apps get back.
    before: Before,
}

/// What the reaper found.
#[derive(Debug)]
pub(super) enum Reaped {
    /// A main process.
    Main(Life, ExitStatus),
    /// Any other: one of a life whose parent ended before it, or one that was asked something.
    Other(Pid, ExitStatus),
}

impl Processes {
    /// A life that was to be a cluster worker is none: nobody gives it connections.
    pub(super) fn feed_no_more(&mut self, life: Life) {
        if let Some(process) = self.by_life.get_mut(&life) {
            process.is_fed = false;
            process.connections = None;
        }
    }

    /// `with_cgroups`: each life gets a cgroup, where the kernel and our rights allow it.
    pub(super) fn new(with_cgroups: bool) -> io::Result<Self> {
        Ok(Self {
            by_life: HashMap::new(),
            by_pid: HashMap::new(),
            leftovers: HashSet::new(),
            hierarchy: with_cgroups.then(Hierarchy::create).flatten().map(Arc::new),
            scanner: Scanner::new()?,
            // Without it there is room for fewer apps, no more.
            before: harden(),
        })
    }

    /// The process of a life.
    pub(super) fn get(&self, life: Life) -> Option<&Process> {
        self.by_life.get(&life)
    }

    /// The cgroup of a life, if it has one.
    pub(super) fn cgroup(&self, life: Life) -> Option<Arc<Cgroup>> {
        self.by_life.get(&life)?.cgroup.clone()
    }

    /// Collects one ended child, if there is one.
    pub(super) fn reap(&mut self) -> Option<Reaped> {
        let exited = reap::next_exit().ok().flatten()?;
        let status = match exited.status {
            reap::ExitStatus::Code(code) => ExitStatus::Code(code),
            reap::ExitStatus::Signal(signal, _) => ExitStatus::Signal(signal),
        };
        let Some(life) = self.by_pid.remove(&exited.pid) else {
            return Some(Reaped::Other(exited.pid, status));
        };
        if let Some(process) = self.by_life.get_mut(&life) {
            process.ended = true;
            process.status = Some(status);
            process.stdin = None;
        }
        Some(Reaped::Main(life, status))
    }

    /// What has happened to a life so far, for a core that may have missed it: its start, and its end
    /// if it has ended. Told once; nothing the second time.
    pub(super) fn facts_again(&mut self, life: Life) -> Vec<Event> {
        let Some(process) = self.by_life.get_mut(&life).filter(|it| !it.told_again) else {
            return Vec::new();
        };
        process.told_again = true;
        let pid = u32::try_from(process.pid.as_raw_nonzero().get()).unwrap_or_default();
        let began = Event::Spawned {
            life,
            pid,
            version: None,
        };
        let ended = process.status.map(|status| Event::Exited { life, status });
        core::iter::once(began).chain(ended).collect()
    }

    /// Writes a line to standard input without waiting.
    ///
    /// # Errors
    ///
    /// The app does not read, or has closed its input.
    pub(super) fn write_line(&self, life: Life, line: &str) -> io::Result<()> {
        let process = self.by_life.get(&life).ok_or(io::ErrorKind::NotFound)?;
        let stdin = process.stdin.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        let written = rustix::io::write(stdin, line.as_bytes())?;
        if written < line.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        Ok(())
    }

    /// The life is over: drops what belongs to it. Returns what is left of it in the file system.
    pub(super) fn release(&mut self, life: Life) -> Option<Leavings> {
        self.leftovers.remove(&life);
        let process = self.by_life.remove(&life)?;
        // The pid may be another life's by now, if only a child of this one was left.
        if self.by_pid.get(&process.pid) == Some(&life) {
            self.by_pid.remove(&process.pid);
        }
        if process.pid_path.is_none() && process.cgroup.is_none() {
            return None;
        }
        Some(Leavings {
            pid: process.pid,
            pid_path: process.pid_path,
            rights: process.rights,
            cgroup: process.cgroup,
        })
    }

    /// Removes the cgroups. For the end of the daemon.
    pub(super) fn close(self) {
        drop(self.by_life);
        if let Some(hierarchy) = self.hierarchy {
            hierarchy.remove();
        }
    }
}
