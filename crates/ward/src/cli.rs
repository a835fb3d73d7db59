//! The command line: words in, requests to the daemon, text out.

pub(crate) mod commands;
#[allow(
    dead_code,
    reason = "the commands that use it land with the command line"
)]
pub(crate) mod ecosystem;
pub(crate) mod out;
#[allow(
    dead_code,
    reason = "the commands that use it land with the command line"
)]
pub(crate) mod resolve;

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs one command line. `program` is the name the binary was called by.
pub(crate) fn main(_program: &str, _words: Vec<OsString>) -> ExitCode {
    ExitCode::FAILURE
}
