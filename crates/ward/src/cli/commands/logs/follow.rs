//! The stream of `logs`: reads the daemon's bus until nobody reads our output any more. A daemon
//! that goes away is waited for, without a word.

use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;
use ward_wire::amp::Decoder;
use ward_wire::bus::Event;

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
    decoder: Decoder,
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
            decoder: Decoder::new(),
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
            while let Some(event) = self.next_event() {
                let at = event.payload.get("at").and_then(Value::as_u64);
                if at.is_none_or(|at| at >= since_ms) {
                    printer.print(&event.topic, &event.payload, now_ms, &mut output);
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
                self.decoder.push(&chunk[..length]);
                true
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => false,
            _ => {
                self.hang_up();
                false
            }
        }
    }

    /// The next whole event. What is no event is skipped; a daemon that sends nonsense lengths is
    /// left and called again.
    fn next_event(&mut self) -> Option<Event> {
        loop {
            match self.decoder.next() {
                Ok(None) => return None,
                Ok(Some(frame)) => {
                    if let Ok(event) = Event::from_frame(&frame) {
                        return Some(event);
                    }
                }
                Err(_) => {
                    self.hang_up();
                    return None;
                }
            }
        }
    }

    fn hang_up(&mut self) {
        self.stream = None;
        self.decoder = Decoder::new();
    }
}

#[cfg(test)]
mod tests;
