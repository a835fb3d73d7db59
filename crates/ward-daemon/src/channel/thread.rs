//! The loop of the channel thread.

use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Instant;

use ward_core::id::{InstanceId, Life};
use ward_wire::node_cluster::{NodeMessage, Outbox};
use ward_wire::node_ipc::Line;

use super::ChannelEvent;
use super::link::{Link, Received};
use super::links::Links;
use crate::cluster::{Primary, WorkerConfig};
use crate::poll::{Interest, Token};

/// How much one read takes.
const READ_BYTES: usize = 64 * 1024;

/// At most so many reads of a channel that is being closed.
const DRAIN_READS: usize = 64;

/// What other threads ask.
#[derive(Debug)]
pub(super) enum Command {
    /// A new channel; our end.
    Open(Life, OwnedFd, Option<Box<WorkerConfig>>),
    /// A line for an app.
    Send(Life, Vec<u8>),
    /// End a channel.
    Close(Life),
    /// The process of a worker.
    Born(Life, u32),
    /// A worker counts as ready.
    Admit(Life),
    /// Let a worker finish.
    Drain(Life),
    /// A worker was asked to end.
    Withdraw(Life),
    /// Ask a worker to leave.
    Disconnect(Life),
    /// No worker of this instance will come.
    Retire(InstanceId),
    /// No connections for this instance, or again.
    Pause(InstanceId, bool),
    /// Say that all of the above is done.
    Acknowledge(u64),
}

/// The thread.
#[derive(Debug)]
pub(super) struct ChannelLoop {
    commands: Receiver<Command>,
    links: Links,
    primary: Primary,
}

impl ChannelLoop {
    /// No channel yet.
    pub(super) fn new(links: Links, commands: Receiver<Command>) -> Self {
        Self {
            commands,
            links,
            primary: Primary::default(),
        }
    }

    /// Works until the other side of the commands is gone.
    pub(super) fn run(mut self) {
        let mut buffer = vec![0; READ_BYTES];
        let mut ready = Vec::new();
        loop {
            let limit = self
                .primary
                .deadline()
                .map(|at| at.saturating_duration_since(Instant::now()));
            if self.links.wait(limit, &mut ready).is_err() || !self.obey(&mut buffer) {
                return;
            }
            // Who has taken its connection counts among those who can take the next one.
            ready.sort_by_key(|(token, _)| self.links.is_listener(*token));
            for (token, interest) in &ready {
                self.serve(*token, *interest, &mut buffer);
            }
            self.links.resume();
            self.links.retry();
            self.primary.tick(Instant::now(), &mut self.links);
            while let Some(token) = self.links.broken.pop() {
                self.close(token);
            }
        }
    }

    /// Performs what was asked. False when nobody can ask any more.
    fn obey(&mut self, buffer: &mut [u8]) -> bool {
        loop {
            let command = match self.commands.try_recv() {
                Ok(command) => command,
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            };
            match command {
                Command::Open(life, socket, config) => {
                    let token = self.links.open(life, socket, config.is_some());
                    if let Some(config) = config {
                        self.primary.add(token, life, *config);
                    }
                }
                Command::Send(life, line) => {
                    if let Some(token) = self.links.find(life) {
                        self.links.offer(token, line);
                    }
                }
                Command::Close(life) => {
                    if let Some(token) = self.links.find(life) {
                        self.drain(token, buffer);
                    }
                }
                Command::Born(life, pid) => self.primary.born(life, pid, &mut self.links),
                Command::Admit(life) => self.primary.admit(life, &mut self.links),
                Command::Drain(life) => self.primary.drain(life, &mut self.links),
                Command::Withdraw(life) => self.primary.withdraw(life, &mut self.links),
                Command::Disconnect(life) => self.primary.disconnect(life, &mut self.links),
                Command::Retire(instance) => self.primary.retire(instance, &mut self.links),
                Command::Acknowledge(number) => {
                    self.links.tell(ChannelEvent::Acknowledged { number });
                }
                Command::Pause(instance, paused) => {
                    self.primary.pause(instance, paused, &mut self.links);
                }
            }
        }
    }

