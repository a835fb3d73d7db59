//! One channel: the daemon's end of a socket pair, what was received of an unfinished line, and
//! what waits to be sent. Descriptors travel in both directions: Node attaches one to a message.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use ward_core::cluster::Role;
use ward_core::id::Life;
use ward_wire::node_ipc::{Line, LineDecoder};

use super::export::{ChannelState, ExportedChannel, QueuedLine, owned};
use super::window::Window;
use crate::poll::Interest;

/// Bytes that may wait for an app that does not read.
const OUTBOX_BYTES: usize = 4 * 1024 * 1024;

/// Received descriptors that may wait for their message; Node sends one with each.
const INBOX_FDS: usize = 64;

/// One channel.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) life: Life,
    pub(crate) socket: OwnedFd,
    lines: LineDecoder,
    pub(crate) window: Window,
    /// Received, and to be claimed by the next message that says it has one. At most
    /// [`INBOX_FDS`].
    pub(crate) fds: VecDeque<OwnedFd>,
    /// Not read, because the window is full.
    pub(crate) paused: bool,
    /// Messages were thrown away, which was told.
    pub(crate) choked: bool,
    /// A line was no message, which was told.
    pub(crate) told_junk: bool,
    /// The kernel has no room for what is to be sent.
    pub(crate) stalled: bool,
    /// What the poll was told to watch for; it does not know the socket when this is empty.
    pub(crate) interest: Interest,
    /// What its process is in a cluster.
    pub(crate) role: Role,
    /// Messages of clients are bounded by [`OUTBOX_BYTES`]; those of the cluster's protocol by what
    /// they answer and by the connections that may be on their way.
    outbox: VecDeque<Outgoing>,
    outbox_bytes: usize,
}

/// One message on its way out.
#[derive(Debug)]
struct Outgoing {
    bytes: Vec<u8>,
    sent: usize,
    /// Travels with the first byte. Whoever sent it may keep it until it has arrived.
    fd: Option<Arc<OwnedFd>>,
}

/// What became of what was to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It is out.
    All,
    /// The rest goes when the socket has room.
    Some,
    /// The rest goes when the kernel has room, of which nobody tells.
    Stalled,
    /// The other end is gone.
    Closed,
    /// It failed in the middle.
    Torn,
}

/// What a read brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// The lines have more.
    Some,
    /// Nothing for now.
    Nothing,
    /// The other end is gone.
    End,
}

impl Link {
    /// A fresh channel.
    pub(crate) fn new(life: Life, socket: OwnedFd, window: Window, role: Role) -> Self {
        Self {
            life,
            socket,
            lines: LineDecoder::new(),
            window,
            fds: VecDeque::new(),
            paused: false,
            choked: false,
            told_junk: false,
            stalled: false,
            interest: Interest::IN,
            role,
            outbox: VecDeque::new(),
            outbox_bytes: 0,
        }
    }

