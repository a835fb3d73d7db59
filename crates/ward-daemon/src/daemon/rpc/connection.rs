//! One connection of a client: what it has not read, and whether it reads at all.

use std::cell::Cell;
use std::io;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::net::UnixStream;
use tokio::sync::Notify;

/// So many bytes of replies a connection may leave unread before no further request of it is taken.
const MOST_UNREAD: usize = 256 << 10;

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: UnixStream,
    /// Bytes of replies that are not written yet.
    pub(super) unwritten: Cell<usize>,
    was_written: Notify,
    /// Since when the kernel takes no more bytes for it.
    blocked: Cell<Option<Instant>>,
    /// Calls without a written reply.
    pub(super) calls: Cell<usize>,
    /// When it was heard of last, or when it came.
    heard: Cell<Instant>,
    has_spoken: Cell<bool>,
}

impl Connection {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self {
            stream,
            unwritten: Cell::default(),
            was_written: Notify::new(),
            blocked: Cell::default(),
            calls: Cell::default(),
            heard: Cell::new(Instant::now()),
            has_spoken: Cell::default(),
        }
    }

    /// Its client has sent something.
    pub(super) fn note_heard(&self) {
        self.heard.set(Instant::now());
        self.has_spoken.set(true);
    }

    /// Which one gives way first: the silent ones, or many of them would drive away all that are used;
    /// then the one that has not been used for longest.
    pub(super) fn use_of(&self) -> (bool, Instant) {
        (self.has_spoken.get(), self.heard.get())
    }

    /// Both its tasks end when they look at the socket.
    pub(super) fn close(&self) {
        // One that is gone needs no end.
        rustix::net::shutdown(&self.stream, rustix::net::Shutdown::Both).ok();
    }

    pub(super) fn owe(&self, bytes: usize) {
        self.unwritten.set(self.unwritten.get() + bytes);
    }

    pub(super) fn paid(&self, bytes: usize) {
        self.unwritten.set(self.unwritten.get() - bytes);
        self.was_written.notify_one();
    }

    /// Waits until the client has read most of its replies.
    pub(super) async fn read_enough(&self) {
        while self.unwritten.get() > MOST_UNREAD {
            self.was_written.notified().await;
        }
    }

    /// Whether the kernel has taken nothing for it for so long, and does not now: the daemon may have been busy.
    pub(super) fn is_stalled(&self, limit: Duration) -> bool {
        let since = self.blocked.get();
        if since.is_none_or(|since| since.elapsed() < limit) {
            return false;
        }
        let mut ready = [PollFd::new(&self.stream, PollFlags::OUT)];
        poll(&mut ready, Some(&Timespec::default())).is_ok_and(|count| count == 0)
    }

    /// Writes some bytes as soon as the kernel takes some.
    ///
    /// # Errors
    ///
    /// The client is gone.
    pub(super) async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            self.stream.writable().await?;
            match self.stream.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.blocked.get().is_none() {
                        self.blocked.set(Some(Instant::now()));
                    }
                }
                written => {
                    self.blocked.set(None);
                    return written;
                }
            }
        }
    }
}