    fn serve(&mut self, token: Token, interest: Interest, buffer: &mut [u8]) {
        if self.links.is_listener(token) {
            return self.primary.connections_wait(token, &mut self.links);
        }
        if interest.contains(Interest::OUT) {
            self.links.flush(token);
        }
        let Some(link) = self.links.link(token) else {
            return;
        };
        let hung_up = interest.intersects(Interest::HUP | Interest::ERR);
        if link.paused && hung_up {
            // Its last messages are read when there is room; until then it must not be polled,
            // for a hang-up is reported again and again.
            link.give_up_sending();
            self.links.watch(token);
        } else if !link.paused
            && (hung_up || interest.contains(Interest::IN))
            && self.read(token, buffer) == Received::End
        {
            self.close(token);
        }
    }

    /// Reads once and deals with what is whole.
    fn read(&mut self, token: Token, buffer: &mut [u8]) -> Received {
        let received = self.links.receive(token, buffer);
        if received == Received::Some {
            while let Some((line, bytes)) = self.links.link(token).and_then(Link::next_line) {
                self.take(token, line, bytes);
            }
            self.links.pause_if_full(token);
            self.links.watch(token);
        }
        received
    }

    fn take(&mut self, token: Token, line: Line, bytes: usize) {
        let Some(link) = self.links.link(token) else {
            return;
        };
        let life = link.life;
        match line {
            Line::User(value) => {
                let credit = link.window.take(bytes);
                if link.is_worker && value == "ready" {
                    self.primary.said_ready(token, &mut self.links);
                }
                self.links.tell(ChannelEvent::Message {
                    life,
                    value,
                    credit,
                });
            }
            Line::Junk(junk) => {
                if !core::mem::replace(&mut link.told_junk, true) {
                    self.links.tell(ChannelEvent::Junk { life, junk });
                }
            }
            Line::Internal(message) => self.take_internal(token, message, bytes),
        }
    }

    /// Node's own messages are answered here: without acknowledgement a sender of descriptors is
    /// mute for ever.
    fn take_internal(&mut self, token: Token, message: NodeMessage, bytes: usize) {
        let Some(link) = self.links.link(token) else {
            return;
        };
        let life = link.life;
        let mut answer = Vec::new();
        match message {
            NodeMessage::Handle(handle) => {
                // Nobody here has a use for the descriptor.
                let arrived = link.fds.pop_front().is_some();
                if arrived {
                    Outbox::handle_ack(&mut answer);
                } else {
                    // Without its handle the message will be sent again.
                    Outbox::handle_nack(&mut answer);
                }
                if let Some(value) = handle.user_message().filter(|_| arrived).cloned() {
                    let credit = link.window.take(bytes);
                    self.links.tell(ChannelEvent::Message {
                        life,
                        value,
                        credit,
                    });
                }
            }
            NodeMessage::SocketGetCount { key } => Outbox::socket_count(&mut answer, &key, 0),
            NodeMessage::SocketNotifyClose { key } => {
                Outbox::socket_all_closed(&mut answer, &key);
            }
            NodeMessage::Ward { act, body } if link.is_worker && act == "report" => {
                let credit = link.window.take(bytes);
                self.links.tell(ChannelEvent::Report { life, body, credit });
            }
            message if link.is_worker => self.primary.heard(token, message, &mut self.links),
            // Nothing anybody but a worker may say.
            NodeMessage::Cluster(_)
            | NodeMessage::HandleAck
            | NodeMessage::HandleNack
            | NodeMessage::Ward { .. }
            | NodeMessage::Other { .. } => {}
        }
        if !answer.is_empty() {
            // One that asks and never reads gets no answer in the end.
            self.links.offer(token, answer);
        }
    }

    /// Takes what has arrived, and closes.
    fn drain(&mut self, token: Token, buffer: &mut [u8]) {
        // What it said last counts, also when much of it was not dealt with yet.
        for _ in 0..DRAIN_READS {
            if self.read(token, buffer) != Received::Some {
                break;
            }
        }
        self.close(token);
    }

    fn close(&mut self, token: Token) {
        if let Some(life) = self.links.close(token) {
            self.primary.gone(token, &mut self.links);
            self.links.tell(ChannelEvent::Closed { life });
        }
    }
}
