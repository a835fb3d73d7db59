//! The same address goes to the same slot, also after the slot's process was replaced: each slot
//! draws a number for each address, and the highest one wins (rendezvous hashing). When a slot has
//! no worker, only its own addresses move.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Instant;

use super::{Connection, Primary, Sched};
use crate::channel::Wires;
use crate::poll::Token;

/// Connections that may wait for their own worker while others are served.
const WAITING: usize = 256;

impl Primary {
    /// Whether connections of this listener belong to certain workers.
    pub(super) fn is_sticky(&self, listener: Token) -> bool {
        // The youngest worker has the declaration that holds now.
        let last = self
            .listeners
            .get(&listener)
            .and_then(|it| it.holders.last());
        last.and_then(|holder| self.workers.get(holder))
            .is_some_and(|worker| worker.seat.sched == Sched::StickyAddress)
    }

    /// Hands out what there is; a connection whose worker is busy waits for it, and lets others
    /// pass.
    pub(super) fn dispatch_sticky(&mut self, token: Token, now: Instant, wires: &mut Wires) {
        let waiting = match self.listeners.get_mut(&token) {
            Some(listener) => core::mem::take(&mut listener.waiting),
            None => return,
        };
        let mut later = waiting.clone();
        later.clear();
        for connection in waiting {
            later.extend(self.send_home(token, connection, now, wires));
        }
        while later.len() < WAITING && self.has_rotation(token) {
            let Some(connection) = self.next_connection(token, now, wires) else {
                return self.wait_on(token, later);
            };
            later.extend(self.send_home(token, connection, now, wires));
        }
        wires.arm(token, false).ok();
        self.wait_on(token, later);
    }

    fn wait_on(&mut self, token: Token, later: super::Waiting) {
        if let Some(listener) = self.listeners.get_mut(&token) {
            listener.waiting.extend(later);
        }
    }

    fn has_rotation(&self, token: Token) -> bool {
        let Some(listener) = self.listeners.get(&token) else {
            return false;
        };
        let mut workers = listener
            .holders
            .iter()
            .filter_map(|it| self.workers.get(it));
        workers.any(|worker| worker.is_in_rotation(&listener.key))
    }

    /// Gives a connection to its worker, or back when that one has no room.
    fn send_home(
        &mut self,
        token: Token,
        connection: Connection,
        now: Instant,
        wires: &mut Wires,
    ) -> Option<Connection> {
        let Some(home) = self.home(token, &connection) else {
            return Some(connection);
        };
        let worker = self.workers.get(&home)?;
        if worker.is_pausing(now) {
            let until = worker.pause;
            self.wake_by(until);
            return Some(connection);
        }
        if !worker.has_room() {
            return Some(connection);
        }
        self.hand_over(token, home, connection, wires);
        None
    }

    /// The worker an address belongs to. Of two workers of one slot it is the younger one.
    fn home(&self, token: Token, connection: &Connection) -> Option<Token> {
        let listener = self.listeners.get(&token)?;
        let peer = ward_sys::listener::peer_address(connection).ok().flatten();
        let address = peer.map(|peer| peer.ip().to_canonical());
        let drawn = |holder: &&Token| {
            let slot = self.workers.get(holder).map(|worker| worker.seat.instance);
            let mut hasher = DefaultHasher::new();
            (address, slot).hash(&mut hasher);
            hasher.finish()
        };
        let in_rotation = |holder: &&Token| {
            let worker = self.workers.get(holder);
            worker.is_some_and(|worker| worker.is_in_rotation(&listener.key))
        };
        // Of equals the last one is the maximum, and holders come in the order of their birth.
        listener
            .holders
            .iter()
            .filter(in_rotation)
            .max_by_key(drawn)
            .copied()
    }
}
