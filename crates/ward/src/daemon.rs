//! The daemon: turns the world into events for the core and performs its actions.

use std::process::ExitCode;

use crate::paths::Paths;

/// Runs the daemon in this process until it is told to end.
pub(crate) fn main(_paths: &Paths) -> ExitCode {
    ExitCode::FAILURE
}
