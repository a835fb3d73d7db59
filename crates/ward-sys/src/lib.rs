//! Linux for ward: everything that talks to the kernel about processes, descriptors and sockets.
//!
//! # Model
//!
//! A *life* is one process started by [`spawn::spawn`] and everything that process starts. It is
//! its own session and process group, it lives in its own cgroup where the kernel lets us
//! ([`cgroup`]), and its environment carries a marker. The daemon is a sub-reaper, so orphans of a
//! life become children of the daemon. Those four facts together are what [`tree`] uses to say who
//! belongs to a life, and why nothing of it can hide by `setsid`, a double fork or the death of its
//! parent.
//!
//! # Contract
//!
//! - This is the only crate with `unsafe` code. Each block holds one operation and names what it
//!   relies on.
//! - Descriptors are `OwnedFd` or `BorrowedFd`; each one made here is close-on-exec.
//! - Exactly one place reaps: [`reap::next_exit`]. Nothing else here collects a child, except
//!   [`spawn::spawn`] for the process that never became the program.
//! - A process is signalled through its pidfd or after its start time was compared, so a reused pid
//!   is never hit.
//! - 64-bit Linux, kernel 5.4 or later. What came later (cgroup births 5.7, `close_range` 5.9,
//!   `cgroup.kill` 5.14) is used if it is there.
//! - Nothing here decides anything: no policies, no timers, no threads.
//!
//! # Example
//!
//! ```
//! use ward_sys::{reap, signal::Signal, spawn::{Command, spawn}};
//!
//! let mut command = Command::new("/bin/sleep");
//! command.argv = vec!["sleep".into(), "60".into()];
//! let child = spawn(&command)?;
//! reap::pidfd_signal(&child.pidfd, Signal::KILL)?;
//! let exited = reap::wait_pidfd(&child.pidfd)?;
//! assert_eq!(exited.pid, child.pid);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![warn(clippy::missing_errors_doc)]

pub mod cgroup;
pub mod clock;
pub mod daemonize;
pub mod errno;
pub mod fdpass;
pub mod harden;
pub mod limits;
pub mod listener;
pub mod lock;
pub mod path;
pub mod pipe;
pub mod place;
pub mod proc;
pub mod reap;
pub mod rights;
pub mod signal;
pub mod sock_diag;
pub mod spawn;
pub mod tree;
pub mod user;

pub use rustix::process::Pid;
