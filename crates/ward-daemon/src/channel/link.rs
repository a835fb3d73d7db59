//! One channel: the daemon's end of a socket pair, what was received of an unfinished line, and
//! what waits to be sent. Descriptors travel in both directions: Node attaches one to a message.

use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use ward_core::cluster::Role;
use ward_core::id::Life;
use ward_wire::node_ipc::{Line, LineDecoder};

use super::export::{ChannelState, ExportedChannel};
use super::outbox::Outbox;
use super::unfinished::Unfinished;
use super::window::Window;
use crate::poll::Interest;

/// Received descriptors that may wait for their message; Node sends one with each.
const INBOX_FDS: usize = 64;

/// One channel.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) life: Life,
    pub(crate) socket: OwnedFd,
    pub(super) lines: LineDecoder,
    pub(super) unfinished: Unfinished,
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
    /// It asks and does not read the answers: it is neither read nor written any more, and its process
    /// is being ended.
    pub(crate) deaf: bool,
    outbox: Outbox,
}

/// What a new channel gets of what all share.
#[derive(Debug)]
pub(crate) struct Shares {
    pub(super) window: Window,
    pub(super) unfinished: Unfinished,
    pub(super) outbox: Outbox,
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
    pub(crate) fn new(life: Life, socket: OwnedFd, shares: Shares, role: Role) -> Self {
        Self {
            life,
            socket,
            lines: LineDecoder::new(),
            unfinished: shares.unfinished,
            window: shares.window,
            fds: VecDeque::new(),
            paused: false,
            choked: false,
            told_junk: false,
            stalled: false,
            interest: Interest::IN,
            role,
            deaf: false,
            outbox: shares.outbox,
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
        if self.deaf {
            return None;
        }
        let before = self.lines.remainder().0.len();
        let line = self.lines.next()?;
        let after = self.lines.remainder().0.len();
        Some((line, before.saturating_sub(after)))
    }

    /// Whether there is room for a message of a client.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.outbox.has_room(bytes)
    }

    /// Queues a message of a client.
    pub(crate) fn queue_message(&mut self, line: Vec<u8>) {
        if !self.deaf {
            self.outbox.message(line);
        }
    }

    /// Queues a line of the protocol. False when so much is unread that the app has to be ended.
    pub(crate) fn queue_answer(&mut self, line: Vec<u8>, fd: Option<Arc<OwnedFd>>) -> bool {
        if self.deaf {
            return true;
        }
        self.outbox.answer(line, fd);
        !self.outbox.is_overdue()
    }

    /// Nothing is read from it or written to it any more.
    pub(crate) fn turn_away(&mut self) {
        self.deaf = true;
        self.paused = true;
        self.lines.give_up();
        self.outbox.clear();
    }

    /// Sends what the socket takes.
    pub(crate) fn flush(&mut self) -> Sent {
        while !self.outbox.is_empty() {
            match self.outbox.send(&self.socket) {
                Ok(true) => self.choked = false,
                Ok(false) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Sent::Some,
                // Too many descriptors are on their way somewhere, or memory is short: it passes.
                Err(Errno::TOOMANYREFS | Errno::NOBUFS | Errno::NOMEM) => {
                    self.stalled = true;
                    return Sent::Stalled;
                }
                Err(Errno::PIPE | Errno::CONNRESET) => return Sent::Closed,
                Err(_) => return Sent::Torn,
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
        let (outbox, queued) = self.outbox.export()?;
        let state = ChannelState {
            life: self.life,
            role: self.role,
            unfinished: unfinished.to_vec(),
            skipping,
            choked: self.choked,
            told_junk: self.told_junk,
            outbox,
        };
        Ok(ExportedChannel {
            state,
            socket: self.socket,
            received: self.fds.into(),
            queued,
        })
    }

    /// Goes on where another process stopped.
    pub(super) fn import(exported: ExportedChannel, shares: Shares) -> Self {
        let state = exported.state;
        let mut link = Self::new(state.life, exported.socket, shares, state.role);
        link.lines = LineDecoder::resume(&state.unfinished, state.skipping);
        link.fds = exported.received.into();
        link.choked = state.choked;
        link.told_junk = state.told_junk;
        let mut queued = exported.queued.into_iter();
        for line in state.outbox {
            let fd = line.has_fd.then(|| queued.next()).flatten();
            link.outbox.import(line, fd);
        }
        link
    }

    /// Nothing can be sent any more.
    pub(crate) fn give_up_sending(&mut self) {
        self.outbox.clear();
    }
}
