//! Starts a detached daemon and learns its outcome without polling.
//!
//! The starter spawns the daemon (new session, `/`, no input, output to a log, nothing else
//! inherited) with one end of a pipe. The daemon writes one line to it when it is ready or when it
//! must give up. If it dies before, the kernel closes the pipe and the starter collects the exit.
//! The daemon's environment is the caller's choice; it should not hold the marker of a life (see
//! [`crate::tree`]), or a daemon started by an app would count as part of that app.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::pipe::PipeFlags;

use crate::reap::ExitStatus;
use crate::spawn::{Child, Command, SpawnError, Stdio, spawn};
use crate::{fdpass, reap};

/// The variable with the number of the descriptor on which the daemon reports that it is ready.
pub const READY_VARIABLE: &str = "WARD_READY_FD";
/// The variable with the number of the descriptor of an inherited lock.
pub const LOCK_VARIABLE: &str = "WARD_LOCK_FD";

const READY_FD: RawFd = 3;
const LOCK_FD: RawFd = 4;

/// A daemon to be started.
#[derive(Debug)]
pub struct Launch {
    /// The executable, mostly `/proc/self/exe` resolved.
    pub program: PathBuf,
    /// All arguments, including the zeroth.
    pub argv: Vec<OsString>,
    /// The whole environment, without the two variables above.
    pub env: Vec<(OsString, OsString)>,
    /// The file for its standard output and standard error.
    pub log: OwnedFd,
    /// The lock on the home folder, if the starter holds it (see [`crate::lock::Lock::share`]).
    pub lock: Option<OwnedFd>,
}

/// A started daemon that has not reported yet.
#[derive(Debug)]
pub struct Starting {
    /// The process, whose parent is the starter until the starter ends.
    pub child: Child,
    ready: OwnedFd,
}

/// The outcome of a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The daemon reported this line (without its newline).
    Said(String),
    /// The daemon ended without a report.
    Died(ExitStatus),
    /// The daemon did not report in time and still runs.
    TimedOut,
}

/// Starts the daemon.
///
/// # Errors
///
/// A pipe or descriptor cannot be made, or the spawn fails; see [`SpawnError`].
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
    // `command` and with it our copy of the writing end are dropped here: now the end of the daemon
    // is the end of the pipe.
    Ok(Starting { child, ready })
}

impl Starting {
    /// Waits for the daemon's report or its end.
    ///
    /// # Errors
    ///
    /// The pipe cannot be polled or read, or the exit cannot be collected.
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
                // The pipe was closed without a line: the daemon has ended or is about to.
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
    ///
    /// # Errors
    ///
    /// The number is not an inherited descriptor; see [`fdpass::inherit`].
    pub fn take(number: RawFd) -> io::Result<Self> {
        Ok(Self {
            pipe: File::from(fdpass::inherit(number)?),
        })
    }

    /// Reports one line and closes the pipe. It is no error if the starter has ended already.
    ///
    /// # Errors
    ///
    /// The pipe cannot be written for another reason than a starter that has ended.
    pub fn say(mut self, line: &str) -> io::Result<()> {
        let line = format!("{}\n", line.replace('\n', " "));
        match self.pipe.write_all(line.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}
