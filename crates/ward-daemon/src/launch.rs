//! The launch plane: everything about a start that may take long. Programs and users are looked up
//! here, log files opened, processes made, pid files written and removed. A name service that hangs
//! or a file on a dead mount keeps a thread of this plane waiting, and with it the one app it is
//! about; the control thread sends a request and gets the answer as a [`LaunchEvent`].
//!
//! - [`start`]: what happens between the request and the running process.
//! - [`pool`]: the threads. There is none while nothing is asked, and another one when one is stuck.
//! - [`progress`]: what a start is at, which the control thread can look at.
//! - [`handle`]: the control thread's side; it knows what was asked and not answered.

mod command;
mod early;
mod handle;
mod job;
mod node;
mod package;
mod pid_file;
mod pool;
mod progress;
mod start;
#[cfg(test)]
mod tests;
mod usage;
mod worker_command;

pub(crate) use handle::{LaunchHandle, Overdue};
pub(crate) use job::{LaunchEvent, Leavings};
pub(crate) use node::{NodeAsked, NodeFile, NodeProgram};
pub(crate) use package::read as read_package;
pub(crate) use start::{StartRequest, Started};
pub(crate) use usage::{Measured, Root, Usages};
pub(crate) use worker_command::WorkerPlan;
