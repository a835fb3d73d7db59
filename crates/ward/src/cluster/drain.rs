//! A worker finishes: nothing new comes, what is on its way arrives, and what is open ends. With
//! our agent inside, the worker says when; without it, its open connections are counted.

use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use ward_core::event::Tally;
use ward_core::id::Life;
use ward_wire::node_cluster::{Dialect, Outbox};

use super::sockets;
use super::worker::Phase;
use super::{Primary, WorkerEvent};
use crate::channel::{ChannelEvent, Wires};
use crate::poll::Token;

/// How often the connections of a worker without agent are counted.
const COUNT_EVERY: Duration = Duration::from_millis(50);

impl Primary {
    /// No further connections for this worker; it is told to finish when all that were on their
    /// way have arrived.
    pub(crate) fn drain(&mut self, life: Life, wires: &mut Wires) {
        let Some(token) = wires.find(life) else {
            // Without a channel nothing can be waited for.
            return tell_at_once(life, wires);
        };
        match self.workers.get_mut(&token) {
            Some(worker) if worker.phase == Phase::Leaving => tell_at_once(life, wires),
            Some(worker) => {
                worker.phase = Phase::Draining { told: false };
                self.settle(token, wires);
                self.serve_all(token, Instant::now(), wires);
            }
            None => tell_at_once(life, wires),
        }
    }

    /// The worker was asked to end by other means: it gets nothing more.
    pub(crate) fn withdraw(&mut self, life: Life, wires: &mut Wires) {
        let Some(token) = wires.find(life) else {
            return;
        };
        if let Some(worker) = self.workers.get_mut(&token)
            && worker.phase == Phase::Serving
        {
            worker.phase = Phase::Leaving;
            self.serve_all(token, Instant::now(), wires);
        }
    }

    /// Something of a worker that gets no more connections was settled.
    pub(super) fn settle(&mut self, token: Token, wires: &mut Wires) {
        let Some(worker) = self.workers.get_mut(&token) else {
            return;
        };
        if worker.phase != (Phase::Draining { told: false }) || !worker.inflight.is_empty() {
            return;
        }
        worker.phase = Phase::Draining { told: true };
        if worker.seat.has_agent && worker.outbox.dialect == Dialect::Node {
            let mut line = Vec::new();
            Outbox::ward(&mut line, "drain", &Map::new());
            wires.send(token, line, None);
        } else {
            self.look_at_draining(Instant::now(), wires);
        }
    }

    /// Our agent inside a worker said something.
    pub(super) fn agent_said(
        &mut self,
        token: Token,
        act: &str,
        body: &Map<String, Value>,
        wires: &Wires,
    ) {
        let Some(worker) = self.workers.get_mut(&token) else {
            return;
        };
        let life = worker.life;
        match act {
            "hello" => {
                if let Some(version) = body.get("node").and_then(Value::as_str) {
                    let event = WorkerEvent::Version(version.to_owned());
                    wires.tell(ChannelEvent::Worker { life, event });
                }
            }
            "open" => {
                let now = body.get("count").and_then(Value::as_u64).unwrap_or(0);
                let (began, _) = worker.open.unwrap_or((now, now));
                worker.open = Some((began, now));
            }
            "drained" if worker.phase == (Phase::Draining { told: true }) => tell(life, wires),
            _ => {}
        }
    }

    /// Counts the connections of workers that cannot tell.
    pub(super) fn look_at_draining(&mut self, now: Instant, wires: &mut Wires) {
        let mut again = false;
        for worker in self.workers.values_mut() {
            let told = worker.phase == (Phase::Draining { told: true });
            if !told
                || worker.finished
                || (worker.seat.has_agent && worker.outbox.dialect == Dialect::Node)
            {
                continue;
            }
            let held = worker.keys.values().map(|held| held.listener);
            let names = held.filter_map(|listener| self.listeners.get(&listener));
            let ports: Vec<u16> = names
                .filter_map(|listener| Some(listener.name?.port))
                .collect();
            if worker.pid.is_some_and(|pid| sockets::serves(pid, &ports)) {
                again = true;
            } else {
                worker.finished = true;
                tell(worker.life, wires);
            }
        }
        if again {
            self.wake_by(Some(now + COUNT_EVERY));
        }
    }
}

/// Nothing of it is known that could be waited for.
fn tell_at_once(life: Life, wires: &Wires) {
    tell(life, wires);
    let event = WorkerEvent::Finished(Tally::default());
    wires.tell(ChannelEvent::Worker { life, event });
}

fn tell(life: Life, wires: &Wires) {
    let event = WorkerEvent::Drained;
    wires.tell(ChannelEvent::Worker { life, event });
}
