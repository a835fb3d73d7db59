//! How many connections a worker has open, counted from outside: the kernel's tables and `/proc`.

use std::collections::HashSet;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::net::{SocketAddrUnix, getsockname};
use ward_sys::sock_diag::open_sockets;

/// The state of a TCP socket that listens.
pub(super) const LISTEN: &str = "0A";

/// The flag of a Unix socket that listens.
const UNIX_LISTENS: &str = "00010000";

/// Where connections of a worker come in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Endpoints {
    ports: Vec<u16>,
    /// As the kernel writes them.
    paths: Vec<String>,
}

impl Endpoints {
    /// What this socket listens on.
    pub(super) fn add(&mut self, listener: impl AsFd) {
        let Ok(address) = getsockname(listener) else {
            return;
        };
        if let Ok(address) = std::net::SocketAddr::try_from(address.clone()) {
            self.ports.push(address.port());
        } else if let Ok(address) = SocketAddrUnix::try_from(address) {
            self.paths.extend(path_of(&address));
        }
    }
}

/// The name of a Unix socket as the kernel writes it into its table.
fn path_of(address: &SocketAddrUnix) -> Option<String> {
    if let Some(name) = address.abstract_name() {
        return Some(format!("@{}", lossy(name).replace('\0', "@")));
    }
    Some(
        lossy(address.path_bytes()?)
            .trim_end_matches('\0')
            .to_owned(),
    )
}

/// How many connections from these places a process has open, half-closed ones included. `None`
/// when it has nothing open at all: then it has ended.
pub(super) fn connections(pid: u32, endpoints: &Endpoints) -> Option<usize> {
    let folder = format!("/proc/{pid}/net");
    let folder = Path::new(&folder);
    let mut wanted = HashSet::new();
    if !endpoints.ports.is_empty() {
        wanted.extend(tcp_inodes(folder, &endpoints.ports));
    }
    if !endpoints.paths.is_empty() {
        wanted.extend(unix_inodes(folder, &endpoints.paths));
    }
    let open = || fs::read_dir(format!("/proc/{pid}/fd"));
    let entries = open().ok()?.flatten();
    let count = entries.filter(|it| leads_to(&it.path(), &wanted)).count();
    // One that ended meanwhile lost all at once, and the list broke off.
    let is_open = open().is_ok_and(|mut entries| entries.next().is_some());
    is_open.then_some(count)
}

/// The inodes of the TCP connections on these ports. The kernel's list is the better source: its
/// table has a line for each connection of the machine, and for many more that are over.
fn tcp_inodes(folder: &Path, ports: &[u16]) -> HashSet<String> {
    match open_sockets(ports) {
        Ok(open) => open
            .iter()
            .map(|it| format!("socket:[{}]", it.inode))
            .collect(),
        Err(_) => inodes(folder, |socket| {
            socket.state != LISTEN && ports.contains(&socket.port)
        }),
    }
}

/// One line of the kernel's table.
pub(super) struct Socket<'a> {
    pub(super) port: u16,
    pub(super) state: &'a str,
}

/// The inodes of the TCP sockets that satisfy a condition.
pub(super) fn inodes(folder: &Path, wanted: impl Fn(&Socket<'_>) -> bool) -> HashSet<String> {
    let mut found = HashSet::new();
    for table in ["tcp", "tcp6"] {
        let text = fs::read_to_string(folder.join(table)).unwrap_or_default();
        found.extend(text.lines().skip(1).filter_map(|line| {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            let (_, port) = words.get(1)?.rsplit_once(':')?;
            let socket = Socket {
                port: u16::from_str_radix(port, 16).ok()?,
                state: words.get(3)?,
            };
            wanted(&socket).then(|| format!("socket:[{}]", words.get(9).unwrap_or(&"")))
        }));
    }
    found
}

/// The inodes of the Unix sockets that were connected at these paths.
fn unix_inodes(folder: &Path, paths: &[String]) -> Vec<String> {
    let table = fs::read(folder.join("unix")).unwrap_or_default();
    let lines = table.split(|byte| *byte == b'\n').skip(1);
    let found = lines.filter_map(|line| {
        let line = lossy(line);
        // Number, references, protocol, flags, type, state, inode; the rest is the path.
        let mut rest = &*line;
        let mut words = [""; 7];
        for word in &mut words {
            (*word, rest) = rest.trim_start().split_once(' ')?;
        }
        let ours = words[3] != UNIX_LISTENS && paths.iter().any(|path| path == rest);
        ours.then(|| format!("socket:[{}]", words[6]))
    });
    found.collect()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether a process has one of these sockets.
pub(super) fn has_any(pid: u32, sockets: &HashSet<String>) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    let mut paths = descriptors.flatten().map(|entry| entry.path());
    paths.any(|path| leads_to(&path, sockets))
}

/// Whether a descriptor is one of these sockets.
fn leads_to(descriptor: &Path, sockets: &HashSet<String>) -> bool {
    fs::read_link(descriptor).is_ok_and(|link| {
        str::from_utf8(link.as_os_str().as_bytes()).is_ok_and(|link| sockets.contains(link))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

    fn count(endpoints: &Endpoints) -> Option<usize> {
        connections(std::process::id(), endpoints)
    }

    #[test]
    fn a_connection_is_seen_until_it_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut endpoints = Endpoints::default();
        endpoints.add(&listener);
        assert_eq!(count(&endpoints), Some(0));
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        assert_eq!(count(&endpoints), Some(1));
        server.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        assert_eq!(count(&endpoints), Some(1), "half of it is open");
        drop(server);
        assert_eq!(count(&endpoints), Some(0));
        drop(client);
    }

    #[test]
    fn connections_on_unix_sockets_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("with a space.sock");
        let name = format!("ward-test-{}", std::process::id());
        let name = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
        let listeners = [
            UnixListener::bind(&path).unwrap(),
            UnixListener::bind_addr(&name).unwrap(),
        ];
        let mut endpoints = Endpoints::default();
        for (before, listener) in listeners.iter().enumerate() {
            endpoints.add(listener);
            assert_eq!(count(&endpoints), Some(before));
            let address = listener.local_addr().unwrap();
            let client = UnixStream::connect_addr(&address).unwrap();
            assert_eq!(count(&endpoints), Some(before), "nobody has taken it");
            let (server, _) = listener.accept().unwrap();
            assert_eq!(count(&endpoints), Some(before + 1));
            drop(client);
            assert_eq!(count(&endpoints), Some(before + 1), "it is still open here");
            // Closed, and another one in its place, which the next round finds.
            drop(server);
            assert_eq!(count(&endpoints), Some(before));
            let client = UnixStream::connect_addr(&address).unwrap();
            let server = listener.accept().unwrap();
            std::mem::forget((client, server));
        }
    }

    #[test]
    fn of_a_process_that_has_ended_nothing_is_known() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        let status = rustix::process::waitid(
            rustix::process::WaitId::Pid(rustix::process::Pid::from_child(&child)),
            rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT,
        );
        assert!(status.unwrap().is_some(), "it is a zombie now");
        assert_eq!(connections(pid, &Endpoints::default()), None);
        child.wait().unwrap();
        assert_eq!(connections(pid, &Endpoints::default()), None);
    }
}
