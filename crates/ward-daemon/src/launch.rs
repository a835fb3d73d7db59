//! The launch plane: everything about a start that may take long. Programs and users are looked up
//! here, log files opened, processes made, pid files written and removed. A name service that hangs
//! or a file on a dead mount keeps a thread of this plane waiting, and with it the one app it is
//! about; the control thread sends a request and gets the answer as a [`LaunchEvent`].
//!
//! - [`start`]: what happens between the request and the running process.
//! - [`pool`]: the threads. There is none while nothing is asked, and another one when one is stuck.
//! - [`progress`]: what a start is at, which the control thread can look at.
//! - [`questions`]: what is found out for others, too, since it means reading `/proc`.
//! - [`handle`]: the control thread's side; it knows what was asked and not answered.

mod account;
mod command;
mod early;
mod error;
mod handle;
mod job;
mod metrics;
mod node;
mod package;
mod pid_file;
mod pool;
mod progress;
mod questions;
mod shortage;
mod start;
mod system;
#[cfg(test)]
mod tests;
mod usage;
mod worker_command;

pub(crate) use handle::{LaunchHandle, Overdue};
pub(crate) use job::{LaunchEvent, Leavings};
pub(crate) use node::{NodeAsked, NodeFile, NodeProgram};
pub(crate) use questions::{Answer, Question};
pub(crate) use start::{StartRequest, Started};
pub(crate) use system::System;
pub(crate) use usage::{Measured, Root, Usages};
pub(crate) use worker_command::WorkerPlan;
