//! Connections find their worker: accepted only when somebody can take them, sent with one message
//! each, kept until they are taken.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ward_core::balance::turn::choose;

use super::affinity::Waiter;
use super::listener::Listener;
use super::port::Delivery;
use super::worker::{Flight, Phase, Worker};
use super::{Connection, Context, Primary, WorkerEvent};
use crate::poll::Token;

/// So many connections are handed out before others get their turn.
const BATCH: usize = 128;

/// How long nothing is accepted after the daemon ran out of descriptors.
const EXHAUSTED: Duration = Duration::from_millis(100);

impl Primary {
    /// The kernel has connections, or some are gone.
    pub(crate) fn connections_wait(&mut self, listener: Token, cx: &mut Context) {
        if self.is_awaited(listener) {
            return self.head_came(listener, Instant::now(), cx);
        }
        if self.is_census(listener) {
            return self.connections_closed(cx);
        }
        self.dispatch(listener, Instant::now(), cx);
    }

    /// Hands out what there is, as far as there are workers for it.
    pub(super) fn dispatch(&mut self, token: Token, now: Instant, cx: &mut Context) {
        let Some(listener) = self.listeners.get(&token) else {
            return;
        };
        if !listener.listens {
            return;
        }
        if let Some(until) = listener.exhausted.filter(|until| *until > now) {
            self.wake_by(Some(until));
            return;
        }
        if self.is_sticky(token) {
            return self.dispatch_sticky(token, now, cx);
        }
        for handed in 0..BATCH {
            let Some(place) = self.choose(token, now) else {
                // They wait in the kernel, in order. Often there are none, and asking the poll to
                // look away and to look again would cost more than the hand-over.
                if handed == 0 {
                    self.disarm(token, cx);
                }
                return;
            };
            let Some(connection) = self.next_connection(token, now, cx) else {
                return;
            };
            if let Some(worker) = self.take_turn(token, place, now) {
                self.hand_over(token, worker, connection, cx);
                if self.must_hear(worker) {
                    break;
                }
            }
        }
        self.arm(token, cx);
    }

    /// Whether a worker's word decides who is next. It may have come since the poll was asked, and
    /// then a connection that came even later would go to another one, against the weights or to
    /// one that has more already: the poll tells of both, and words are heard first.
    fn must_hear(&self, worker: Token) -> bool {
        let worker = self.workers.get(&worker);
        worker.is_some_and(|worker| worker.is_compared() && !worker.has_room())
    }

    /// The next connection, if there is one; otherwise the listener is armed.
    fn next_connection(
        &mut self,
        token: Token,
        now: Instant,
        cx: &mut Context,
    ) -> Option<Connection> {
        let listener = self.listeners.get_mut(&token)?;
        if let Some(waiting) = listener.waiting.pop_front() {
            return Some(waiting.connection);
        }
        self.accept(token, now, cx)
    }

    /// Accepts the next connection, if there is one; otherwise the listener is armed.
    pub(super) fn accept(
        &mut self,
        token: Token,
        now: Instant,
        cx: &mut Context,
    ) -> Option<Connection> {
        let listener = self.listeners.get_mut(&token)?;
        match ward_sys::listener::accept(&listener.socket) {
            Ok(Some(connection)) => {
                self.count(token, |it| it.accepted += 1);
                Some(Arc::new(connection))
            }
            Ok(None) => {
                self.arm(token, cx);
                None
            }
            Err(error) => {
                let first = listener.exhausted.is_none();
                listener.exhausted = Some(now + EXHAUSTED);
                self.disarm(token, cx);
                self.wake_by(Some(now + EXHAUSTED));
                if first {
                    self.cannot_accept(token, &error, cx);
                }
                None
            }
        }
    }

    fn arm(&mut self, token: Token, cx: &mut Context) {
        let armed = cx.links.arm(token, true).is_ok();
        if let Some(listener) = self.listeners.get_mut(&token) {
            listener.exhausted = None;
            listener.armed = armed;
        }
        if !armed {
            let soon = Instant::now() + EXHAUSTED;
            self.wake_by(Some(soon));
        }
    }

    /// Connections are not told of until somebody can take them.
    pub(super) fn disarm(&mut self, token: Token, cx: &mut Context) {
        cx.links.arm(token, false).ok();
        if let Some(listener) = self.listeners.get_mut(&token) {
            listener.armed = false;
        }
    }

