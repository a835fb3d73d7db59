//! UDP sockets that workers share.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::net::{SocketType, sockopt};

use super::tcp::new_socket;

/// The options of a UDP socket.
#[derive(Debug, Clone, Copy, Default)]
pub struct UdpOptions {
    /// Node's `reuseAddr`: several sockets may bind the address; the last one gets the datagrams
    /// (`SO_REUSEADDR`).
    pub reuse_address: bool,
    /// Whether several sockets may bind the address; the kernel spreads datagrams over them
    /// (`SO_REUSEPORT`).
    pub reuse_port: bool,
    /// For `::`: refuse IPv4 datagrams.
    pub v6_only: bool,
}

/// Binds `address`.
///
/// # Errors
///
/// The kernel refuses a step, mostly `bind` with `EADDRINUSE`, `EACCES` or `EADDRNOTAVAIL`.
pub fn udp(address: SocketAddr, options: UdpOptions) -> io::Result<OwnedFd> {
    let socket = new_socket(address, SocketType::DGRAM, options.v6_only)?;
    if options.reuse_address {
        sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    if options.reuse_port {
        sockopt::set_socket_reuseport(&socket, true)?;
    }
    rustix::net::bind(&socket, &address)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::listener::local_address;

    #[test]
    fn an_address_is_shared_only_if_asked() {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let alone = udp(any, UdpOptions::default()).unwrap();
        let address = local_address(&alone).unwrap().unwrap();
        assert!(udp(address, UdpOptions::default()).is_err());
        let options = UdpOptions {
            reuse_address: true,
            ..UdpOptions::default()
        };
        let first = udp(any, options).unwrap();
        udp(local_address(&first).unwrap().unwrap(), options).unwrap();
    }
}
