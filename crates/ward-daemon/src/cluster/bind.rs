//! From an address a worker wants to a socket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::io::Errno;
use ward_sys::listener::{self, TcpOptions, UdpOptions};
use ward_sys::{Pid, reap};
use ward_wire::node_cluster::{Endpoint, Host, ListenQuery};

use super::WorkerConfig;
use super::socket_file::{SocketFile, place_of};
use crate::rights::Rights;

/// The first port that everybody may bind, where the kernel does not say.
const FIRST_OPEN_PORT: u16 = 1024;

/// A socket and what there is to know of it.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) socket: OwnedFd,
    /// A file was made for it.
    pub(super) file: Option<SocketFile>,
    /// Connections can be accepted from it; otherwise workers have to share it.
    pub(super) listens: bool,
}

/// Makes the socket.
pub(super) fn bind(
    endpoint: &Endpoint,
    query: &ListenQuery,
    worker: Option<u32>,
    reuse_port: bool,
    config: &WorkerConfig,
) -> io::Result<Bound> {
    if let Endpoint::Tcp { port, .. } | Endpoint::Udp { port, .. } = endpoint {
        may_bind(*port, config)?;
    }
    // Sockets belong to the app's user, as if it had made them: the kernel lets no other user share
    // their address.
    let _borrowed = config.rights.borrow()?;
    let tcp = |v6_only| TcpOptions {
        backlog: query.backlog(),
        v6_only,
        reuse_port,
    };
    let (socket, listens) = match endpoint {
        Endpoint::Tcp {
            host: None,
            port,
            ipv6_only,
        } => (listener::tcp_any(*port, tcp(*ipv6_only))?, true),
        Endpoint::Tcp {
            host: Some(host),
            port,
            ipv6_only,
        } => (listener::tcp(address(host, *port)?, tcp(*ipv6_only))?, true),
        Endpoint::Udp {
            host,
            ipv6,
            port,
            ipv6_only,
            reuse_addr,
        } => {
            let options = UdpOptions {
                reuse_address: *reuse_addr,
                reuse_port: false,
                v6_only: *ipv6_only,
            };
            let address = match host {
                Some(host) => address(host, *port)?,
                None if *ipv6 => SocketAddr::from((Ipv6Addr::UNSPECIFIED, *port)),
                None => SocketAddr::from((Ipv4Addr::UNSPECIFIED, *port)),
            };
            (listener::udp(address, options)?, false)
        }
        Endpoint::Path(path) => {
            return bind_path(Path::new(path), query, &config.rights);
        }
        Endpoint::Abstract(name) => {
            let name = format!("\0{name}");
            (listener::unix(Path::new(&name), query.backlog())?, true)
        }
        Endpoint::Descriptor(number) => {
            let socket = fetch(worker, *number)?;
            let listens = listener::is_listening(&socket);
            (socket, listens)
        }
    };
    Ok(Bound {
        socket,
        file: None,
        listens,
    })
}

/// Refuses a port that the kernel would not give the app's user, unless it was declared for it.
fn may_bind(port: u16, config: &WorkerConfig) -> io::Result<()> {
    let is_open = |port| port == 0 || port >= first_open_port();
    match config.rights.uid() {
        None | Some(0) => Ok(()),
        Some(_) if is_open(port) || config.options.privileged_ports.contains(&port) => Ok(()),
        Some(_) => Err(Errno::ACCESS.into()),
    }
}

/// The first port that everybody may bind.
fn first_open_port() -> u16 {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    let port = text.ok().and_then(|text| text.trim().parse().ok());
    port.unwrap_or(FIRST_OPEN_PORT)
}

/// Where the rights are borrowed already.
fn bind_path(path: &Path, query: &ListenQuery, rights: &Rights) -> io::Result<Bound> {
    // The daemon's own files are private; this one is the app's, as its umask would make it.
    let mut mode = 0o755;
    if query.readable_all {
        mode |= 0o444;
    }
    if query.writable_all {
        mode |= 0o222;
    }
    let place = place_of(path, rights)?;
    let (socket, about) = listener::unix_at(&place, path, mode, query.backlog())?;
    let file = SocketFile::new(path, &about, rights);
    Ok(Bound {
        socket,
        file: Some(file),
        listens: true,
    })
}

/// A copy of a descriptor of the worker.
fn fetch(worker: Option<u32>, number: i32) -> io::Result<OwnedFd> {
    let bad = || io::Error::from(Errno::BADF);
    let pid = worker
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(Pid::from_raw);
    let pidfd = reap::pidfd_open(pid.ok_or_else(bad)?)?;
    let socket = listener::duplicate_from(pidfd, number)?;
    // Anything but a socket would be the end of the worker that gets it.
    rustix::net::sockopt::socket_type(&socket).map_err(|_| bad())?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    Ok(socket)
}

fn address(host: &Host, port: u16) -> io::Result<SocketAddr> {
    match (host.address, host.zone.as_deref()) {
        (IpAddr::V6(address), Some(zone)) => {
            let index = match zone.parse() {
                Ok(index) => index,
                Err(_) => interface(zone)?,
            };
            Ok(SocketAddrV6::new(address, port, 0, index).into())
        }
        (address, _) => Ok(SocketAddr::new(address, port)),
    }
}

/// The number of a network interface.
fn interface(name: &str) -> io::Result<u32> {
    let unknown = || io::Error::from(Errno::INVAL);
    if name.contains('/') {
        return Err(unknown());
    }
    let text = std::fs::read_to_string(format!("/sys/class/net/{name}/ifindex"));
    text.map_err(|_| unknown())?
        .trim()
        .parse()
        .map_err(|_| unknown())
}
