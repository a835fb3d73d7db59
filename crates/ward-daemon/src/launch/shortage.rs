//! Whether a start failed because something is short that may be there again later: then the app has
//! not failed, and its start is tried again.

use std::error::Error;
use std::io;

use rustix::io::Errno;
use ward_sys::spawn::SpawnError;

/// Descriptors of the daemon or of the machine, memory, processes (also within a limit of a user or a
/// cgroup), room on a disk (also within a quota), buffers of the network.
const SHORT: [Errno; 7] = [
    Errno::MFILE,
    Errno::NFILE,
    Errno::NOMEM,
    Errno::AGAIN,
    Errno::NOSPC,
    Errno::DQUOT,
    Errno::NOBUFS,
];

/// Whether this error, or the one it comes from, says that something is short.
pub(super) fn is_shortage(error: &(dyn Error + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<SpawnError>() {
        return error.errno().is_some_and(|it| is_short(it.0));
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        // The source of one that carries another error is that one's source.
        return error.raw_os_error().is_some_and(is_short)
            || error.get_ref().is_some_and(|inner| is_shortage(inner));
    }
    error.source().is_some_and(is_shortage)
}

fn is_short(number: i32) -> bool {
    SHORT.iter().any(|errno| errno.raw_os_error() == number)
}

#[cfg(test)]
mod tests {
    use ward_sys::errno;

    use super::*;
    use crate::launch::error::StartError;

    #[test]
    fn it_is_found_behind_what_was_being_done() {
        let number = |errno: Errno| io::Error::from_raw_os_error(errno.raw_os_error());
        let spawn = |errno: Errno| SpawnError::Create {
            errno: errno::Errno(errno.raw_os_error()),
        };
        for errno in SHORT {
            assert!(StartError::Pipe(number(errno)).is_shortage(), "{errno}");
            assert!(StartError::Spawn(spawn(errno)).is_shortage(), "{errno}");
        }
        assert!(!StartError::Pipe(number(Errno::ACCESS)).is_shortage());
        assert!(!StartError::Spawn(spawn(Errno::PERM)).is_shortage());
        assert!(!StartError::NoProgram("x".to_owned()).is_shortage());
    }
}