    /// Reads once.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> Received {
        // 253 descriptors are the most a message can carry; more than a few are never sent.
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(16))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
        let received = recvmsg(
            &self.socket,
            &mut [IoSliceMut::new(buffer)],
            &mut control,
            flags,
        );
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = message {
                self.fds.extend(fds);
                self.fds.truncate(INBOX_FDS);
            }
        }
        match received {
            Ok(message) if message.bytes == 0 => Received::End,
            Ok(message) => {
                self.lines.push(&buffer[..message.bytes]);
                Received::Some
            }
            Err(Errno::AGAIN | Errno::INTR) => Received::Nothing,
            Err(_) => Received::End,
        }
    }

    /// The next whole line and its size.
    pub(crate) fn next_line(&mut self) -> Option<(Line, usize)> {
        let before = self.lines.remainder().0.len();
        let line = self.lines.next()?;
        let after = self.lines.remainder().0.len();
        Some((line, before.saturating_sub(after)))
    }

    /// Whether there is room for a message of a client.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        // A single message may be larger than all the room.
        self.outbox.is_empty() || self.outbox_bytes + bytes <= OUTBOX_BYTES
    }

    /// Queues a line.
    pub(crate) fn queue(&mut self, line: Vec<u8>, fd: Option<Arc<OwnedFd>>) {
        self.outbox_bytes += line.len();
        self.outbox.push_back(Outgoing {
            bytes: line,
            sent: 0,
            fd,
        });
    }

    /// Sends what the socket takes.
    pub(crate) fn flush(&mut self) -> Sent {
        while let Some(next) = self.outbox.front_mut() {
            match next.send(&self.socket) {
                Ok(()) => {}
                Err(Errno::AGAIN) => return Sent::Some,
                Err(Errno::INTR) => continue,
                // Too many descriptors are on their way somewhere, or memory is short: it passes.
                Err(Errno::TOOMANYREFS | Errno::NOBUFS | Errno::NOMEM) => {
                    self.stalled = true;
                    return Sent::Stalled;
                }
                Err(Errno::PIPE | Errno::CONNRESET) => return Sent::Closed,
                Err(_) => return Sent::Torn,
            }
            if next.sent == next.bytes.len() {
                self.outbox_bytes -= next.bytes.len();
                self.outbox.pop_front();
                self.choked = false;
            }
        }
        Sent::All
    }

    /// What the poll has to watch for now.
    pub(crate) fn wanted(&self) -> Interest {
        let mut wanted = Interest::empty();
        if !self.paused {
            wanted |= Interest::IN;
        }
        if !self.outbox.is_empty() && !self.stalled {
            wanted |= Interest::OUT;
        }
        wanted
    }

    /// Gives everything away for another process.
    ///
    /// # Errors
    ///
    /// A descriptor cannot be duplicated.
    pub(super) fn export(self) -> io::Result<ExportedChannel> {
        let (unfinished, skipping) = self.lines.remainder();
        let state = ChannelState {
            life: self.life,
            role: self.role,
            unfinished: unfinished.to_vec(),
            skipping,
            choked: self.choked,
            told_junk: self.told_junk,
            outbox: self.outbox.iter().map(Outgoing::rest).collect(),
        };
        let queued = self.outbox.into_iter().filter_map(|it| it.fd).map(owned);
        Ok(ExportedChannel {
            state,
            socket: self.socket,
            received: self.fds.into(),
            queued: queued.collect::<io::Result<_>>()?,
        })
    }

    /// Goes on where another process stopped.
    pub(super) fn import(exported: ExportedChannel, window: Window) -> Self {
        let state = exported.state;
        let mut link = Self::new(state.life, exported.socket, window, state.role);
        link.lines = LineDecoder::resume(&state.unfinished, state.skipping);
        link.fds = exported.received.into();
        link.choked = state.choked;
        link.told_junk = state.told_junk;
        let mut queued = exported.queued.into_iter();
        for line in state.outbox {
            let fd = line.has_fd.then(|| queued.next()).flatten();
            link.queue(line.rest, fd.map(Arc::new));
        }
        link
    }

    /// Nothing can be sent any more.
    pub(crate) fn give_up_sending(&mut self) {
        self.outbox.clear();
        self.outbox_bytes = 0;
    }
}

impl Outgoing {
    fn rest(&self) -> QueuedLine {
        QueuedLine {
            rest: self.bytes[self.sent..].to_vec(),
            has_fd: self.fd.is_some(),
        }
    }

    /// One message with a descriptor must go out in one call with its first byte; Node drops a
    /// descriptor that another one overtakes.
    fn send(&mut self, socket: &OwnedFd) -> Result<(), Errno> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let fds;
        if let Some(fd) = &self.fd {
            fds = [fd.as_fd()];
            let fits = control.push(SendAncillaryMessage::ScmRights(&fds));
            debug_assert!(fits, "the space was made for one descriptor");
        }
        let rest = &self.bytes[self.sent..];
        self.sent += sendmsg(socket, &[IoSlice::new(rest)], &mut control, flags)?;
        self.fd = None;
        Ok(())
    }
}
