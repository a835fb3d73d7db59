//! The home folder, PM2's layout: all that the command line and the daemon know of each other
//! beside the wire (`ward-wire`).
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod dump;
mod folders;
mod paths;

pub use folders::HomeError;
pub use paths::Paths;

/// The version of PM2 whose outside ward has.
pub const PM2_VERSION: &str = "7.0.4";

/// What a daemon says to the process that started it once it accepts connections; anything else is
/// the reason why it does not.
pub const READY: &str = "ready";
