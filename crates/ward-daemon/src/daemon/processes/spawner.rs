//! The moment of birth: longer than all else of a start, as the kernel loads the program meanwhile
//! and whoever asked for it sleeps. Apps that begin together are born on a thread beside the control
//! thread, which prepares the next ones; the thread lives as long as there is something to be born.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rustix::fs::OFlags;
use ward_core::id::{InstanceId, Life};
use ward_core::launch::Launch;
use ward_sys::Pid;
use ward_sys::cgroup::Cgroup;
use ward_sys::spawn::{Child, Command, spawn};

use crate::cluster::ConnectionCount;

/// So many are prepared before the first of them is born: more would only hold descriptors.
const AHEAD: usize = 4;

/// Making a process takes few and shallow frames.
const STACK_BYTES: usize = 256 * 1024;

/// A process to be made.
#[derive(Debug)]
pub(in crate::daemon) struct SpawnRequest {
    pub(super) command: Command,
    pub(super) pid_path: Option<PathBuf>,
}

/// What the control thread keeps of a life until it is born.
#[derive(Debug)]
pub(in crate::daemon) struct PendingSpawn {
    pub(in crate::daemon) instance: InstanceId,
    pub(in crate::daemon) life: Life,
    pub(in crate::daemon) launch: Box<Launch>,
    pub(super) cgroup: Option<Cgroup>,
    pub(super) stdin: OwnedFd,
    /// How many connections it has, as a cluster worker.
    pub(super) connections: Option<ConnectionCount>,
    /// As a cluster worker it gets its connections from the daemon.
    pub(super) is_fed: bool,
    /// It was declared as a cluster worker and cannot be one, for this reason.
    pub(in crate::daemon) alone: Option<String>,
}

/// The process, or what completes "cannot …".
pub(in crate::daemon) type Outcome = Result<Child, String>;

/// Those that are being born, in their order.
#[derive(Debug, Default)]
pub(in crate::daemon) struct Spawner {
    /// With the outcome when it was not the thread that made them.
    open: VecDeque<(PendingSpawn, Option<Outcome>)>,
    thread: Option<(Sender<SpawnRequest>, Receiver<Outcome>)>,
}

impl SpawnRequest {
    /// Makes the process here and now.
    pub(in crate::daemon) fn deliver(self) -> Outcome {
        let child = spawn(&self.command).map_err(|error| error.to_string())?;
        if let Some(path) = &self.pid_path {
            // The pid file is for others; a folder that cannot be written stops no app.
            write_pid(path, child.pid).ok();
        }
        Ok(child)
    }
}

impl Spawner {
    /// Whether nothing is being born.
    pub(in crate::daemon) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether it is time to wait for [`Self::next`].
    pub(in crate::daemon) fn is_full(&self) -> bool {
        self.open.len() >= AHEAD
    }

    /// Has a process made beside everything else.
    pub(in crate::daemon) fn spawn(&mut self, pending: PendingSpawn, request: SpawnRequest) {
        if self.thread.is_none() {
            self.thread = start().ok();
        }
        let outcome = match &self.thread {
            Some((orders, _)) => match orders.send(request) {
                Ok(()) => None,
                Err(back) => Some(back.0.deliver()),
            },
            // It takes longer, no more.
            None => Some(request.deliver()),
        };
        self.open.push_back((pending, outcome));
    }

    /// Waits for the first one; nothing if there is none.
    pub(in crate::daemon) fn next(&mut self) -> Option<(PendingSpawn, Outcome)> {
        let (pending, outcome) = self.open.pop_front()?;
        let outcome = outcome.unwrap_or_else(|| {
            let made = self.thread.as_ref().and_then(|(_, made)| made.recv().ok());
            made.unwrap_or_else(|| Err("make a process: its thread has ended".to_owned()))
        });
        if self.open.is_empty() {
            self.thread = None;
        }
        Some((pending, outcome))
    }
}

fn start() -> io::Result<(Sender<SpawnRequest>, Receiver<Outcome>)> {
    let (orders, inbox) = channel::<SpawnRequest>();
    let (made, outcomes) = channel();
    thread::Builder::new()
        .name("births".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            for request in inbox {
                // Nobody waits any more: the reaper will find it.
                made.send(request.deliver()).ok();
            }
        })?;
    Ok((orders, outcomes))
}

fn write_pid(path: &Path, pid: Pid) -> io::Result<()> {
    let open = || {
        // A pid file that is a pipe nobody reads must not stop the daemon.
        File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(path)
    };
    let mut file = match (open(), path.parent()) {
        (Err(error), Some(folder)) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            open()?
        }
        (opened, _) => opened?,
    };
    io::Write::write_all(&mut file, pid.as_raw_nonzero().to_string().as_bytes())
}
