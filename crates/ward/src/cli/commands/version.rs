//! `--version`: no daemon is asked and none is started.

use crate::cli::args::Invocation;
use ward_home::PM2_VERSION;

/// Prints the version: PM2's for those who call ward by a name of PM2's, since scripts compare it.
pub(crate) fn print(invocation: &Invocation) {
    let version = if invocation.program.starts_with("pm2") {
        PM2_VERSION
    } else {
        env!("CARGO_PKG_VERSION")
    };
    invocation.console.data(format!("{version}\n"));
}
