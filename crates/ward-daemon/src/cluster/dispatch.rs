//! Connections find their worker: accepted only when somebody can take them, sent with one message
//! each, kept until they are taken.

use std::sync::Arc;
use std::time::Instant;

use super::listener::Listener;
use super::room::RETRY;
use super::worker::Flight;
use super::{Connection, Context, Primary};
use crate::poll::Token;

/// So many connections are handed out before others get their turn.
pub(super) const BATCH: usize = 128;

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
                self.hand_over(token, worker, connection, now, cx);
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
        if !self.has_room(token, now, cx) {
            self.disarm(token, cx);
            return None;
        }
        let listener = self.listeners.get_mut(&token)?;
        match ward_sys::listener::accept(&listener.socket) {
            Ok(Some(connection)) => {
                let connection = Arc::new(connection);
                self.count(token, |it| it.accepted += 1);
                self.note_accepted(token, &connection, now, cx);
                Some(connection)
            }
            Ok(None) => {
                self.arm(token, cx);
                None
            }
            Err(error) => {
                self.run_short(token, Some(&error), now, cx);
                self.disarm(token, cx);
                None
            }
        }
    }

    pub(super) fn arm(&mut self, token: Token, cx: &mut Context) {
        let armed = cx.links.arm(token, true).is_ok();
        if let Some(listener) = self.listeners.get_mut(&token) {
            listener.armed = armed;
        }
        if !armed {
            let soon = Instant::now() + RETRY;
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

    /// Gives a connection to a worker, and remembers it until the worker has it.
    pub(super) fn hand_over(
        &mut self,
        listener: Token,
        token: Token,
        connection: Connection,
        now: Instant,
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
            since: now,
            arrived: false,
        };
        worker.inflight.insert(delivery, flight);
        let (late_at, is_counted) = (worker.late_at(), worker.is_counted());
        self.wake_by(late_at);
        if is_counted {
            self.expect_closings(now);
        }
        self.count(listener, |it| it.dispatched += 1);
        cx.links.send(token, line, Some(connection));
    }
}
