//! `--version`: prints the version without a daemon.

use ward_home::PM2_VERSION;

use crate::cli::args::Invocation;

/// Prints the version. Under a name of PM2's it is PM2's version, since scripts compare it.
pub(crate) fn print(invocation: &Invocation) {
    let version = if invocation.program.starts_with("pm2") {
        PM2_VERSION
    } else {
        env!("CARGO_PKG_VERSION")
    };
    invocation.console.data(format!("{version}\n"));
}
