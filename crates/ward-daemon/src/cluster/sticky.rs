//! What belongs together (by address, header or cookie) goes to the same slot, also after the slot's
//! process was replaced ([`ward_core::balance::session`]). When a slot has no worker, only its own
//! connections move.

use std::time::Instant;

use ward_core::balance::session::Session;
use ward_core::cluster::Sched;

use super::affinity::{Affinity, Waiter};
use super::dispatch::BATCH;
use super::{Context, Primary};
use crate::poll::Token;

/// Connections that may wait for their own worker while others are served. Beyond, none is accepted;
/// with those whose requests are waited for ([`super::pending_heads`]) a listener holds at most the sum.
const WAITING: usize = 256;

impl Primary {
    /// How the connections of this listener are spread: the youngest worker has the declaration
    /// that holds now.
    pub(super) fn sched_of(&self, listener: Token) -> Option<&Sched> {
        let last = self.listeners.get(&listener)?.attached.last()?;
        Some(&self.workers.get(last)?.config.options.sched)
    }

    /// Whether connections of this listener belong to certain workers.
    pub(super) fn is_sticky(&self, listener: Token) -> bool {
        self.sched_of(listener).is_some_and(Sched::is_sticky)
    }

    /// Hands out what there is; a connection whose worker is busy waits for it, and lets others
    /// pass.
    pub(super) fn dispatch_sticky(&mut self, token: Token, now: Instant, cx: &mut Context) {
        // One that stays waits at the end, so that after a round all are in their order again. Each
        // is out of the queue only while it is looked at: a fault there loses no other.
        for _ in 0..self.waiting(token) {
            let waiting = self.listeners.get_mut(&token);
            let Some(waiter) = waiting.and_then(|it| it.waiting.pop_front()) else {
                break;
            };
            self.send_home_or_wait(token, waiter, now, cx);
        }
        for _ in 0..BATCH {
            if self.waiting(token) >= WAITING || !self.has_rotation(token) {
                return self.disarm(token, cx);
            }
            let Some(connection) = self.accept(token, now, cx) else {
                return;
            };
            if let Some(waiter) = self.see(token, connection, now, cx) {
                self.send_home_or_wait(token, waiter, now, cx);
            }
        }
        // Others have their turn; there may be more.
        self.arm(token, cx);
    }

    /// How many connections wait for their worker.
    fn waiting(&self, token: Token) -> usize {
        self.listeners.get(&token).map_or(0, |it| it.waiting.len())
    }

    fn send_home_or_wait(&mut self, token: Token, waiter: Waiter, now: Instant, cx: &mut Context) {
        let waiter = self.send_home(token, waiter, now, cx);
        if let Some(listener) = self.listeners.get_mut(&token) {
            listener.waiting.extend(waiter);
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
        cx: &mut Context,
    ) -> Option<Waiter> {
        if waiter.affinity == Affinity::Unknown {
            waiter.affinity = self.affinity_of(token, &waiter.connection, cx);
        }
        let home = match waiter.affinity {
            Affinity::Drawn(session) => self.home(token, session, now),
            Affinity::Unknown | Affinity::None => self
                .choose(token, now)
                .and_then(|place| self.take_turn(token, place, now)),
        };
        match home {
            Some(home) => self.hand_over(token, home, waiter.connection, now, cx),
            None => return Some(waiter),
        }
        None
    }

    /// The worker a connection belongs to, if that one can take it. Of two workers of one slot it
    /// is the younger one.
    fn home(&mut self, token: Token, session: Session, now: Instant) -> Option<Token> {
        let listener = self.listeners.get(&token)?;
        let drawn = |holder: &&Token| {
            let worker = self.workers.get(holder);
            worker.map(|worker| session.draw(worker.config.instance))
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
