//! The loop of the channel thread.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, TryRecvError};

use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use ward_core::id::Life;
use ward_wire::node_cluster::{NodeMessage, Outbox};
use ward_wire::node_ipc::Line;

use super::ChannelEvent;
use super::link::{Link, Received};
use super::window::Window;
use crate::poll::{Interest, Poll, Slots, Token};

/// How much one read takes.
const READ_BYTES: usize = 64 * 1024;

/// At most so many reads of a channel that is being closed.
const DRAIN_READS: usize = 64;

/// What other threads ask.
#[derive(Debug)]
pub(crate) enum Command {
    /// A new channel; our end.
    Open(Life, OwnedFd),
    /// A line for an app.
    Send(Life, Vec<u8>),
    /// End a channel.
    Close(Life),
}

/// The thread.
#[derive(Debug)]
pub(crate) struct Switchboard {
    poll: Poll,
    commands: Receiver<Command>,
    events: UnboundedSender<ChannelEvent>,
    links: Slots<Link>,
    by_life: HashMap<Life, Token>,
    /// Links that are not read because the control thread is behind.
    paused: Vec<Token>,
}

impl Switchboard {
    /// No channel yet.
    pub(crate) fn new(
        poll: Poll,
        commands: Receiver<Command>,
        events: UnboundedSender<ChannelEvent>,
    ) -> Self {
        Self {
            poll,
            commands,
            events,
            links: Slots::default(),
            by_life: HashMap::new(),
            paused: Vec::new(),
        }
    }

    /// Works until the other side of the commands is gone.
    pub(crate) fn run(mut self) {
        let mut buffer = vec![0; READ_BYTES];
        let mut ready = Vec::new();
        while self.poll.wait(None, &mut ready).is_ok() {
            if !self.obey(&mut buffer) {
                return;
            }
            for (token, interest) in &ready {
                self.serve(*token, *interest, &mut buffer);
            }
            self.resume();
        }
    }

    /// Performs what was asked. False when nobody can ask any more.
    fn obey(&mut self, buffer: &mut [u8]) -> bool {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Open(life, socket)) => self.open(life, socket),
                Ok(Command::Send(life, line)) => {
                    if let Some(token) = self.by_life.get(&life).copied() {
                        self.send(token, line);
                    }
                }
                Ok(Command::Close(life)) => {
                    if let Some(token) = self.by_life.get(&life).copied() {
                        self.drain(token, buffer);
                    }
                }
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn open(&mut self, life: Life, socket: OwnedFd) {
        let window = Window::new(self.poll.waker());
        let token = self.links.insert(Link::new(life, socket, window));
        self.by_life.insert(life, token);
        let added = self
            .links
            .get_mut(token)
            .map(|link| self.poll.add(&link.socket, token, link.interest));
        if !matches!(added, Some(Ok(()))) {
            self.close(token);
        }
    }

    fn serve(&mut self, token: Token, interest: Interest, buffer: &mut [u8]) {
        if interest.contains(Interest::OUT) {
            self.flush(token);
        }
        let Some(link) = self.links.get_mut(token) else {
            return;
        };
        let hung_up = interest.intersects(Interest::HUP | Interest::ERR);
        if link.paused && hung_up {
            // Its last messages are read when there is room; until then it must not be polled,
            // for a hang-up is reported again and again.
            link.give_up_sending();
            self.watch(token);
        } else if !link.paused
            && (hung_up || interest.contains(Interest::IN))
            && self.read(token, buffer) == Received::End
        {
            self.close(token);
        }
    }

    /// Reads once and passes on what is whole.
    fn read(&mut self, token: Token, buffer: &mut [u8]) -> Received {
        let Some(link) = self.links.get_mut(token) else {
            return Received::Nothing;
        };
        let received = link.receive(buffer);
        if received != Received::Some {
            return received;
        }
        let mut answers = Vec::new();
        while let Some(event) = next_event(link, &mut answers) {
            // When the control thread is ending, nobody wants events any more.
            self.events.send(event).ok();
        }
        if link.window.pause_if_full() {
            link.paused = true;
            self.paused.push(token);
        }
        if !answers.is_empty() {
            self.send(token, answers);
        }
        self.watch(token);
        received
    }