    /// Somebody can take connections again: hands out those that nobody will tell of.
    pub(super) fn resume(&mut self, token: Token, now: Instant, cx: &mut Context) {
        let told = |listener: &Listener| listener.armed && listener.waiting.is_empty();
        if !self.listeners.get(&token).is_none_or(told) {
            self.dispatch(token, now, cx);
        }
    }

    fn cannot_accept(&self, token: Token, error: &io::Error, cx: &Context) {
        let Some(listener) = self.listeners.get(&token) else {
            return;
        };
        let first = listener.attached.first();
        if let Some(worker) = first.and_then(|it| self.workers.get(it)) {
            let event = WorkerEvent::Exhausted {
                place: listener.place.clone(),
                error: error.to_string(),
            };
            let life = worker.life;
            cx.tell(life, event);
        }
    }

    /// Gives a connection to a worker, and remembers it until the worker has it.
    pub(super) fn hand_over(
        &mut self,
        listener: Token,
        token: Token,
        connection: Connection,
        cx: &mut Context,
    ) {
        let (Some(worker), Some(found)) = (
            self.workers.get_mut(&token),
            self.listeners.get_mut(&listener),
        ) else {
            return;
        };
        crate::fault::inject("cluster.connection");
        self.census.enter(worker, token, &connection);
        let (delivery, line) = worker.port.connection(&found.key);
        let flight = Flight {
            listener,
            connection: Arc::clone(&connection),
            arrived: false,
        };
        worker.inflight.insert(delivery, flight);
        self.count(listener, |it| it.dispatched += 1);
        cx.links.send(token, line, Some(connection));
    }

    /// The worker has read a descriptor.
    pub(super) fn arrived(&mut self, token: Token, delivery: Delivery, cx: &mut Context) {
        let Some(worker) = self.workers.get_mut(&token) else {
            return;
        };
        worker.grants.remove(&delivery);
        if let Some(flight) = worker.inflight.get_mut(&delivery) {
            flight.arrived = true;
            self.serve_all(token, Instant::now(), cx);
        }
    }

    /// The worker takes a connection, or does not.
    pub(super) fn answered(
        &mut self,
        token: Token,
        delivery: Delivery,
        accepted: bool,
        cx: &mut Context,
    ) {
        let Some(worker) = self.workers.get_mut(&token) else {
            return;
        };
        let Some(flight) = worker.inflight.remove(&delivery) else {
            return;
        };
        let now = Instant::now();
        if accepted {
            worker.took();
            // Our copy must go now, or the other side would not see the worker close it.
            drop(flight.connection);
            self.freed(token, now, cx);
        } else {
            self.untaken(token, flight, now, cx);
        }
    }

    /// The worker is out of descriptors: the connection never arrived.
    pub(super) fn lost(&mut self, token: Token, delivery: Delivery, cx: &mut Context) {
        let Some(worker) = self.workers.get_mut(&token) else {
            return;
        };
        let now = Instant::now();
        if let Some(flight) = worker.inflight.remove(&delivery) {
            self.untaken(token, flight, now, cx);
        } else if let Some(grant) = worker.grants.remove(&delivery) {
            self.grant_again(token, grant, cx);
        }
    }

    /// The worker did not take a connection: it goes to another one.
    fn untaken(&mut self, token: Token, flight: Flight, now: Instant, cx: &mut Context) {
        if let Some(worker) = self.workers.get_mut(&token) {
            worker.refused(now);
            self.census.leave(worker, &flight.connection);
        }
        self.count(flight.listener, |it| it.refused += 1);
        self.return_connection(flight.listener, flight.connection);
        self.freed(token, now, cx);
        // The worker may have closed the server: then it has nothing to do with this one any more.
        self.resume(flight.listener, now, cx);
    }

    /// A connection comes back from a worker that did not take it: it is the next one of others.
    pub(super) fn return_connection(&mut self, listener: Token, connection: Connection) {
        self.count(listener, |it| it.redispatched += 1);
        if let Some(listener) = self.listeners.get_mut(&listener) {
            listener.waiting.push_front(Waiter::new(connection));
        }
    }

    /// The worker has room again.
    fn freed(&mut self, token: Token, now: Instant, cx: &mut Context) {
        let Some(worker) = self.workers.get(&token) else {
            return;
        };
        if worker.phase != Phase::Serving {
            self.settle(token, cx);
        }
        self.serve_all(token, now, cx);
    }

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
