//! A daemon that an app of another daemon has started, for a home of its own. It is no part of that
//! app: the restart of the app leaves it alone, and so does the end of the other daemon.

use std::env;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use ward_sys::cgroup;

/// Marks in the environment all that belongs to a life.
const MARKER: &str = "unique_id";

/// Leaves what the other daemon would find this process by: the cgroup of the app, and the mark in
/// the environment, which only another exec removes. Our own command line removes the mark before it
/// starts a daemon; PM2's does not. A session of its own has every daemon that was detached.
#[expect(
    clippy::print_stderr,
    reason = "standard error is the daemon's log, its log thread does not run yet"
)]
pub(super) fn leave_app() {
    if let Err(error) = cgroup::leave_life() {
        eprintln!(
            "ward daemon: it was started by an app of another daemon, and ends with that app: \
             cannot leave its cgroup: {error}"
        );
    }
    if env::var_os(MARKER).is_some() {
        let error = exec_without_marker();
        eprintln!(
            "ward daemon: it was started by an app of another daemon, and ends with that app: \
             cannot leave its mark behind: {error}"
        );
    }
}

/// Begins this program again. The descriptors it was handed over stay open. Returns if that fails.
fn exec_without_marker() -> io::Error {
    let mut words = env::args_os();
    let name = words.next().unwrap_or_else(|| "ward".into());
    match env::current_exe() {
        Ok(program) => Command::new(program)
            .arg0(name)
            .args(words)
            .env_remove(MARKER)
            .exec(),
        Err(error) => error,
    }
}
