//! Sockets that the daemon listens on, for itself or for its workers. All are non-blocking and
//! close-on-exec.

mod connect;
mod tcp;
mod udp;
mod unix;

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd, RawFd};

use rustix::net::{SocketFlags, SocketType};
use rustix::process::PidfdGetfdFlags;

pub use self::connect::unix_connect;
pub use self::tcp::{Backlog, TcpOptions, tcp, tcp_any};
pub use self::udp::{UdpOptions, udp};
pub use self::unix::{is_deserted, unix, unix_at, unix_listener};

/// Accepts the next connection; `None` if none waits.
///
/// # Errors
///
/// The kernel refuses, for instance with `EMFILE` when no descriptor is left.
pub fn accept(listener: impl AsFd) -> io::Result<Option<OwnedFd>> {
    use rustix::io::Errno;
    loop {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        match rustix::net::accept_with(&listener, flags) {
            Ok(connection) => return Ok(Some(connection)),
            Err(Errno::AGAIN) => return Ok(None),
            // A connection that was reset in the queue, or a network error the manual says to treat
            // like that.
            Err(Errno::INTR | Errno::CONNABORTED | Errno::PROTO) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The address a TCP or UDP socket is bound to; `None` for other families.
///
/// # Errors
///
/// The descriptor is not a socket.
pub fn local_address(socket: impl AsFd) -> io::Result<Option<SocketAddr>> {
    Ok(SocketAddr::try_from(rustix::net::getsockname(socket)?).ok())
}

/// The address of the other side of a connection; `None` for other families.
///
/// # Errors
///
/// The descriptor is not a connected socket.
pub fn peer_address(socket: impl AsFd) -> io::Result<Option<SocketAddr>> {
    let address = rustix::net::getpeername(socket)?;
    Ok(address.and_then(|address| SocketAddr::try_from(address).ok()))
}

/// The kernel's identifier of a socket (`SO_COOKIE`), the same for all of its descriptors.
///
/// # Errors
///
/// The descriptor is not a socket.
pub fn cookie(socket: impl AsFd) -> io::Result<u64> {
    Ok(rustix::net::sockopt::socket_cookie(socket)?)
}

/// Whether this is a stream socket that listens.
pub fn is_listening(socket: impl AsFd) -> bool {
    let socket = socket.as_fd();
    rustix::net::sockopt::socket_type(socket) == Ok(SocketType::STREAM)
        && rustix::net::sockopt::socket_acceptconn(socket) == Ok(true)
}

/// A duplicate of a descriptor of another process.
///
/// # Errors
///
/// The process has no such descriptor, has ended, or may not be traced by this one (`EPERM`).
pub fn duplicate_from(pidfd: impl AsFd, number: RawFd) -> io::Result<OwnedFd> {
    Ok(rustix::process::pidfd_getfd(
        pidfd,
        number,
        PidfdGetfdFlags::empty(),
    )?)
}
