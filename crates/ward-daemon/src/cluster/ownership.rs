//! Who has a claim on a listener. Workers hold it while they live; their instances own it until
//! they stop for good, so that it stays open over restarts and crashes.

use std::collections::HashSet;
use std::time::Instant;

use ward_core::id::InstanceId;

use super::worker::Phase;
use super::{Context, Primary};
use crate::poll::Token;

impl Primary {
    /// The channel is closed, so the worker has read all it ever will: what it has not taken is
    /// given to others.
    pub(crate) fn gone(&mut self, token: Token, cx: &mut Context) {
        let Some(mut worker) = self.workers.remove(&token) else {
            return;
        };
        let instance = worker.config.instance;
        worker.end_draining(cx);
        self.forget_connections(token, cx);
        let has_successor = self.workers.values().any(|other| {
            other.config.instance == instance && other.keys.values().any(|held| held.listening)
        });
        let replaced = matches!(worker.phase, Phase::Draining { .. }) && has_successor;
        let for_good = worker.retired || replaced;
        for held in worker.keys.values() {
            if let Some(listener) = self.listeners.get_mut(&held.listener) {
                listener.attached.retain(|holder| *holder != token);
            }
        }
        let mut listeners: HashSet<Token> =
            worker.keys.values().map(|held| held.listener).collect();
        for (_, flight) in worker.inflight {
            // It may have closed the server since.
            listeners.insert(flight.listener);
            self.return_connection(flight.listener, flight.connection);
        }
        if for_good {
            self.disown_unheld(instance, cx);
        }
        for listener in listeners {
            self.dispatch(listener, Instant::now(), cx);
        }
    }

    /// No worker of this instance will come by itself.
    pub(crate) fn retire(&mut self, instance: InstanceId, cx: &mut Context) {
        self.paused.remove(&instance);
        for worker in self.workers.values_mut() {
            // Its channel is not closed yet.
            worker.retired |= worker.config.instance == instance;
        }
        self.disown_unheld(instance, cx);
    }

    /// The instance gives up what none of its workers holds now.
    fn disown_unheld(&mut self, instance: InstanceId, cx: &mut Context) {
        let listeners: Vec<Token> = self.listeners.keys().copied().collect();
        for listener in listeners {
            if !self.is_held_by(listener, instance) {
                self.disown(listener, instance, cx);
            }
        }
    }

    /// Whether some worker of the instance holds the listener now.
    pub(super) fn is_held_by(&self, listener: Token, instance: InstanceId) -> bool {
        self.listeners.get(&listener).is_some_and(|listener| {
            listener.attached.iter().any(|holder| {
                let worker = self.workers.get(holder);
                worker.is_some_and(|worker| worker.config.instance == instance)
            })
        })
    }

    /// The instance has no claim on the listener any more; without any claim it is closed.
    pub(super) fn disown(&mut self, token: Token, instance: InstanceId, cx: &mut Context) {
        let Some(listener) = self.listeners.get_mut(&token) else {
            return;
        };
        listener.retained_by.remove(&instance);
        if listener.retained_by.is_empty() && listener.attached.is_empty() {
            self.forget_heads(token, cx);
            cx.links.remove_listener(token);
            if let Some(listener) = self.listeners.remove(&token) {
                self.by_key.remove(&listener.entry());
            }
        }
    }
}
