//! The stream of `logs`: reads the daemon's bus until nobody reads our output any more. A daemon
//! that goes away is waited for, without a word.

use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;

use super::Output;
use super::printer::Printer;
use crate::cli::out::screen;

/// Time between two attempts to reach a daemon that is gone.
const RETRY_MS: i64 = 100;
const CHUNK: usize = 64 * 1024;

/// A subscription to the bus.
#[derive(Debug)]
pub(crate) struct Bus {
    path: PathBuf,
    stream: Option<UnixStream>,
    buffer: Vec<u8>,
}

/// What became of one wait.
enum Wait {
    /// There may be something to read, or time to try again.
    Go,
    /// Our reader is gone.
    Over,
}

impl Bus {
    /// Subscribes. From here on nothing the daemon publishes is missed.
    pub(crate) fn subscribe(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            stream: UnixStream::connect(path).ok(),
            buffer: Vec::new(),
        }
    }

    /// Prints what comes. Events from before `since_ms` were in the files already. `write` gets the
    /// output and says whether to go on.
    pub(crate) fn follow(
        mut self,
        printer: &mut Printer,
        since_ms: u64,
        mut write: impl FnMut(Output) -> bool,
    ) {
        while let Wait::Go = self.wait() {
            if !self.fill() {
                continue;
            }
            let mut output = Output::default();
            let now_ms = u64::try_from(screen::now_ms()).unwrap_or(0);
            while let Some((topic, payload)) = self.next_event() {
                let at = payload.get("at").and_then(Value::as_u64);
                if at.is_none_or(|at| at >= since_ms) {
                    printer.print(&topic, &payload, now_ms, &mut output);
                }
            }
            if !write(output) {
                return;
            }
        }
    }

    fn wait(&self) -> Wait {
        let stdout = io::stdout();
        let mut fds = vec![PollFd::new(&stdout, PollFlags::empty())];
        let mut timeout = None;
        match &self.stream {
            Some(stream) => fds.push(PollFd::new(stream, PollFlags::IN)),
            None => {
                timeout = Some(Timespec {
                    tv_sec: 0,
                    tv_nsec: RETRY_MS * 1_000_000,
                });
            }
        }
        // An interrupted wait is a wait that ended early.
        let ended = poll(&mut fds, timeout.as_ref()).is_ok();
        let gone = PollFlags::ERR | PollFlags::NVAL;
        if ended && fds[0].revents().intersects(gone) {
            Wait::Over
        } else {
            Wait::Go
        }
    }

    /// Reads once, or connects once. Whether there is something new.
    fn fill(&mut self) -> bool {
        let Some(stream) = &mut self.stream else {
            self.stream = UnixStream::connect(&self.path).ok();
            return false;
        };
        let mut chunk = vec![0; CHUNK];
        match stream.read(&mut chunk) {
            Ok(length) if length > 0 => {
                self.buffer.extend_from_slice(&chunk[..length]);
                true
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => false,
            _ => {
                self.stream = None;
                self.buffer.clear();
                false
            }
        }
    }

    /// Takes the next whole event out of the buffer. What is no event is skipped.
    fn next_event(&mut self) -> Option<(String, Value)> {
        loop {
            let (arguments, length) = split(&self.buffer)?;
            let event = event(&arguments);
            self.buffer.drain(..length);
            if event.is_some() {
                return event;
            }
        }
    }
}

/// One frame: a byte with the number of arguments in its low half, then each with its length.
fn split(buffer: &[u8]) -> Option<(Vec<&[u8]>, usize)> {
    let count = buffer.first()? & 0x0f;
    let mut at = 1;
    let mut arguments = Vec::new();
    for _ in 0..count {
        let length = u32::from_be_bytes(buffer.get(at..at + 4)?.try_into().ok()?);
        let end = at + 4 + usize::try_from(length).ok()?;
        arguments.push(buffer.get(at + 4..end)?);
        at = end;
    }
    Some((arguments, at))
}

fn event(arguments: &[&[u8]]) -> Option<(String, Value)> {
    let [topic, payload, ..] = arguments else {
        return None;
    };
    let topic = core::str::from_utf8(topic.strip_prefix(b"s:")?).ok()?;
    let payload = serde_json::from_slice(payload.strip_prefix(b"j:")?).ok()?;
    Some((topic.to_owned(), payload))
}

#[cfg(test)]
mod tests;
