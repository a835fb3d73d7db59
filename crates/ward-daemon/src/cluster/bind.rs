//! From an address a worker wants to a socket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use ward_sys::listener::{self, TcpOptions, UdpOptions};
use ward_sys::{Pid, reap};
use ward_wire::node_cluster::{Endpoint, Host, ListenQuery};

/// A socket and what there is to know of it.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) socket: OwnedFd,
    /// A file was made for it.
    pub(super) file: Option<SocketFile>,
    /// Connections can be accepted from it; otherwise workers have to share it.
    pub(super) listens: bool,
}

/// The file of a Unix socket, removed with it; never one that others put in its place.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_path_buf(),
            identity: identity(path)?,
        })
    }

    /// Leaves the file to another process: its path, device and inode.
    pub(super) fn leave(mut self) -> (PathBuf, (u64, u64)) {
        // An empty path is nobody's, so there is nothing to remove.
        (std::mem::take(&mut self.path), self.identity)
    }

    /// The file of an earlier process, as [`Self::leave`] gave it.
    pub(super) fn take_over((path, identity): (PathBuf, (u64, u64))) -> Self {
        Self { path, identity }
    }

    /// Whether this is the file at a path.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        self.path == path && identity(path).is_ok_and(|found| found == self.identity)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_at(&self.path) {
            std::fs::remove_file(&self.path).ok();
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = std::fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

/// Whether a socket file is all that is left of a listener. Asked without waiting: somebody who
/// does not accept is somebody.
pub(super) fn is_deserted(path: &Path) -> bool {
    // Any other file refuses connections too, and is somebody's data.
    let found = std::fs::symlink_metadata(path);
    if !found.is_ok_and(|found| found.file_type().is_socket()) {
        return false;
    }
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None);
    let (Ok(socket), Ok(address)) = (socket, SocketAddrUnix::new(path)) else {
        return false;
    };
    rustix::net::connect(&socket, &address) == Err(rustix::io::Errno::CONNREFUSED)
}

/// Makes the socket.
pub(super) fn bind(
    endpoint: &Endpoint,
    query: &ListenQuery,
    worker: Option<u32>,
    reuse_port: bool,
) -> io::Result<Bound> {
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
        Endpoint::Path(path) => return bind_path(Path::new(path), query),
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

fn bind_path(path: &Path, query: &ListenQuery) -> io::Result<Bound> {
    let socket = listener::unix(path, query.backlog())?;
    let file = SocketFile::of(path)?;
    let mut mode = std::fs::metadata(path)?.permissions().mode();
    // The daemon's own files are private; this one is the app's, as its umask would make it.
    mode |= 0o755;
    if query.readable_all {
        mode |= 0o444;
    }
    if query.writable_all {
        mode |= 0o222;
    }
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode))?;
    Ok(Bound {
        socket,
        file: Some(file),
        listens: true,
    })
}

/// A copy of a descriptor of the worker.
fn fetch(worker: Option<u32>, number: i32) -> io::Result<OwnedFd> {
    let bad = || io::Error::from(rustix::io::Errno::BADF);
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
    let unknown = || io::Error::from(rustix::io::Errno::INVAL);
    if name.contains('/') {
        return Err(unknown());
    }
    let text = std::fs::read_to_string(format!("/sys/class/net/{name}/ifindex"));
    text.map_err(|_| unknown())?
        .trim()
        .parse()
        .map_err(|_| unknown())
}
