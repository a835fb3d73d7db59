//! Connects to a Unix socket whose path may be longer than an address can hold.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

/// What fits into `sun_path` with its NUL (unix(7)).
const LONGEST_PATH: usize = 107;

/// A blocking connection to the socket at `path`, of any length.
///
/// # Errors
///
/// There is no socket or nobody listens on it, the kernel refuses, or the name of the file alone is
/// too long (`ENAMETOOLONG`).
pub fn unix_connect(path: &Path) -> io::Result<OwnedFd> {
    let (family, kind) = (AddressFamily::UNIX, SocketType::STREAM);
    let socket = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
    let connect = |path: &Path| loop {
        let address = SocketAddrUnix::new(path)?;
        match rustix::net::connect(&socket, &address) {
            Err(rustix::io::Errno::INTR) => {}
            other => return other,
        }
    };
    if path.as_os_str().as_bytes().len() <= LONGEST_PATH {
        connect(path)?;
        return Ok(socket);
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    // A path through the folder's descriptor is short.
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(folder, flags, Mode::empty())?;
    let short = Path::new("/proc/self/fd")
        .join(folder.as_raw_fd().to_string())
        .join(name);
    connect(&short)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listener::{accept, unix};

    #[test]
    fn a_path_may_be_longer_than_an_address() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("d".repeat(150));
        std::fs::create_dir(&deep).unwrap();
        for path in [folder.path().join("short"), deep.join("long")] {
            let missing = unix_connect(&path).unwrap_err();
            assert_eq!(missing.kind(), io::ErrorKind::NotFound);
            let listener = unix(&path, 5).unwrap();
            let _client = unix_connect(&path).unwrap();
            assert!(accept(&listener).unwrap().is_some());
        }
        assert!(unix_connect(&deep.join("n".repeat(150))).is_err());
    }
}
