//! Who has a claim on a listener. Workers hold it while they live; their instances own it until
//! they stop for good, so that it stays open over restarts and crashes.

use std::collections::HashSet;
use std::time::Instant;

use ward_core::id::InstanceId;

use super::Primary;
use super::affinity::Waiter;
use super::worker::Phase;
use crate::channel::Wires;
use crate::poll::Token;

impl Primary {
    /// The channel is closed, so the worker has read all it ever will: what it has not taken is
    /// given to others.
    pub(crate) fn gone(&mut self, token: Token, wires: &mut Wires) {
        let Some(mut worker) = self.workers.remove(&token) else {
            return;
        };
        let instance = worker.seat.instance;
        worker.end_draining(wires);
        self.forget_connections(token, wires);
        let has_successor = self.workers.values().any(|other| {
            other.seat.instance == instance && other.keys.values().any(|held| held.listening)
        });
        let replaced = matches!(worker.phase, Phase::Draining { .. }) && has_successor;
        let for_good = worker.retired || replaced;
        for held in worker.keys.values() {
            if let Some(listener) = self.listeners.get_mut(&held.listener) {
                listener.holders.retain(|holder| *holder != token);
            }
        }
        let mut listeners: HashSet<Token> =
            worker.keys.values().map(|held| held.listener).collect();
        for (_, flight) in worker.inflight {
            // It may have closed the server since.
            listeners.insert(flight.listener);
            if let Some(listener) = self.listeners.get_mut(&flight.listener) {
                listener.waiting.push_front(Waiter::new(flight.connection));
            }
        }
        if for_good {
            self.disown_unheld(instance, wires);
        }
        for listener in listeners {
            self.dispatch(listener, Instant::now(), wires);
        }
    }

    /// No worker of this instance will come by itself.
    pub(crate) fn retire(&mut self, instance: InstanceId, wires: &mut Wires) {
        self.paused.remove(&instance);
        for worker in self.workers.values_mut() {
            // Its channel is not closed yet.
            worker.retired |= worker.seat.instance == instance;
        }
        self.disown_unheld(instance, wires);
    }

    /// The instance gives up what none of its workers holds now.
    fn disown_unheld(&mut self, instance: InstanceId, wires: &mut Wires) {
        let listeners: Vec<Token> = self.listeners.keys().copied().collect();
        for listener in listeners {
            if !self.is_held_by(listener, instance) {
                self.disown(listener, instance, wires);
            }
        }
    }

    /// Whether some worker of the instance holds the listener now.
    pub(super) fn is_held_by(&self, listener: Token, instance: InstanceId) -> bool {
        self.listeners.get(&listener).is_some_and(|listener| {
            listener.holders.iter().any(|holder| {
                let worker = self.workers.get(holder);
                worker.is_some_and(|worker| worker.seat.instance == instance)
            })
        })
    }

    /// The instance has no claim on the listener any more; without any claim it is closed.
    pub(super) fn disown(&mut self, token: Token, instance: InstanceId, wires: &mut Wires) {
        let Some(listener) = self.listeners.get_mut(&token) else {
            return;
        };
        listener.owners.remove(&instance);
        if listener.owners.is_empty() && listener.holders.is_empty() {
            self.forget_heads(token, wires);
            wires.remove_listener(token);
            if let Some(listener) = self.listeners.remove(&token) {
                self.by_key.remove(&listener.entry());
            }
        }
    }
}
