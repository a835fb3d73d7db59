//! Reads all processes in one pass over `/proc`.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::{CWD, Mode, OFlags, RawDir, SeekFrom};
use rustix::io::Errno;

use super::stat::{Stat, parse_stat};
use crate::Pid;

/// More than the longest line of `/proc/<pid>/stat`, with the longest name and the largest numbers.
const LONGEST_LINE: usize = 1024;
/// Bytes per `getdents64` call: about a thousand entries.
const ENTRIES_BYTES: usize = 32 * 1024;

/// A kept descriptor of `/proc` and buffers, so that a pass allocates nothing.
#[derive(Debug)]
pub struct Scanner {
    proc: OwnedFd,
    entries: Vec<MaybeUninit<u8>>,
}

impl Scanner {
    /// Opens `/proc`.
    ///
    /// # Errors
    ///
    /// `/proc` cannot be opened.
    pub fn new() -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let proc = rustix::fs::openat(CWD, c"/proc", flags, Mode::empty())?;
        Ok(Self {
            proc,
            entries: vec![MaybeUninit::uninit(); ENTRIES_BYTES],
        })
    }

    /// Calls `visit` for each process. Processes that start or end during the scan may be missing.
    ///
    /// # Errors
    ///
    /// `/proc` cannot be read, or no descriptor or memory is left for one of its files: then nothing
    /// is known of who is missing. A process that ends during the scan is no error.
    pub fn scan(&mut self, mut visit: impl FnMut(&Stat)) -> io::Result<()> {
        rustix::fs::seek(&self.proc, SeekFrom::Start(0))?;
        let mut directory = RawDir::new(&self.proc, &mut self.entries);
        while let Some(entry) = directory.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if !name.first().is_some_and(u8::is_ascii_digit) {
                continue;
            }
            let mut line = [0; LONGEST_LINE];
            // A process that has just ended is no error.
            if let Some(stat) = read_stat(&self.proc, name, &mut line)?.and_then(parse_stat) {
                visit(&stat);
            }
        }
        Ok(())
    }

    /// One process; `None` if it is gone.
    pub fn one(&self, pid: Pid) -> Option<Stat> {
        let mut line = [0; LONGEST_LINE];
        let name = pid.as_raw_nonzero().to_string();
        parse_stat(read_stat(&self.proc, name.as_bytes(), &mut line).ok()??)
    }

    /// All processes.
    ///
    /// # Errors
    ///
    /// `/proc` cannot be read.
    pub fn all(&mut self) -> io::Result<Vec<Stat>> {
        let mut all = Vec::with_capacity(256);
        self.scan(|stat| all.push(*stat))?;
        Ok(all)
    }
}

/// The line of a process; `None` if it is gone.
fn read_stat<'buffer>(
    proc: &OwnedFd,
    pid: &[u8],
    line: &'buffer mut [u8; LONGEST_LINE],
) -> io::Result<Option<&'buffer [u8]>> {
    let mut path = [0; 32];
    let length = pid.len() + 5;
    if length >= path.len() {
        return Ok(None);
    }
    path[..pid.len()].copy_from_slice(pid);
    path[pid.len()..length].copy_from_slice(b"/stat");
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(proc, &path[..length], flags, Mode::empty()) {
        Err(error @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM)) => return Err(error.into()),
        Err(_) => return Ok(None),
        Ok(file) => file,
    };
    let count = rustix::io::read(&file, &mut line[..]).ok();
    Ok(count.map(|count| &line[..count]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_are_found_in_every_pass() {
        let mut scanner = Scanner::new().unwrap();
        for _ in 0..2 {
            let own = i32::try_from(std::process::id()).unwrap();
            let found = scanner
                .all()
                .unwrap()
                .into_iter()
                .filter(|stat| stat.pid == own);
            assert_eq!(found.count(), 1);
        }
    }
}
