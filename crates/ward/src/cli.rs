//! The command line: words in, requests to the daemon, text out.

pub(crate) mod commands;
#[allow(dead_code, reason = "the dispatcher arrives with the arguments")]
pub(crate) mod out;

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs one command line. `program` is the name the binary was called by.
pub(crate) fn main(_program: &str, _words: Vec<OsString>) -> ExitCode {
    ExitCode::FAILURE
}
