//! What waits to be sent over one channel.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::export::{QueuedLine, owned};
use super::share::Share;

/// Bytes that may wait for an app that does not read. Messages of clients beyond them are dropped.
const OUTBOX_BYTES: usize = 4 << 20;

/// Bytes that may wait for all apps together. Beyond them what has [`SMALL_BYTES`] is still taken from
/// each.
const ALL_OUTBOXES_BYTES: usize = 16 << 20;

/// Answers to what an app asked, and other lines of Node's protocol, that it may leave unread, in
/// bytes. One that leaves more has to be ended.
const ANSWER_BYTES: usize = 1 << 20;

/// What each app may leave unread however much the others do, in bytes.
const SMALL_BYTES: usize = 64 << 10;

/// The lines that wait, with the descriptors beside them. Its bytes are bounded by the constants
/// above: the caller asks before it queues a message, and ends whoever leaves too many answers unread.
#[derive(Debug)]
pub(super) struct Outbox {
    lines: VecDeque<Outgoing>,
    share: Share,
    /// How much of it are answers, in bytes.
    answers: usize,
}

/// One line on its way out.
#[derive(Debug)]
struct Outgoing {
    bytes: Vec<u8>,
    sent: usize,
    /// Travels with the first byte. Whoever sent it may keep it until it has arrived.
    fd: Option<Arc<OwnedFd>>,
    is_answer: bool,
}

impl Outbox {
    /// Nothing waits.
    pub(super) fn new(share: Share) -> Self {
        Self {
            lines: VecDeque::new(),
            share,
            answers: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether there is room for a message of a client.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        let (own, all) = (self.share.own() + bytes, self.share.all() + bytes);
        // A single message may be larger than all the room.
        let fits_own = own <= OUTBOX_BYTES || self.is_empty();
        let fits_all = all <= ALL_OUTBOXES_BYTES || all == bytes;
        fits_own && fits_all || own <= SMALL_BYTES
    }

    /// Whether more answers wait than an app may leave unread.
    pub(super) fn is_overdue(&self) -> bool {
        let is_full = self.share.all() > ALL_OUTBOXES_BYTES;
        self.answers > if is_full { SMALL_BYTES } else { ANSWER_BYTES }
    }

    /// Queues a message of a client.
    pub(super) fn message(&mut self, bytes: Vec<u8>) {
        self.push(bytes, None, false);
    }

    /// Queues a line of the protocol.
    pub(super) fn answer(&mut self, bytes: Vec<u8>, fd: Option<Arc<OwnedFd>>) {
        self.answers += bytes.len();
        self.push(bytes, fd, true);
    }

    fn push(&mut self, bytes: Vec<u8>, fd: Option<Arc<OwnedFd>>, is_answer: bool) {
        self.share.set(self.share.own() + bytes.len());
        self.lines.push_back(Outgoing {
            bytes,
            sent: 0,
            fd,
            is_answer,
        });
    }

    /// Sends some of the oldest line. True when that line is out.
    ///
    /// # Errors
    ///
    /// What the socket says.
    pub(super) fn send(&mut self, socket: &OwnedFd) -> Result<bool, Errno> {
        let Some(next) = self.lines.front_mut() else {
            return Ok(false);
        };
        next.send(socket)?;
        if next.sent < next.bytes.len() {
            return Ok(false);
        }
        let size = next.bytes.len();
        if next.is_answer {
            self.answers -= size;
        }
        self.share.set(self.share.own() - size);
        self.lines.pop_front();
        Ok(true)
    }

    /// Nothing can be sent any more.
    pub(super) fn clear(&mut self) {
        self.lines = VecDeque::new();
        self.share.set(0);
        self.answers = 0;
    }

    /// The lines and their descriptors, for another process.
    ///
    /// # Errors
    ///
    /// A descriptor cannot be duplicated.
    pub(super) fn export(self) -> io::Result<(Vec<QueuedLine>, Vec<OwnedFd>)> {
        let lines = self.lines.iter().map(Outgoing::rest).collect();
        let fds = self.lines.into_iter().filter_map(|it| it.fd).map(owned);
        Ok((lines, fds.collect::<io::Result<_>>()?))
    }

    /// A line of an earlier process. What it is is not known any more: it counts as a message.
    pub(super) fn import(&mut self, line: QueuedLine, fd: Option<OwnedFd>) {
        self.push(line.rest, fd.map(Arc::new), false);
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

#[cfg(test)]
mod tests {
    use super::super::share::Total;
    use super::*;

    #[test]
    fn messages_are_bounded_for_one_app_and_for_all() {
        let total = Total::default();
        let outbox = || Outbox::new(total.share());
        let mut alone = outbox();
        assert!(
            alone.has_room(OUTBOX_BYTES * 10),
            "one message may be large"
        );
        alone.message(vec![0; OUTBOX_BYTES]);
        assert!(!alone.has_room(1));
        let mut others: Vec<Outbox> = (0..3).map(|_| outbox()).collect();
        for other in &mut others {
            assert!(other.has_room(OUTBOX_BYTES));
            other.message(vec![0; OUTBOX_BYTES]);
        }
        let mut last = outbox();
        assert!(!last.has_room(SMALL_BYTES + 1));
        assert!(last.has_room(SMALL_BYTES));
        last.message(vec![0; SMALL_BYTES]);
        assert!(!last.has_room(1));
        drop(others);
        alone.clear();
        assert!(last.has_room(OUTBOX_BYTES - SMALL_BYTES));
    }

    #[test]
    fn unread_answers_are_overdue_sooner_when_all_leave_much() {
        let total = Total::default();
        let mut outbox = Outbox::new(total.share());
        outbox.message(vec![0; ANSWER_BYTES * 2]);
        outbox.answer(vec![0; SMALL_BYTES + 1], None);
        assert!(
            !outbox.is_overdue(),
            "messages of clients are not its own fault"
        );
        let mut much = Outbox::new(total.share());
        much.message(vec![0; ALL_OUTBOXES_BYTES]);
        assert!(outbox.is_overdue());
        drop(much);
        assert!(!outbox.is_overdue());
        outbox.answer(vec![0; ANSWER_BYTES], None);
        assert!(outbox.is_overdue());
    }
}
