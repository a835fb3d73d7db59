//! What the channel thread waits for: the channels of the apps and the sockets workers listen on.
//! It moves bytes and descriptors, and knows nothing about what they mean.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use ward_core::cluster::Role;
use ward_core::id::Life;

use super::export::ExportedChannel;
use super::link::{Link, Received, Shares};
use super::metrics::ChannelMetrics;
use super::outbox::Outbox;
use super::share::Total;
use super::unfinished::Unfinished;
use super::window::{Credit, Windows};
use crate::poll::{Interest, Poll, Slots, Token};

/// How long is waited when the kernel has no room for what is to be sent.
const STALL: Duration = Duration::from_millis(20);

/// All sockets of the thread.
#[derive(Debug)]
pub(crate) struct Links {
    pub(super) poll: Poll,
    pub(super) sources: Slots<Source>,
    by_life: HashMap<Life, Token>,
    /// Links that are not read because the control thread is behind.
    paused: Vec<Token>,
    /// Links the kernel has no room for, though their sockets do.
    pub(super) stalled: Vec<Token>,
    /// Links that cannot be polled; the thread closes them.
    pub(super) broken: Vec<Token>,
    /// Apps that ask and do not read, which nobody was told of; each once.
    pub(super) deaf: Vec<Life>,
    windows: Windows,
    /// What waits to be sent.
    outboxes: Total,
    pub(super) all_unfinished: Total,
    /// How many lines were begun so far.
    pub(super) lines_begun: u64,
    /// What went through so far.
    pub(crate) counts: ChannelMetrics,
}

/// What a token names.
#[derive(Debug)]
pub(super) enum Source {
    Link(Box<Link>),
    Listener { socket: Arc<OwnedFd>, armed: bool },
}

impl Links {
    /// Nothing yet.
    pub(crate) fn new(poll: Poll) -> Self {
        Self {
            windows: Windows::new(poll.waker()),
            poll,
            sources: Slots::default(),
            by_life: HashMap::new(),
            paused: Vec::new(),
            stalled: Vec::new(),
            broken: Vec::new(),
            deaf: Vec::new(),
            outboxes: Total::default(),
            all_unfinished: Total::default(),
            lines_begun: 0,
            counts: ChannelMetrics::default(),
        }
    }

    /// Room in the window of a life's channel, to be given back when something of it was dealt with.
    pub(crate) fn credit(&self, life: Life) -> Option<Credit> {
        let source = self.find(life).and_then(|token| self.sources.get(token));
        match source {
            Some(Source::Link(link)) => Some(link.window.take(0)),
            Some(Source::Listener { .. }) | None => None,
        }
    }

    /// The counts so far, and how many channels there are.
    pub(crate) fn metrics(&self) -> ChannelMetrics {
        ChannelMetrics {
            channels: self.by_life.len() as u64,
            paused: self.paused.len() as u64,
            ..self.counts
        }
    }

    /// A channel that cannot be used any more, to be closed.
    pub(crate) fn next_broken(&mut self) -> Option<Token> {
        self.broken.pop()
    }

    pub(crate) fn wait(
        &self,
        limit: Option<Duration>,
        ready: &mut Vec<(Token, Interest)>,
    ) -> io::Result<()> {
        let retry = (!self.stalled.is_empty()).then_some(STALL);
        self.poll
            .wait([limit, retry].into_iter().flatten().min(), ready)
    }

    /// Adds a channel.
    pub(crate) fn open(&mut self, life: Life, socket: OwnedFd, role: Role) -> Token {
        let shares = self.shares();
        self.insert(Link::new(life, socket, shares, role))
    }

    /// Adds a channel of an earlier process. What waits to be sent goes with the next
    /// [`Self::flush`].
    pub(crate) fn import(&mut self, exported: ExportedChannel) -> Token {
        let shares = self.shares();
        self.insert(Link::import(exported, shares))
    }

    fn shares(&self) -> Shares {
        Shares {
            window: self.windows.open(),
            unfinished: Unfinished::new(self.all_unfinished.share()),
            outbox: Outbox::new(self.outboxes.share()),
        }
    }

    /// Gives all channels away.
    ///
    /// # Errors
    ///
    /// A descriptor cannot be duplicated.
    pub(crate) fn export(&mut self) -> io::Result<Vec<ExportedChannel>> {
        let mut exported = Vec::new();
        for (_, token) in self.by_life.drain() {
            if let Some(Source::Link(link)) = self.sources.remove(token) {
                self.poll.remove(&link.socket);
                exported.push(link.export()?);
            }
        }
        Ok(exported)
    }

    fn insert(&mut self, link: Link) -> Token {
        let life = link.life;
        let token = self.sources.insert(Source::Link(Box::new(link)));
        self.by_life.insert(life, token);
        let added = match self.sources.get_mut(token) {
            Some(Source::Link(link)) => self.poll.add(&link.socket, token, link.interest),
            _ => Ok(()),
        };
        if added.is_err() {
            self.broken.push(token);
        }
        token
    }

    /// The channel of a life.
    pub(crate) fn find(&self, life: Life) -> Option<Token> {
        self.by_life.get(&life).copied()
    }

    /// A channel, unless it is closed.
    pub(crate) fn link(&mut self, token: Token) -> Option<&mut Link> {
        match self.sources.get_mut(token) {
            Some(Source::Link(link)) => Some(link),
            Some(Source::Listener { .. }) | None => None,
        }
    }

    /// Removes a channel; returns whose it was.
    pub(crate) fn close(&mut self, token: Token) -> Option<Life> {
        self.link(token)?;
        let Some(Source::Link(link)) = self.sources.remove(token) else {
            return None;
        };
        self.poll.remove(&link.socket);
        if self.by_life.get(&link.life) == Some(&token) {
            self.by_life.remove(&link.life);
        }
        Some(link.life)
    }

    /// Tells the poll what the link wants now; one that wants nothing is not polled at all.
    pub(crate) fn watch(&mut self, token: Token) {
        let Some(Source::Link(link)) = self.sources.get_mut(token) else {
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
            self.broken.push(token);
        }
    }

    /// Reads once.
    pub(crate) fn receive(&mut self, token: Token, buffer: &mut [u8]) -> Received {
        self.link(token)
            .map_or(Received::Nothing, |link| link.receive(buffer))
    }

    /// Stops reading a channel of which too much is not dealt with yet.
    pub(crate) fn pause_if_full(&mut self, token: Token) {
        if let Some(link) = self.link(token)
            && link.window.pause_if_full()
        {
            link.paused = true;
            self.paused.push(token);
        }
    }

    /// Reads paused links again when the control thread has caught up with them.
    pub(crate) fn resume(&mut self) {
        for token in core::mem::take(&mut self.paused) {
            let Some(link) = self.link(token) else {
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
}
