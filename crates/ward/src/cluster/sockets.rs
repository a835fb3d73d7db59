//! Who has which TCP socket, read from `/proc`: strangers on a port, and connections a worker has.

use std::collections::HashSet;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

const ESTABLISHED: &str = "01";
const CLOSE_WAIT: &str = "08";
const LISTEN: &str = "0A";

/// So many characters of a command are shown.
const LONGEST_COMMAND: usize = 100;

/// A process that listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stranger {
    pub(crate) pid: u32,
    /// Its words, as `ps` shows them.
    pub(crate) command: String,
}

/// The process that listens on a TCP port. Those of other users stay unknown to all but root.
pub(crate) fn listener_of(port: u16) -> Option<Stranger> {
    let wanted = inodes(Path::new("/proc/net"), |socket| {
        socket.state == LISTEN && socket.port == port
    });
    if wanted.is_empty() {
        return None;
    }
    let own = std::process::id();
    let processes = fs::read_dir("/proc").ok()?;
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let pid = pids
        .filter(|pid: &u32| *pid != own)
        .find(|pid| has_any(*pid, &wanted))?;
    Some(Stranger {
        pid,
        command: command(pid),
    })
}

/// Whether a process has connections on one of these local ports.
pub(super) fn serves(pid: u32, ports: &[u16]) -> bool {
    let folder = format!("/proc/{pid}/net");
    let open = inodes(Path::new(&folder), |socket| {
        let alive = socket.state == ESTABLISHED || socket.state == CLOSE_WAIT;
        alive && ports.contains(&socket.port)
    });
    !open.is_empty() && has_any(pid, &open)
}

/// One line of the kernel's table.
struct Socket<'a> {
    port: u16,
    state: &'a str,
}

/// The inodes of the TCP sockets that satisfy a condition.
fn inodes(folder: &Path, wanted: impl Fn(&Socket<'_>) -> bool) -> HashSet<String> {
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

/// Whether a process has one of these sockets.
fn has_any(pid: u32, sockets: &HashSet<String>) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    descriptors.flatten().any(|entry| {
        fs::read_link(entry.path()).is_ok_and(|link| {
            str::from_utf8(link.as_os_str().as_bytes()).is_ok_and(|link| sockets.contains(link))
        })
    })
}

/// The words of a process in one line. A script may be among them, so long ones are cut.
fn command(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let words = text.split(|c: char| c.is_control() || c.is_whitespace());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    match line.char_indices().nth(LONGEST_COMMAND) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn a_connection_is_seen_until_it_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let pid = std::process::id();
        assert!(!serves(pid, &[port]));
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (server, _) = listener.accept().unwrap();
        assert!(serves(pid, &[port]));
        drop(server);
        drop(client);
        assert!(!serves(pid, &[port]));
    }
}
