//! The client side of `pub.sock`: the one reader of the daemon's events. It ends when the daemon
//! does; who wants to go on connects again.

use std::io::{self, Read, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use ward_home::Paths;
use ward_wire::amp::Decoder;
use ward_wire::bus::{Choice, Event};

use crate::cli::daemon;
use crate::exit::Failure;

const CHUNK_BYTES: usize = 64 * 1024;

/// A stream of events, read by blocking as an iterator, or in steps by [`Subscription::receive`].
#[derive(Debug)]
pub(crate) struct Subscription {
    stream: UnixStream,
    decoder: Decoder,
}

/// The daemon closed the stream, or what it sends is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stream of events has ended")]
pub(crate) struct Ended;

impl Subscription {
    /// Subscribes; events published from now on arrive.
    pub(crate) fn open(paths: &Paths, choice: &Choice) -> Result<Self, Failure> {
        let socket = &paths.pub_socket;
        Self::connect(socket, choice).map_err(|error| {
            Failure::new(format!("cannot connect to {}: {error}", socket.display()))
        })
    }

    /// As [`Subscription::open`], for callers who have their own answer to a daemon that is not there.
    ///
    /// Events nobody asked for may come all the same: those published before the daemon has heard the
    /// choice, and all of them from a daemon of PM2's, which ignores it.
    pub(crate) fn connect(socket: &Path, choice: &Choice) -> io::Result<Self> {
        let mut subscription = Self {
            stream: daemon::reach(socket)?,
            decoder: Decoder::new(),
        };
        if *choice != Choice::default() {
            subscription.choose(choice)?;
        }
        Ok(subscription)
    }

    /// Tells the daemon what is wanted from now on.
    pub(crate) fn choose(&mut self, choice: &Choice) -> io::Result<()> {
        self.stream.write_all(&choice.encode())
    }

    /// A second handle of the same connection: shutting it down ends the stream.
    pub(crate) fn end(&self) -> io::Result<UnixStream> {
        self.stream.try_clone()
    }

    /// Reads once, which blocks until the socket is readable. A signal may interrupt it: then
    /// nothing is new.
    pub(crate) fn receive(&mut self) -> Result<(), Ended> {
        let mut chunk = vec![0; CHUNK_BYTES];
        match self.stream.read(&mut chunk) {
            Ok(length) if length > 0 => {
                self.decoder.push(&chunk[..length]);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            _ => Err(Ended),
        }
    }

    /// The next event among what was received. A frame that is no event is left out.
    pub(crate) fn buffered(&mut self) -> Result<Option<Event>, Ended> {
        while let Some(frame) = self.decoder.next().map_err(|_| Ended)? {
            if let Ok(event) = Event::from_frame(&frame) {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }
}

impl AsFd for Subscription {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Iterator for Subscription {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.buffered().ok()? {
                return Some(event);
            }
            self.receive().ok()?;
        }
    }
}
