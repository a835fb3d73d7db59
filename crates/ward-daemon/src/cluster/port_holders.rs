//! Which foreign process has a port, read from `/proc`.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

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

/// How long it is believed that nobody else has come to a port.
const REMEMBERED: Duration = Duration::from_secs(5);

/// Who was found on which port. To look takes long where there are many processes, and apps that
/// cannot have a port try again and again.
#[derive(Debug, Default)]
pub(crate) struct PortHolders(HashMap<u16, (Instant, Option<PortHolder>)>);

impl PortHolders {
    /// The process that listens on a port, as `find` finds it.
    pub(crate) fn on(
        &mut self,
        port: u16,
        now: Instant,
        find: impl FnOnce(u16) -> Option<PortHolder>,
    ) -> Option<PortHolder> {
        self.0.retain(|_, (at, _)| now < *at + REMEMBERED);
        let (_, found) = self.0.entry(port).or_insert_with(|| (now, find(port)));
        found.clone()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_is_looked_for_once_in_a_while() {
        let mut port_holders = PortHolders::default();
        let found = |pid| {
            let command = "it".to_owned();
            move |_| Some(PortHolder { pid, command })
        };
        let now = Instant::now();
        let mut pid = |port, at, next| port_holders.on(port, at, found(next)).map(|it| it.pid);
        assert_eq!(pid(80, now, 1), Some(1));
        assert_eq!(pid(80, now + REMEMBERED / 2, 2), Some(1));
        assert_eq!(pid(81, now + REMEMBERED / 2, 3), Some(3));
        assert_eq!(pid(80, now + REMEMBERED, 4), Some(4));
        assert_eq!(pid(81, now + REMEMBERED, 5), Some(3));
    }
}
