//! The home folder with PM2's layout: all that the command line and the daemon share beside the
//! protocols of `ward-wire`.
#![forbid(unsafe_code)]
#![warn(missing_docs, clippy::missing_errors_doc)]

mod access;
pub mod dump;
pub mod file;
mod folders;
mod paths;

pub use access::{Writers, other_writers};
pub use folders::HomeError;
pub use paths::Paths;

/// The version of PM2 whose command line, protocols and files ward matches.
pub const PM2_VERSION: &str = "7.0.4";

/// The line that a daemon sends to the process that started it once it accepts connections; any
/// other line is the reason for its failure.
pub const READY: &str = "ready";
