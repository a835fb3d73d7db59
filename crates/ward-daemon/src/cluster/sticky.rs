//! What belongs together (by address, header or cookie) goes to the same slot, also after the slot's process was replaced: each slot
//! draws a number for each such mark, and the highest one wins (rendezvous hashing). When a slot has
//! no worker, only its own connections move.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Instant;

use super::affinity::{Affinity, Waiter};
use super::{Primary, Sched, Waiting};
use crate::channel::Links;
use crate::poll::Token;

/// Connections that may wait for their own worker while others are served.
const WAITING: usize = 256;

impl Primary {
    /// How the connections of this listener are spread: the youngest worker has the declaration
    /// that holds now.
    pub(super) fn sched_of(&self, listener: Token) -> Option<&Sched> {
        let last = self.listeners.get(&listener)?.attached.last()?;
        Some(&self.workers.get(last)?.config.sched)
    }

    /// Whether connections of this listener belong to certain workers.
    pub(super) fn is_sticky(&self, listener: Token) -> bool {
        self.sched_of(listener).is_some_and(Sched::is_sticky)
    }

    /// Hands out what there is; a connection whose worker is busy waits for it, and lets others
    /// pass.
    pub(super) fn dispatch_sticky(&mut self, token: Token, now: Instant, links: &mut Links) {
        let waiting = match self.listeners.get_mut(&token) {
            Some(listener) => core::mem::take(&mut listener.waiting),
            None => return,
        };
        let mut later = Waiting::new();
        for waiter in waiting {
            later.extend(self.send_home(token, waiter, now, links));
        }
        while later.len() < WAITING && self.has_rotation(token) {
            let Some(connection) = self.next_connection(token, now, links) else {
                return self.wait_on(token, later);
            };
            if let Some(waiter) = self.see(token, connection, now, links) {
                later.extend(self.send_home(token, waiter, now, links));
            }
        }
        self.disarm(token, links);
        self.wait_on(token, later);
    }

    fn wait_on(&mut self, token: Token, later: Waiting) {
        if let Some(listener) = self.listeners.get_mut(&token) {
            listener.waiting.extend(later);
        }
    }

    fn has_rotation(&self, token: Token) -> bool {
        let Some(listener) = self.listeners.get(&token) else {
            return false;
        };
        let mut workers = listener
            .attached
            .iter()
            .filter_map(|it| self.workers.get(it));
        workers.any(|worker| worker.is_in_rotation(&listener.key))
    }

    /// Gives a connection to its worker, or back when that one has no room.
    fn send_home(
        &mut self,
        token: Token,
        mut waiter: Waiter,
        now: Instant,
        links: &mut Links,
    ) -> Option<Waiter> {
        if waiter.affinity == Affinity::Unknown {
            waiter.affinity = self.affinity_of(token, &waiter.connection, links);
        }
        let home = match waiter.affinity {
            Affinity::Drawn(number) => self.home(token, number, now),
            Affinity::Unknown | Affinity::None => self
                .choose(token, now)
                .and_then(|place| self.take_turn(token, place, now)),
        };
        match home {
            Some(home) => self.hand_over(token, home, waiter.connection, links),
            None => return Some(waiter),
        }
        None
    }

    /// The worker a connection belongs to, if that one can take it. Of two workers of one slot it
    /// is the younger one.
    fn home(&mut self, token: Token, number: u64, now: Instant) -> Option<Token> {
        let listener = self.listeners.get(&token)?;
        let drawn = |holder: &&Token| {
            let slot = self
                .workers
                .get(holder)
                .map(|worker| worker.config.instance);
            let mut hasher = DefaultHasher::new();
            (number, slot).hash(&mut hasher);
            hasher.finish()
        };
        let in_rotation = |holder: &&Token| {
            let worker = self.workers.get(holder);
            worker.is_some_and(|worker| worker.is_in_rotation(&listener.key))
        };
        // Of equals the last one is the maximum, and holders come in the order of their birth.
        let home = *listener
            .attached
            .iter()
            .filter(in_rotation)
            .max_by_key(drawn)?;
        let worker = self.workers.get(&home)?;
        if worker.is_pausing(now) {
            let until = worker.pause;
            self.wake_by(until);
            return None;
        }
        if !worker.has_room() {
            let again = worker.recount(now);
            self.wake_by(again);
            return None;
        }
        Some(home)
    }
}
