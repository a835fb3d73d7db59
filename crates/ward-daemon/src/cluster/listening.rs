//! A worker listens on what it was given, until it closes it.

use std::time::Instant;

use ward_wire::node_cluster::ListenQuery;

use super::listener::place_of;
use super::worker::Phase;
use super::{Context, Primary, WorkerEvent};
use crate::poll::Token;

impl Primary {
    /// A worker listens.
    pub(super) fn listening(
        &mut self,
        token: Token,
        key: &str,
        query: &ListenQuery,
        cx: &mut Context,
    ) {
        let Some(worker) = self.workers.get_mut(&token) else {
            return;
        };
        let life = worker.life;
        let listener = self.find_held(token, key, query);
        let by_itself = listener.is_none();
        let place = match listener.and_then(|listener| self.listeners.get(&listener)) {
            Some(listener) => listener.place.clone(),
            None => query.endpoint().map_or_else(
                |_| "a socket".to_owned(),
                |endpoint| place_of(&endpoint, None),
            ),
        };
        let event = WorkerEvent::Listening { by_itself, place };
        cx.tell(life, event);
        if let Some(listener) = listener {
            self.dispatch(listener, Instant::now(), cx);
        }
    }

    /// Which of its listeners a worker means, and notes that it listens there. With port 0 the
    /// message has the real port, so that it has another key than the question had.
    fn find_held(&mut self, token: Token, key: &str, query: &ListenQuery) -> Option<Token> {
        let worker = self.workers.get_mut(&token)?;
        if let Some(held) = worker.keys.get_mut(key) {
            held.listening = true;
            let listener = held.listener;
            worker.begin_estimate();
            worker.begin_rotation(Instant::now());
            return Some(listener);
        }
        let listeners = &self.listeners;
        let port = query.port.and_then(|port| u16::try_from(port).ok());
        let held = worker.keys.values_mut().find(|held| {
            let listener = listeners.get(&held.listener);
            let bound = listener.and_then(|listener| listener.name);
            !held.listening && bound.is_some_and(|name| Some(name.port) == port)
        })?;
        held.listening = true;
        let listener = held.listener;
        worker.begin_estimate();
        worker.begin_rotation(Instant::now());
        Some(listener)
    }

    /// `close`: this worker has closed the server.
    pub(super) fn closed(&mut self, token: Token, key: &str, cx: &mut Context) {
        let Some(worker) = self.workers.get_mut(&token) else {
            return;
        };
        let Some(held) = worker.keys.remove(key) else {
            return;
        };
        let (instance, serving) = (worker.config.instance, worker.phase == Phase::Serving);
        if let Some(listener) = self.listeners.get_mut(&held.listener) {
            listener.attached.retain(|holder| *holder != token);
        }
        // One that is about to end closes everything; its successor wants it open.
        if serving && !self.is_held_by(held.listener, instance) {
            self.disown(held.listener, instance, cx);
        }
        self.dispatch(held.listener, Instant::now(), cx);
    }
}
