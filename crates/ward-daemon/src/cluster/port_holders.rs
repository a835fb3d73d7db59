//! Which foreign process has a port, read from `/proc`.

use std::fs;
use std::path::Path;

use super::sockets::{LISTEN, has_any, inodes};

/// So many characters of a command are shown.
const LONGEST_COMMAND: usize = 100;

/// A process that listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PortHolder {
    pub(crate) pid: u32,
    /// Its words, as `ps` shows them.
    pub(crate) command: String,
}

/// The process that listens on a TCP port. Those of other users stay unknown to all but root.
pub(crate) fn listener_of(port: u16) -> Option<PortHolder> {
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
    Some(PortHolder {
        pid,
        command: command(pid),
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
