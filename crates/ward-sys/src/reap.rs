//! Collects exits, and sends signals through pidfds. The one caller of [`next_exit`] is the reaper
//! of this process.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::process::{PidfdFlags, WaitId, WaitIdOptions, WaitOptions};

use crate::Pid;
use crate::signal::Signal;

/// The way in which a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExitStatus {
    /// The process exited with this code.
    Code(i32),
    /// A signal ended the process; the flag tells whether it dumped core.
    Signal(i32, bool),
}

/// One collected process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exited {
    /// The pid, which the kernel may reuse from now on.
    pub pid: Pid,
    /// The way in which the process ended.
    pub status: ExitStatus,
}

/// Makes orphans among our descendants our children, so that they can be found, killed and
/// collected.
///
/// # Errors
///
/// None since Linux 3.4, which has this setting.
pub fn become_subreaper() -> io::Result<()> {
    // Any pid but none switches it on.
    Ok(rustix::process::set_child_subreaper(Some(Pid::INIT))?)
}

/// Collects the next child that has ended, own or adopted. Never blocks; `None` if there is none
/// now.
///
/// # Errors
///
/// The kernel refuses, which `wait4` does not do with these arguments.
pub fn next_exit() -> io::Result<Option<Exited>> {
    loop {
        return match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(None) | Err(rustix::io::Errno::CHILD) => Ok(None),
            Ok(Some((pid, status))) => {
                let status = match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) => ExitStatus::Code(code),
                    (None, Some(signal)) => {
                        ExitStatus::Signal(signal, dumped_core(status.as_raw()))
                    }
                    // Stops and continues are not asked for.
                    (None, None) => continue,
                };
                Ok(Some(Exited { pid, status }))
            }
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => Err(error.into()),
        };
    }
}

/// The bit that `WCOREDUMP` tests (wait(2)).
fn dumped_core(raw: i32) -> bool {
    raw & 0x80 != 0
}

/// Waits for this child to end and collects it. Blocks; for tests and helpers that have nothing
/// else to do.
///
/// # Errors
///
/// The process is not a child of this one, or another caller has collected it.
pub fn wait_pidfd(pidfd: impl AsFd) -> io::Result<Exited> {
    let pid = pid_of(pidfd.as_fd())?;
    loop {
        let id = WaitId::PidFd(pidfd.as_fd());
        match rustix::process::waitid(id, WaitIdOptions::EXITED) {
            Ok(Some(info)) => {
                let status = match (info.exit_status(), info.terminating_signal()) {
                    (Some(code), _) => ExitStatus::Code(code),
                    (None, signal) => ExitStatus::Signal(signal.unwrap_or(0), info.dumped()),
                };
                return Ok(Exited { pid, status });
            }
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits until the process has ended, without collecting it, at most `timeout`. `false` if it still
/// runs then.
///
/// # Errors
///
/// The timeout is too long for the kernel's type, or the descriptor cannot be polled.
pub fn ended(pidfd: impl AsFd, timeout: std::time::Duration) -> io::Result<bool> {
    let deadline = std::time::Instant::now() + timeout;
    loop {
        let left = deadline.saturating_duration_since(std::time::Instant::now());
        let left = rustix::event::Timespec::try_from(left)
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        let mut watched = [rustix::event::PollFd::from_borrowed_fd(
            pidfd.as_fd(),
            rustix::event::PollFlags::IN,
        )];
        match rustix::event::poll(&mut watched, Some(&left)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether the process, a child of ours, has ended and was collected.
pub fn is_collected(pidfd: impl AsFd) -> bool {
    let id = WaitId::PidFd(pidfd.as_fd());
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let waited = rustix::process::waitid(id, options);
    waited.err() == Some(rustix::io::Errno::CHILD)
}

/// A pidfd of a running process, for adopting one that was not spawned here. Compare its start time
/// afterwards.
///
/// # Errors
///
/// The process does not exist (`ESRCH`), or no descriptor is left.
pub fn pidfd_open(pid: Pid) -> io::Result<OwnedFd> {
    Ok(rustix::process::pidfd_open(pid, PidfdFlags::empty())?)
}

/// The pid behind a pidfd; an error if the process has been collected.
///
/// # Errors
///
/// The process has been collected (`ESRCH`), or `/proc` is not readable.
pub fn pid_of(pidfd: BorrowedFd<'_>) -> io::Result<Pid> {
    use std::os::fd::AsRawFd;
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd()))?;
    text.lines()
        .find_map(|line| line.strip_prefix("Pid:"))
        .and_then(|value| value.trim().parse::<i32>().ok())
        .filter(|&pid| pid > 0)
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::from_raw_os_error(libc::ESRCH))
}

/// Sends a signal through a pidfd. A process that has ended is no error: `Ok(false)`.
///
/// # Errors
///
/// The kernel refuses, mostly with `EPERM`.
pub fn pidfd_signal(pidfd: impl AsFd, signal: Signal) -> io::Result<bool> {
    match rustix::process::pidfd_send_signal(pidfd, signal) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::SRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
