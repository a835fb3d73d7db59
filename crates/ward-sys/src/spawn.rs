//! Starting a program as a life of its own: new session, clean signals, exactly the descriptors it
//! was given.
//!
//! # How
//!
//! One `clone3(CLONE_VFORK | CLONE_PIDFD [| CLONE_VM] [| CLONE_INTO_CGROUP])`, on a stack of its
//! own. The calling thread sleeps until the child has become the program or has failed, so an error
//! is known when [`spawn`] returns; other threads run on. Everything the child needs is prepared
//! before; the child itself only makes system calls.
//!
//! - **`CLONE_VM`** (memory shared until `execve`) saves the copy of the page tables and the page
//!   faults after it: measured with 6 MB in use, 45 instead of 100 µs of CPU for the daemon
//!   (`posix_spawn`: 50), and the child's share falls too. It is left out when the child changes
//!   its user: while the memory is shared, a process of the other user could trace the child and
//!   read the daemon's memory, and the change would make the daemon itself undumpable.
//! - **`CLONE_INTO_CGROUP`** puts the child into its cgroup with no moment outside and without the
//!   slow migration.
//! - **Fallback**: where `clone3` is refused (Docker's default seccomp profile answers `ENOSYS`),
//!   `clone` does the same and the child writes itself into `cgroup.procs` before `execve`.
//! - **Errors** come back through the page above the child's stack, which is mapped shared and so
//!   works with and without `CLONE_VM`; no error pipe is needed, as the parent is woken by the
//!   kernel itself.
//!
//! This replaces a stub mode of our own binary: no second `execve`, and credentials, limits and
//! priority cost nothing for apps that do not ask for them.

mod child;
mod clone;
mod command;
mod error;
mod mask;
mod plan;
mod stack;

use std::os::fd::OwnedFd;

pub use self::command::{Command, Credentials, Limit, Stdio};
pub use self::error::SpawnError;
use crate::errno::Errno;
use crate::{Pid, proc, reap};

/// A started process.
#[derive(Debug)]
pub struct Child {
    /// Its pid, which is also its session and process group.
    pub pid: Pid,
    /// Becomes readable when the process ends; signals through it never hit another process.
    pub pidfd: OwnedFd,
    /// Its start time in ticks since boot; `None` if it was gone before that could be read.
    pub start_time: Option<u64>,
    /// Whether the process was born in (or joined) the cgroup of the command.
    pub in_cgroup: bool,
}

/// Starts `command`. When this returns `Ok`, `execve` has succeeded (or the process was killed
/// before it, which the reaper will tell).
///
/// # Errors
///
/// Tells the step that failed. The half-made process is already collected then.
pub fn spawn(command: &Command) -> Result<Child, SpawnError> {
    let mut plan = plan::Plan::new(command)?;
    let before = proc::now_ticks();
    let born = clone::into_child(&mut plan, command)?;
    let Some(failure) = born.failure else {
        // Nearly always no tick has passed, and then it was born in this one: no file has to be
        // read.
        let in_this_tick = proc::now_ticks() == before;
        return Ok(Child {
            pid: born.pid,
            pidfd: born.pidfd,
            start_time: if in_this_tick {
                Some(before)
            } else {
                proc::start_time(born.pid).ok()
            },
            in_cgroup: born.in_cgroup,
        });
    };
    // The process ended by itself after the failed step; this is no exit of a life, so the reaper
    // must not see it. An error means that the reaper of another thread was faster, which changes
    // nothing here.
    drop(reap::wait_pidfd(&born.pidfd));
    Err(SpawnError::of_step(
        command,
        failure.step,
        failure.detail,
        Errno(failure.errno),
    ))
}
