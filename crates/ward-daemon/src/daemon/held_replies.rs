//! Replies that wait for another thread to do what was decided before them.
//!
//! - Whoever gets an answer may count on the new worker, or may want to listen himself where the old
//!   one did. The channel thread, which admits workers and closes listeners, takes what it is told in
//!   order, so a reply waits until it has acknowledged that: an event, nothing blocks.
//! - Whoever is told that an app has stopped finds no pid file of it. The launch plane removes it; a
//!   reply waits for the removals before it, but not long, should the file be on a dead mount.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ward_core::id::RequestId;
use ward_core::request::Reply;

use super::parts::Planes;
use super::run::Daemon;
use crate::launch::LaunchHandle;
use crate::worker_loop::ChannelHandle;

/// How long a reply waits for removals.
const REMOVAL: Duration = Duration::from_secs(1);

/// The replies, in the order in which they were made. There are never more than open requests.
#[derive(Debug, Default)]
pub(super) struct HeldReplies {
    /// Something was told to the channel thread since it was last asked to acknowledge.
    is_told: bool,
    /// The number of the last acknowledgement that was asked for.
    asked: u64,
    /// The number of the last one that came.
    acknowledged: u64,
    replies: VecDeque<Held>,
}

#[derive(Debug)]
struct Held {
    request: RequestId,
    reply: Reply,
    /// The acknowledgement it waits for.
    acknowledgement: u64,
    /// The removal it waits for, and until when.
    removal: Option<(u64, Instant)>,
}

impl HeldReplies {
    /// The channel thread was told something that replies from now on may tell of.
    pub(super) fn expect(&mut self) {
        self.is_told = true;
    }

    /// When the first one waits for no removal any more.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let first = self.replies.front()?;
        let waits_only_for_it = first.acknowledgement <= self.acknowledged;
        Some(first.removal.filter(|_| waits_only_for_it)?.1)
    }

    /// Keeps a reply that has to wait, and returns one that need not.
    fn hold(
        &mut self,
        channel: &ChannelHandle,
        launch: &LaunchHandle,
        request: RequestId,
        reply: Reply,
    ) -> Option<Reply> {
        if core::mem::take(&mut self.is_told) {
            let number = self.asked + 1;
            // A thread that has ended has closed everything; nobody would acknowledge.
            if channel.acknowledge(number) {
                self.asked = number;
            }
        }
        let removal = launch.last_removal();
        if self.acknowledged == self.asked && removal.is_none() && self.replies.is_empty() {
            return Some(reply);
        }
        self.replies.push_back(Held {
            request,
            reply,
            acknowledgement: self.asked,
            removal: removal.map(|number| (number, Instant::now() + REMOVAL)),
        });
        None
    }

    /// The first one, if it need not wait any more.
    fn next(&mut self, oldest_removal: Option<u64>) -> Option<Held> {
        let (acknowledged, now) = (self.acknowledged, Instant::now());
        let is_removed =
            |number: u64, until| until <= now || oldest_removal.is_none_or(|open| open > number);
        self.replies.pop_front_if(|held| {
            held.acknowledgement <= acknowledged
                && held
                    .removal
                    .is_none_or(|(number, until)| is_removed(number, until))
        })
    }
}

impl Daemon {
    /// The core replied.
    pub(super) fn reply(&mut self, request: RequestId, reply: Reply) {
        let Planes {
            channel, launch, ..
        } = &self.planes;
        if let Some(reply) = self.clients.held.hold(channel, launch, request, reply) {
            self.answer(request, reply);
        }
    }

    /// The channel thread has done all it was told before it was asked for this acknowledgement.
    pub(super) fn acknowledged(&mut self, number: u64) {
        self.clients.held.acknowledged = number;
        self.release_replies();
    }

    /// Sends the replies that need not wait any more.
    pub(super) fn release_replies(&mut self) {
        if self.clients.held.replies.is_empty() {
            return;
        }
        let oldest = self.planes.launch.oldest_removal();
        self.handle_all(|daemon| {
            while let Some(held) = daemon.clients.held.next(oldest) {
                daemon.answer(held.request, held.reply);
            }
        });
    }
}
