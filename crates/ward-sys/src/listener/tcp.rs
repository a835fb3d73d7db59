//! TCP listeners, with Node's meaning of "any address".

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, sockopt};

/// How many connections may wait to be accepted. The kernel caps it at `net.core.somaxconn`.
pub type Backlog = i32;

/// The options of a TCP listener.
#[derive(Debug, Clone, Copy)]
pub struct TcpOptions {
    /// The length of the accept queue (`listen(2)`).
    pub backlog: Backlog,
    /// For `::`: refuse IPv4 connections.
    pub v6_only: bool,
    /// Whether several sockets may bind the address; the kernel spreads connections over them
    /// (`SO_REUSEPORT`).
    pub reuse_port: bool,
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self {
            backlog: 511,
            v6_only: false,
            reuse_port: false,
        }
    }
}

/// Listens on `address`.
///
/// # Errors
///
/// The kernel refuses a step, mostly `bind` with `EADDRINUSE`, `EACCES` or `EADDRNOTAVAIL`.
pub fn tcp(address: SocketAddr, options: TcpOptions) -> io::Result<OwnedFd> {
    let socket = new_socket(address, SocketType::STREAM, options.v6_only)?;
    // As in every server, connections in TIME_WAIT must not block the port.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if options.reuse_port {
        sockopt::set_socket_reuseport(&socket, true)?;
    }
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, options.backlog)?;
    Ok(socket)
}

/// Listens on all addresses: `::` for both families, or `0.0.0.0` where there is no IPv6.
///
/// # Errors
///
/// As for [`tcp`]; without IPv6 the error is that of `0.0.0.0`.
pub fn tcp_any(port: u16, options: TcpOptions) -> io::Result<OwnedFd> {
    match tcp(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)), options) {
        // The port is taken; trying another family would hide that.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
        Err(_) if !options.v6_only => tcp(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)), options),
        result => result,
    }
}

pub(super) fn new_socket(
    address: SocketAddr,
    kind: SocketType,
    v6_only: bool,
) -> io::Result<OwnedFd> {
    let family = if address.is_ipv6() {
        AddressFamily::INET6
    } else {
        AddressFamily::INET
    };
    let protocol = if kind == SocketType::STREAM {
        ipproto::TCP
    } else {
        ipproto::UDP
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(family, kind, flags, Some(protocol))?;
    if address.is_ipv6() {
        // Always set: the default is a setting of the machine.
        sockopt::set_ipv6_v6only(&socket, v6_only)?;
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;
    use crate::listener::{accept, cookie, is_listening, local_address, peer_address};

    #[test]
    fn any_takes_both_families_and_says_when_the_port_is_taken() {
        let listener = tcp_any(0, TcpOptions::default()).unwrap();
        assert!(is_listening(&listener));
        assert!(accept(&listener).unwrap().is_none());
        let port = local_address(&listener).unwrap().unwrap().port();
        let error = tcp_any(port, TcpOptions::default()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let connection = accept(&listener).unwrap().unwrap();
        let peer = peer_address(&connection).unwrap().unwrap();
        assert_eq!(peer.port(), client.local_addr().unwrap().port());
        rustix::io::write(&connection, b"hello").unwrap();
        drop(connection);
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
        client.flush().unwrap();
    }

    #[test]
    fn reuse_port_gives_two_sockets_on_one_address() {
        let options = TcpOptions {
            reuse_port: true,
            ..TcpOptions::default()
        };
        let first = tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), options).unwrap();
        let address = local_address(&first).unwrap().unwrap();
        let second = tcp(address, options).unwrap();
        assert_ne!(cookie(&first).unwrap(), cookie(&second).unwrap());
        assert_eq!(
            cookie(&first).unwrap(),
            cookie(first.try_clone().unwrap()).unwrap()
        );
    }
}
