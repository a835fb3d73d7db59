//! The inputs of the renderers that are not in records: terminal, clock, users. Only this file of
//! the folder does I/O.

use std::io::{self, IsTerminal as _};
use std::time::{SystemTime, UNIX_EPOCH};

use super::users::Users;

/// Columns of the terminal; `None` when standard output is not one.
pub(crate) fn columns() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&stdout).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Wall clock in milliseconds.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |elapsed| {
        i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
    })
}

/// The users of this machine; none when they cannot be read.
pub(crate) fn users() -> Users {
    Users::parse(&std::fs::read_to_string("/etc/passwd").unwrap_or_default())
}