    fn send(&mut self, token: Token, line: Vec<u8>) {
        let Some(link) = self.links.get_mut(token) else {
            return;
        };
        if !link.queue(line, None) {
            if !core::mem::replace(&mut link.choked, true) {
                let life = link.life;
                self.events.send(ChannelEvent::Choked { life }).ok();
            }
            return;
        }
        self.flush(token);
    }

    fn flush(&mut self, token: Token) {
        if let Some(link) = self.links.get_mut(token) {
            if !link.flush() {
                link.give_up_sending();
            }
            self.watch(token);
        }
    }

    /// Tells the poll what the link wants now; one that wants nothing is not polled at all.
    fn watch(&mut self, token: Token) {
        let Some(link) = self.links.get_mut(token) else {
            return;
        };
        let wanted = link.wanted();
        let before = core::mem::replace(&mut link.interest, wanted);
        let told = if wanted == before {
            Ok(())
        } else if wanted.is_empty() {
            self.poll.remove(&link.socket);
            Ok(())
        } else if before.is_empty() {
            self.poll.add(&link.socket, token, wanted)
        } else {
            self.poll.modify(&link.socket, token, wanted)
        };
        if told.is_err() {
            self.close(token);
        }
    }

    /// Reads paused links again when the control thread has caught up with them.
    fn resume(&mut self) {
        let paused = core::mem::take(&mut self.paused);
        for token in paused {
            let Some(link) = self.links.get_mut(token) else {
                continue;
            };
            if link.window.resume_if_low() {
                link.paused = false;
                self.watch(token);
            } else {
                self.paused.push(token);
            }
        }
    }

    /// Takes what has arrived, and closes.
    fn drain(&mut self, token: Token, buffer: &mut [u8]) {
        for _ in 0..DRAIN_READS {
            let paused = self.links.get_mut(token).is_none_or(|link| link.paused);
            if paused || self.read(token, buffer) != Received::Some {
                break;
            }
        }
        self.close(token);
    }

    fn close(&mut self, token: Token) {
        if let Some(link) = self.links.remove(token) {
            self.poll.remove(&link.socket);
            if self.by_life.get(&link.life) == Some(&token) {
                self.by_life.remove(&link.life);
            }
            let life = link.life;
            self.events.send(ChannelEvent::Closed { life }).ok();
        }
    }
}

/// The next thing to tell of what was received; what Node's protocol wants answered is put into
/// `answers`.
fn next_event(link: &mut Link, answers: &mut Vec<u8>) -> Option<ChannelEvent> {
    let life = link.life;
    loop {
        let before = link.lines.remainder().0.len();
        let line = link.lines.next()?;
        let bytes = before.saturating_sub(link.lines.remainder().0.len());
        match line {
            Line::User(value) => return Some(message(link, value, bytes)),
            Line::Internal(internal) => {
                if let Some(value) = internal_message(link, internal, answers) {
                    return Some(message(link, value, bytes));
                }
            }
            Line::Junk(junk) => {
                if !core::mem::replace(&mut link.told_junk, true) {
                    return Some(ChannelEvent::Junk { life, junk });
                }
            }
        }
    }
}

fn message(link: &Link, value: Value, bytes: usize) -> ChannelEvent {
    ChannelEvent::Message {
        life: link.life,
        value,
        credit: link.window.take(bytes),
    }
}

/// Answers Node's own messages. Without acknowledgement a sender of descriptors is mute for ever.
/// Returns the message for others, when one travelled with a descriptor.
fn internal_message(link: &mut Link, message: NodeMessage, answers: &mut Vec<u8>) -> Option<Value> {
    match message {
        NodeMessage::Handle(handle) => {
            if link.fds.pop_front().is_none() {
                // It will be sent again, with its descriptor.
                Outbox::handle_nack(answers);
                return None;
            }
            Outbox::handle_ack(answers);
            handle.user_message().cloned()
        }
        NodeMessage::SocketGetCount { key } => {
            Outbox::socket_count(answers, &key, 0);
            None
        }
        NodeMessage::SocketNotifyClose { key } => {
            Outbox::socket_all_closed(answers, &key);
            None
        }
        NodeMessage::Cluster(_)
        | NodeMessage::HandleAck
        | NodeMessage::HandleNack
        | NodeMessage::Ward { .. }
        | NodeMessage::Other { .. } => None,
    }
}
