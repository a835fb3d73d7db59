//! The loop of the thread.

use std::sync::mpsc::Receiver;
use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;

use super::commands::Command;
use super::event::ChannelEvent;
use crate::channel::{Links, Received};
use crate::cluster::{Context, Primary};
use crate::fault::{self, Fault};
use crate::poll::{Interest, Token};

/// How much one read takes.
const READ_BYTES: usize = 64 * 1024;

/// At most so many reads of a channel that is being closed.
const DRAIN_READS: usize = 64;

/// The thread.
#[derive(Debug)]
pub(super) struct ChannelLoop {
    pub(super) commands: Receiver<Command>,
    /// Unbounded; what waits in it is bounded by the credits of each channel, and for the rest by
    /// a few events for each channel and command.
    events: UnboundedSender<ChannelEvent>,
    pub(super) cx: Context,
    pub(super) primary: Primary,
}

impl ChannelLoop {
    /// No channel yet.
    pub(super) fn new(
        links: Links,
        events: UnboundedSender<ChannelEvent>,
        commands: Receiver<Command>,
    ) -> Self {
        let audience = events.clone();
        // When the control thread is ending, nobody wants events any more.
        let cx = Context::new(links, move |report| {
            audience.send(ChannelEvent::Worker(report)).ok();
        });
        Self {
            commands,
            events,
            cx,
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
            if self.cx.links.wait(limit, &mut ready).is_err() || !self.obey(&mut buffer) {
                return;
            }
            // Who has taken its connection counts among those who can take the next one.
            ready.sort_by_key(|(token, _)| self.cx.links.is_listener(*token));
            for (token, interest) in &ready {
                self.serve(*token, *interest, &mut buffer);
            }
            self.cx.links.resume();
            self.cx.links.retry();
            // What was due was taken from the list of times before it was looked at.
            self.contained(None, "a deadline", |it| {
                it.primary.tick(Instant::now(), &mut it.cx);
            });
            while let Some(life) = self.cx.links.next_deaf() {
                self.tell(ChannelEvent::Deaf { life });
            }
            while let Some(token) = self.cx.links.next_broken() {
                self.close(token);
            }
        }
    }

    /// Does something for one channel, connection or command. If it panics, that is what is dropped:
    /// the event is lost, the channel it came from is closed, which has the cluster give what was on
    /// its way there to others, and everything else goes on. The planes stay usable: both take
    /// things out of their tables before they work on them, and look up each token anew. False after
    /// a fault.
    pub(super) fn contained(
        &mut self,
        channel: Option<Token>,
        task: &'static str,
        work: impl FnOnce(&mut Self),
    ) -> bool {
        let Err(fault) = fault::contain(|| work(self)) else {
            return true;
        };
        let life = channel.and_then(|token| self.cx.links.link(token).map(|link| link.life));
        self.tell_of_fault(life, task, fault);
        if let Some(token) = channel {
            self.close(token);
        }
        false
    }

    fn tell_of_fault(&self, life: Option<ward_core::id::Life>, task: &'static str, fault: Fault) {
        self.tell(ChannelEvent::Fault { life, task, fault });
    }

    /// Tells the control thread.
    pub(super) fn tell(&self, event: ChannelEvent) {
        self.events.send(event).ok();
    }

    fn serve(&mut self, token: Token, interest: Interest, buffer: &mut [u8]) {
        if self.cx.links.is_listener(token) {
            // The connection that was worked on is dropped, and with it closed.
            self.contained(None, "a connection", |it| {
                it.primary.connections_wait(token, &mut it.cx);
            });
            return;
        }
        if interest.contains(Interest::OUT) {
            self.cx.links.flush(token);
        }
        let Some(link) = self.cx.links.link(token) else {
            return;
        };
        let hung_up = interest.intersects(Interest::HUP | Interest::ERR);
        if link.paused && hung_up {
            // Its last messages are read when there is room; until then it must not be polled,
            // for a hang-up is reported again and again.
            link.give_up_sending();
            self.cx.links.watch(token);
        } else if !link.paused
            && (hung_up || interest.contains(Interest::IN))
            && self.read(token, buffer) == Received::End
        {
            self.close(token);
        }
    }

    /// Takes what has arrived, and closes.
    pub(super) fn drain(&mut self, token: Token, buffer: &mut [u8]) {
        // What it said last counts, also when much of it was not dealt with yet.
        for _ in 0..DRAIN_READS {
            if self.read(token, buffer) != Received::Some {
                break;
            }
        }
        self.close(token);
    }

    fn close(&mut self, token: Token) {
        if let Some(life) = self.cx.links.close(token) {
            let gone = fault::contain(|| self.primary.gone(token, &mut self.cx));
            if let Err(fault) = gone {
                self.tell_of_fault(Some(life), "the end of a worker", fault);
            }
            self.tell(ChannelEvent::Closed { life });
        }
    }
}
