//! Replies that wait for the channel thread.
//!
//! Whoever gets an answer may count on the new worker, or may want to listen himself where the old
//! one did. The thread that admits workers and closes listeners takes what it is told in order, so
//! a reply waits until it has acknowledged what was decided before: an event, nothing blocks.

use std::collections::VecDeque;

use ward_core::id::RequestId;
use ward_core::request::Reply;

use super::run::Daemon;

/// The replies, in the order in which they were made. There are never more than open requests.
#[derive(Debug, Default)]
pub(super) struct HeldReplies {
    /// Something was told to the thread since it was last asked to acknowledge.
    is_told: bool,
    /// The number of the last acknowledgement that was asked for.
    asked: u64,
    /// The number of the last one that came.
    acknowledged: u64,
    /// Each with the acknowledgement it waits for.
    replies: VecDeque<(u64, RequestId, Reply)>,
}

impl HeldReplies {
    /// The thread was told something that replies from now on may tell of.
    pub(super) fn expect(&mut self) {
        self.is_told = true;
    }
}

impl Daemon {
    /// The core replied.
    pub(super) fn reply(&mut self, request: RequestId, reply: Reply) {
        let held = &mut self.held_replies;
        if core::mem::take(&mut held.is_told) {
            let number = held.asked + 1;
            // A thread that has ended has closed everything; nobody would acknowledge.
            if self.channel.acknowledge(number) {
                held.asked = number;
            }
        }
        if held.acknowledged < held.asked {
            held.replies.push_back((held.asked, request, reply));
        } else {
            self.answer(request, reply);
        }
    }

    /// The thread has done all it was told before it was asked for this acknowledgement.
    pub(super) fn acknowledged(&mut self, number: u64) {
        self.held_replies.acknowledged = number;
        self.handle_all(|daemon| {
            let held = &mut daemon.held_replies;
            let due = held.replies.partition_point(|(at, ..)| *at <= number);
            let due: Vec<_> = held.replies.drain(..due).collect();
            for (_, request, reply) in due {
                daemon.answer(request, reply);
            }
        });
    }
}
