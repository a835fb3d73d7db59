//! Unix listeners: the daemon's own sockets and those of workers.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use crate::place::Place;

/// The accept queue of the daemon's own sockets: a script may run hundreds of commands at once.
const OWN_BACKLOG: i32 = 4096;

/// What fits into `sun_path` with its NUL.
const LONGEST_PATH: usize = 107;

/// Listens on a path of any length, or on an abstract name if `path` begins with a NUL byte.
///
/// # Errors
///
/// The path is taken (`EADDRINUSE`), its folder is missing, or its name is longer than 107 bytes.
pub fn unix(path: &Path, backlog: i32) -> io::Result<OwnedFd> {
    let socket = new_socket()?;
    bind(&socket, path)?;
    rustix::net::listen(&socket, backlog)?;
    Ok(socket)
}

/// Listens on `path` for the daemon itself. The file has `mode` before anyone can connect. Whether
/// an existing file is stale is the caller's decision, under the lock of the home folder; here it
/// is an error.
///
/// # Errors
///
/// As for [`unix`], or the mode cannot be set.
pub fn unix_listener(path: &Path, mode: u32) -> io::Result<OwnedFd> {
    let socket = new_socket()?;
    bind(&socket, path)?;
    rustix::fs::chmodat(
        CWD,
        path,
        Mode::from_raw_mode(mode),
        rustix::fs::AtFlags::empty(),
    )?;
    rustix::net::listen(&socket, OWN_BACKLOG)?;
    Ok(socket)
}

/// Listens on `path` on behalf of a worker, with the rights this thread has at the moment; `place` is
/// where the path leads. The file gets `mode` through a descriptor of itself, before anyone can
/// connect. Returns what there is to know of the file, too.
///
/// # Errors
///
/// As for [`unix`]; `EADDRINUSE` if the file is something else by the time it gets its mode.
pub fn unix_at(place: &Place, path: &Path, mode: u32, backlog: i32) -> io::Result<(OwnedFd, Stat)> {
    let socket = new_socket()?;
    // By its path and not through the folder, since this is the name others see; the rights are the
    // same on every way.
    bind(&socket, path)?;
    let (file, about) = place.look()?;
    if FileType::from_raw_mode(about.st_mode) != FileType::Socket {
        return Err(rustix::io::Errno::ADDRINUSE.into());
    }
    let file = crate::place::path_of(&file);
    rustix::fs::chmod(&file, Mode::from_raw_mode(mode))?;
    rustix::net::listen(&socket, backlog)?;
    Ok((socket, about))
}

/// Whether the socket file at `place` is all that is left of a listener. Asked without waiting:
/// somebody who does not accept is somebody. The second value tells whose file it is.
///
/// # Errors
///
/// There is nothing, or it may not be connected to.
pub fn is_deserted(place: &Place) -> io::Result<(bool, u32)> {
    let (file, about) = place.look()?;
    // Any other file refuses connections too, and is somebody's data.
    if FileType::from_raw_mode(about.st_mode) != FileType::Socket {
        return Ok((false, about.st_uid));
    }
    let address = SocketAddrUnix::new(crate::place::path_of(&file))?;
    let refused = rustix::net::connect(&new_socket()?, &address);
    let deserted = refused == Err(rustix::io::Errno::CONNREFUSED);
    Ok((deserted, about.st_uid))
}

fn new_socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    Ok(rustix::net::socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        flags,
        None,
    )?)
}

fn bind(socket: &OwnedFd, path: &Path) -> io::Result<()> {
    let bytes = path.as_os_str().as_bytes();
    if let Some(name) = bytes.strip_prefix(b"\0") {
        return Ok(rustix::net::bind(
            socket,
            &SocketAddrUnix::new_abstract_name(name)?,
        )?);
    }
    if bytes.len() <= LONGEST_PATH {
        return Ok(rustix::net::bind(socket, &SocketAddrUnix::new(path)?)?);
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    // A path through the folder's descriptor is short. A file name that is too long by itself is
    // still an error.
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(folder, flags, Mode::empty())?;
    let short = Path::new("/proc/self/fd")
        .join(folder.as_raw_fd().to_string())
        .join(name);
    Ok(rustix::net::bind(socket, &SocketAddrUnix::new(&short)?)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::listener::accept;

    #[test]
    fn the_file_has_its_mode_and_the_peer_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rpc.sock");
        let listener = unix_listener(&path, 0o600).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let error = unix_listener(&path, 0o600).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let _client = UnixStream::connect(&path).unwrap();
        let connection = accept(&listener).unwrap().unwrap();
        let peer = rustix::net::sockopt::socket_peercred(&connection).unwrap();
        assert_eq!(peer.pid, rustix::process::getpid());
    }

    #[test]
    fn paths_may_be_longer_than_the_kernel_says() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("d".repeat(150));
        std::fs::create_dir(&deep).unwrap();
        let _listener = unix(&deep.join("socket"), 5).unwrap();
        assert!(deep.join("socket").exists());
        assert!(unix(&deep.join("s".repeat(150)), 5).is_err());
    }

    #[test]
    fn abstract_names_leave_no_file() {
        let name = format!("\0ward-sys-test-{}", std::process::id());
        let first = unix(Path::new(&name), 5).unwrap();
        assert!(unix(Path::new(&name), 5).is_err());
        drop(first);
        unix(Path::new(&name), 5).unwrap();
    }
}
