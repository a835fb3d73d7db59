//! What goes out over the channels: messages of clients, which are dropped when an app does not read,
//! and lines of Node's protocol, which are not.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use ward_core::id::Life;

use super::link::Sent;
use super::links::Links;
use crate::poll::Token;

/// What became of a message of a client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    /// It is on its way.
    Queued,
    /// It was thrown away, the first one since this life read the last time.
    DroppedFirst(Life),
    /// It was thrown away, as others before it.
    Dropped,
    /// There is no channel any more.
    Closed,
}

impl Links {
    /// Queues a message of a client; dropped when the app does not read.
    pub(crate) fn offer(&mut self, token: Token, line: Vec<u8>) -> Offered {
        let Some(link) = self.link(token) else {
            return Offered::Closed;
        };
        if link.has_room(line.len()) {
            let bytes = line.len();
            link.queue_message(line);
            self.sent(token, bytes);
            return Offered::Queued;
        }
        let was_choked = core::mem::replace(&mut link.choked, true);
        let life = link.life;
        self.counts.choked += 1;
        if was_choked {
            Offered::Dropped
        } else {
            Offered::DroppedFirst(life)
        }
    }

    /// Sends a line of the protocol, with a descriptor beside it. An app that leaves too much of it
    /// unread is told of by [`Self::next_deaf`].
    pub(crate) fn send(&mut self, token: Token, line: Vec<u8>, fd: Option<Arc<OwnedFd>>) {
        let bytes = line.len();
        if let Some(link) = self.link(token) {
            if !link.queue_answer(line, fd) {
                link.turn_away();
                let life = link.life;
                self.deaf.push(life);
            }
            self.sent(token, bytes);
        }
    }

    fn sent(&mut self, token: Token, bytes: usize) {
        self.counts.messages_out += 1;
        self.counts.bytes_out += bytes as u64;
        self.flush(token);
    }

    pub(crate) fn flush(&mut self, token: Token) {
        let Some(link) = self.link(token) else {
            return;
        };
        match link.flush() {
            Sent::All | Sent::Some => {}
            Sent::Stalled => self.stalled.push(token),
            // Reading will find the end, after what was sent before it.
            Sent::Closed => link.give_up_sending(),
            // Nobody knows what the other side has got: it is given up, and others do its work.
            Sent::Torn => self.broken.push(token),
        }
        self.watch(token);
    }

    /// An app that asks and does not read the answers: it has to be ended.
    pub(crate) fn next_deaf(&mut self) -> Option<Life> {
        self.deaf.pop()
    }

    /// Tries again to send what the kernel had no room for.
    pub(crate) fn retry(&mut self) {
        for token in core::mem::take(&mut self.stalled) {
            if let Some(link) = self.link(token) {
                link.stalled = false;
                self.flush(token);
            }
        }
    }
}
