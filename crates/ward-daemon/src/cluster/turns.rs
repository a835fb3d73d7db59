//! Whose turn it is: what [`ward_core::balance`] needs to know of the workers, and what follows.

use std::time::{Duration, Instant};

use ward_core::balance::slow_start;
use ward_core::balance::turn::{Offer, choose};
use ward_core::balance::weight::cost_of_connections;
use ward_core::cluster::Sched;

use super::Primary;
use super::worker::Worker;
use crate::poll::Token;

impl Primary {
    /// Whose turn it is, by place among the holders. `None` when nobody can take a connection;
    /// whoever pauses is tried again.
    pub(super) fn choose(&mut self, token: Token, now: Instant) -> Option<usize> {
        let listener = self.listeners.get(&token)?;
        let mut wake = None;
        let offer = |at: usize| {
            let worker = self.workers.get(&listener.attached[at])?;
            if !worker.is_in_rotation(&listener.key) {
                return None;
            }
            if !worker.has_room() {
                wake = [wake, worker.recount(now)].into_iter().flatten().min();
                return None;
            }
            if worker.is_pausing(now) {
                wake = [wake, worker.pause].into_iter().flatten().min();
                return None;
            }
            Some(worker.offer(now))
        };
        let found = choose(listener.next, listener.attached.len(), offer);
        if found.is_none() {
            self.wake_by(wake);
        }
        found
    }

    /// The holder at this place has its turn.
    pub(super) fn take_turn(&mut self, token: Token, place: usize, now: Instant) -> Option<Token> {
        let listener = self.listeners.get_mut(&token)?;
        let chosen = *listener.attached.get(place)?;
        listener.next = (place + 1) % listener.attached.len();
        self.charge(token, chosen, now);
        Some(chosen)
    }

    /// Everybody earns its weight, the chosen one pays for all.
    fn charge(&mut self, listener: Token, chosen: Token, now: Instant) {
        let Some(listener) = self.listeners.get(&listener) else {
            return;
        };
        let weighted = |token: &Token| self.workers.get(token).is_some_and(Worker::has_weight);
        if !weighted(&chosen) {
            return;
        }
        let mut total = 0;
        for holder in &listener.attached {
            if let Some(worker) = self.workers.get_mut(holder)
                && worker.is_in_rotation(&listener.key)
            {
                let weight = worker.weight(now);
                worker.credit.earn(weight);
                total += weight;
            }
        }
        if let Some(worker) = self.workers.get_mut(&chosen) {
            worker.credit.pay(total);
        }
    }
}

impl Worker {
    /// What it says when it is asked whether it takes a connection.
    pub(super) fn offer(&self, now: Instant) -> Offer {
        if self.has_weight() {
            return Offer::compared(self.credit.cost(self.weight(now)));
        }
        if self.config.options.sched != Sched::LeastConnections {
            return Offer::AT_ONCE;
        }
        let on_their_way = self.inflight.len() as u64;
        let open = self.open_connections().unwrap_or(on_their_way);
        Offer::compared(cost_of_connections(open, self.share(now)))
    }

    /// Whether it has its turn as often as its weight says, and not as often as all others.
    pub(super) fn has_weight(&self) -> bool {
        let slow = !self.config.options.slow_start.is_zero();
        matches!(self.config.options.sched, Sched::Weighted)
            || slow && self.config.options.sched == Sched::RoundRobin
    }

    /// Whether others are looked at before it has its turn, even when it can take a connection.
    pub(super) fn is_compared(&self) -> bool {
        self.has_weight() || self.config.options.sched == Sched::LeastConnections
    }

    /// How much of its full share it gets, in percent: a fresh one begins with little.
    fn share(&self, now: Instant) -> i64 {
        slow_start::share(self.config.options.slow_start, self.age(now))
    }

    fn age(&self, now: Instant) -> Duration {
        let since = self.in_rotation_since.unwrap_or(now);
        now.saturating_duration_since(since)
    }

    /// It may get connections from now on.
    pub(super) fn begin_rotation(&mut self, now: Instant) {
        let listens = self.keys.values().any(|held| held.listening);
        if self.admitted && listens {
            self.in_rotation_since.get_or_insert(now);
        }
    }

    /// For weighted turns.
    pub(super) fn weight(&self, now: Instant) -> i64 {
        i64::from(self.config.weight) * self.share(now)
    }
}
