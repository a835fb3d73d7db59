//! What becomes of connections that were sent to a worker: it takes them, or others get them.

use std::time::Instant;

use super::affinity::Waiter;
use super::port::Delivery;
use super::worker::{Flight, Phase};
use super::{Connection, Context, Primary};
use crate::poll::Token;

impl Primary {
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
        worker.late = false;
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
}
