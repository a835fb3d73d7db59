//! What apps send: to whom it goes, and what Node's own protocol wants answered.

use ward_core::id::Life;
use ward_wire::node_cluster::{Handle, NodeMessage, Outbox};
use ward_wire::node_ipc::{Junk, Line};

use super::event::ChannelEvent;
use super::thread::ChannelLoop;
use crate::channel::{Link, Offered, Received};
use crate::cluster::Words;
use crate::poll::Token;

impl ChannelLoop {
    /// Reads once and deals with what is whole.
    pub(super) fn read(&mut self, token: Token, buffer: &mut [u8]) -> Received {
        let received = self.cx.links.receive(token, buffer);
        if received == Received::Some {
            let mut was_finished = false;
            while let Some((line, bytes)) = self.cx.links.link(token).and_then(Link::next_line) {
                was_finished = true;
                self.cx.links.counts.messages_in += 1;
                self.cx.links.counts.bytes_in += bytes as u64;
                // The rest of the channel cannot be trusted to mean what it says: an answer or a
                // descriptor may be missing. So it is closed; other channels go on.
                let taken = self.contained(Some(token), "a message", |it| {
                    it.take(token, line, bytes);
                });
                if !taken {
                    return Received::Nothing;
                }
            }
            if let Some((other, junk)) = self.cx.links.take_stock(token, was_finished) {
                self.take_junk(other, junk);
            }
            self.cx.links.pause_if_full(token);
            self.cx.links.watch(token);
        }
        received
    }

    fn take(&mut self, token: Token, line: Line, bytes: usize) {
        let Some(link) = self.cx.links.link(token) else {
            return;
        };
        let (life, role) = (link.life, link.role);
        match line {
            Line::User(value) => {
                crate::fault::inject("channel.message");
                let credit = link.window.take(bytes);
                if role.has_primary() {
                    let words = Words::Value(&value);
                    self.primary.heard(token, words, &mut self.cx);
                }
                self.tell(ChannelEvent::Message {
                    life,
                    value,
                    credit,
                });
            }
            Line::Junk(junk) => self.take_junk(token, junk),
            Line::Internal(NodeMessage::Ward { act, body })
                if role.reports() && act == "report" =>
            {
                let credit = link.window.take(bytes);
                self.tell(ChannelEvent::Report { life, body, credit });
            }
            Line::Internal(NodeMessage::Handle(handle)) => {
                self.take_handle(token, life, &handle, bytes);
            }
            Line::Internal(NodeMessage::SocketGetCount { key }) => {
                self.answer(token, |answer| Outbox::socket_count(answer, &key, 0));
            }
            Line::Internal(NodeMessage::SocketNotifyClose { key }) => {
                self.answer(token, |answer| Outbox::socket_all_closed(answer, &key));
            }
            Line::Internal(message) => {
                // Nothing that anybody but a worker may say.
                if role.has_primary() {
                    let words = Words::Internal(message);
                    self.primary.heard(token, words, &mut self.cx);
                }
            }
        }
    }

    /// What is no message is told once for each channel.
    fn take_junk(&mut self, token: Token, junk: Junk) {
        if let Some(link) = self.cx.links.link(token) {
            let (life, was_told) = (link.life, core::mem::replace(&mut link.told_junk, true));
            self.cx.links.counts.junk += 1;
            if !was_told {
                self.tell(ChannelEvent::Junk { life, junk });
            }
        }
    }

    /// A message with a descriptor, for which nobody here has a use. Node's own messages are answered
    /// here: without acknowledgement a sender of descriptors is mute for ever.
    fn take_handle(&mut self, token: Token, life: Life, handle: &Handle, bytes: usize) {
        let Some(link) = self.cx.links.link(token) else {
            return;
        };
        if link.fds.pop_front().is_none() {
            // Without its handle the message will be sent again.
            return self.answer(token, Outbox::handle_nack);
        }
        if let Some(value) = handle.user_message().cloned() {
            let credit = link.window.take(bytes);
            self.tell(ChannelEvent::Message {
                life,
                value,
                credit,
            });
        }
        self.answer(token, Outbox::handle_ack);
    }

    /// One that asks and never reads gets no answer in the end.
    fn answer(&mut self, token: Token, write: impl FnOnce(&mut Vec<u8>)) {
        let mut answer = Vec::new();
        write(&mut answer);
        self.offer(token, answer);
    }

    /// Queues a message for an app, and says so once when the app does not read.
    pub(super) fn offer(&mut self, token: Token, line: Vec<u8>) {
        if let Offered::DroppedFirst(life) = self.cx.links.offer(token, line) {
            self.tell(ChannelEvent::Choked { life });
        }
    }
}
