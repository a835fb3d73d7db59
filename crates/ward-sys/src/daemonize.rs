//! Starting a detached daemon and learning, without polling, how that went.
//!
//! The starter spawns the daemon (new session, `/`, no input, output to a log, nothing else inherited) with one end of a
//! pipe. The daemon writes one line to it when it is ready or when it must give up. If it dies before, the kernel
//! closes the pipe and the starter collects the exit. The daemon's environment is the caller's choice; it should not
//! hold the marker of a life (see [`crate::tree`]), or a daemon started by an app would count as part of that app.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read, Write},
    os::fd::{AsFd, OwnedFd, RawFd},
    path::PathBuf,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    pipe::PipeFlags,
};

use crate::{
    fdpass,
    reap::{self, ExitStatus},
    spawn::{Child, Command, SpawnError, Stdio, spawn},
};

/// The variable that tells the daemon its ready descriptor.
pub const READY_VARIABLE: &str = "WARD_READY_FD";
/// The variable that tells the daemon the descriptor of a lock handed to it.
pub const LOCK_VARIABLE: &str = "WARD_LOCK_FD";

const READY_FD: RawFd = 3;
const LOCK_FD: RawFd = 4;

/// A daemon to be started.
#[derive(Debug)]
pub struct Launch {
    /// The executable, mostly `/proc/self/exe` resolved.
    pub program: PathBuf,
    /// All arguments, with the zeroth.
    pub argv: Vec<OsString>,
    /// The whole environment, without the two variables above.
    pub env: Vec<(OsString, OsString)>,
    /// Where its output goes.
    pub log: OwnedFd,
    /// The lock on the home folder, if the starter holds it (see [`crate::lock::Lock::share`]).
    pub lock: Option<OwnedFd>,
}

/// A daemon that has not said yet whether it is ready.
#[derive(Debug)]
pub struct Starting {
    /// The process. The starter is its parent until it ends itself.
    pub child: Child,
    ready: OwnedFd,
}

/// How a start went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The line the daemon wrote, without its end.
    Said(String),
    /// It ended without a word.
    Died(ExitStatus),
    /// Nothing happened in time; it still runs.
    TimedOut,
}

/// Starts the daemon.
pub fn start(launch: Launch) -> Result<Starting, SpawnError> {
    let prepare = |errno: rustix::io::Errno| SpawnError::Prepare {
        errno: errno.into(),
    };
    let (ready, said) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(prepare)?;
    let stderr = rustix::io::fcntl_dupfd_cloexec(&launch.log, 3).map_err(prepare)?;
    let mut command = Command::new(launch.program);
    command.argv = launch.argv;
    command.env = launch.env;
    command
        .env
        .push((READY_VARIABLE.into(), READY_FD.to_string().into()));
    command.fds.push((said, READY_FD));
    if let Some(lock) = launch.lock {
        command
            .env
            .push((LOCK_VARIABLE.into(), LOCK_FD.to_string().into()));
        command.fds.push((lock, LOCK_FD));
    }
    command.stdout = Stdio::Fd(launch.log);
    command.stderr = Stdio::Fd(stderr);
    command.umask = Some(0o022);
    let child = spawn(&command)?;
    // `command` and with it our copy of the writing end are dropped here: now the end of the daemon is the end of the pipe.
    Ok(Starting { child, ready })
}

impl Starting {
    /// Waits for the daemon's word or its end.
    pub fn wait(self, timeout: Duration) -> io::Result<Outcome> {
        let deadline = Instant::now() + timeout;
        let mut pipe = File::from(self.ready);
        let mut line = Vec::new();
        loop {
            if !readable(&pipe, deadline)? {
                return Ok(Outcome::TimedOut);
            }
            let mut buffer = [0; 512];
            let count = match pipe.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            line.extend_from_slice(&buffer[..count]);
            if let Some(end) = line.iter().position(|&byte| byte == b'\n') {
                return Ok(Outcome::Said(
                    String::from_utf8_lossy(&line[..end]).into_owned(),
                ));
            }
            if count == 0 {
                // Closed without a line: it is gone, or about to be.
                let left = deadline.saturating_duration_since(Instant::now());
                if !reap::ended(&self.child.pidfd, left)? {
                    return Ok(Outcome::TimedOut);
                }
                return Ok(Outcome::Died(reap::wait_pidfd(&self.child.pidfd)?.status));
            }
        }
    }
}

fn readable(pipe: &File, deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut watched = [PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)];
        match rustix::event::poll(&mut watched, Some(&left)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The daemon's end of the pipe.
#[derive(Debug)]
pub struct Ready {
    pipe: File,
}

impl Ready {
    /// Takes the descriptor named by [`READY_VARIABLE`]. Each number can be taken once.
    pub fn take(number: RawFd) -> io::Result<Self> {
        Ok(Self {
            pipe: File::from(fdpass::inherit(number)?),
        })
    }

    /// Says one line and closes. A starter that is gone already is no error.
    pub fn say(mut self, line: &str) -> io::Result<()> {
        let line = format!("{}\n", line.replace('\n', " "));
        match self.pipe.write_all(line.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}
