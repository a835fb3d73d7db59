//! A worker finishes: nothing new comes, what is on its way arrives, and what is open ends. With
//! our agent inside, the worker says when; without it, its open connections are counted.
//!
//! A worker that accepts by itself (`shared`, `slot`) has to stop that first. The agent does it
//! without touching a connection. Without it only Node's own `disconnect` can: it closes the
//! servers, and with them the keep-alive connections that are idle at that moment (Node 19 and
//! later), so that a request that is just on its way there is lost.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ward_core::event::Tally;
use ward_core::id::Life;

use super::listener::Listener;
use super::sockets;
use super::worker::{Phase, Reason, Worker};
use super::{Context, Primary, WorkerEvent};
use crate::poll::Token;

/// How often the connections of a worker without agent are counted, at most.
const COUNT_EVERY: Duration = Duration::from_millis(50);

/// To count takes longer the more sockets there are. So many times longer nobody counts: the thread
/// has connections to hand over.
const COUNT_SHARE: u32 = 10;

impl Primary {
    /// No further connections for this worker; it is told to finish when all that were on their
    /// way have arrived.
    pub(crate) fn drain(&mut self, life: Life, cx: &mut Context) {
        let Some(token) = cx.links.find(life) else {
            // Without a channel nothing can be waited for.
            return tell_at_once(life, cx);
        };
        match self.workers.get_mut(&token) {
            Some(worker) if worker.phase == Phase::Leaving => tell_at_once(life, cx),
            Some(worker) => {
                worker.phase = Phase::Draining { told: false };
                self.settle(token, cx);
                self.serve_all(token, Instant::now(), cx);
            }
            None => tell_at_once(life, cx),
        }
    }

    /// The worker was asked to end by other means: it gets nothing more.
    pub(crate) fn withdraw(&mut self, life: Life, cx: &mut Context) {
        let Some(token) = cx.links.find(life) else {
            return;
        };
        let Some(worker) = self.workers.get_mut(&token) else {
            return;
        };
        worker.reason = Reason::Asked;
        if worker.phase == Phase::Serving {
            worker.phase = Phase::Leaving;
            self.serve_all(token, Instant::now(), cx);
        }
    }

    /// Something of a worker that gets no more connections was settled.
    pub(super) fn settle(&mut self, token: Token, cx: &mut Context) {
        let Some(worker) = self.workers.get_mut(&token) else {
            return;
        };
        if worker.phase != (Phase::Draining { told: false }) || !worker.inflight.is_empty() {
            return;
        }
        worker.phase = Phase::Draining { told: true };
        worker.drain_told_at = Some(Instant::now());
        let late_at = worker.late_at();
        cx.tell(worker.life, WorkerEvent::Draining);
        if let Some(line) = worker.port.drain() {
            self.wake_by(late_at);
            return cx.links.send(token, line, None);
        }
        let mut accepts = false;
        for held in worker.keys.values() {
            if let Some(listener) = self.listeners.get(&held.listener).filter(|it| it.listens) {
                worker.endpoints.add(&listener.socket);
                accepts |= held.shared;
            }
        }
        // One that has none may be gone as soon as it is told.
        worker.count_remaining(&self.listeners, cx);
        if accepts {
            let line = worker.port.disconnect();
            worker.reason = Reason::Finished;
            cx.links.send(token, line, None);
        }
        self.wake_by(late_at);
        self.wake_by(Some(Instant::now() + COUNT_EVERY));
    }

    /// Counts the connections of workers that cannot tell.
    pub(super) fn look_at_draining(&mut self, now: Instant, cx: &mut Context) {
        let silent = |worker: &Worker| {
            let told = worker.phase == (Phase::Draining { told: true });
            told && !worker.port.tells_when_drained() && !worker.drained
        };
        if !self.workers.values().any(silent) {
            return;
        }
        if let Some(at) = self.count_after.filter(|at| *at > now) {
            return self.wake_by(Some(at));
        }
        let began = Instant::now();
        for worker in self.workers.values_mut().filter(|it| silent(it)) {
            worker.count_remaining(&self.listeners, cx);
        }
        let pause = began.elapsed().saturating_mul(COUNT_SHARE);
        let next = now + pause.max(COUNT_EVERY);
        self.count_after = Some(next);
        self.wake_by(Some(next));
    }
}

impl Worker {
    /// Finds out whether it has finished.
    fn count_remaining(&mut self, listeners: &HashMap<Token, Listener>, cx: &Context) {
        let accepts = self
            .keys
            .values()
            .any(|held| held.shared && listeners.get(&held.listener).is_some_and(|it| it.listens));
        let left = match self.pid {
            Some(pid) => sockets::connections(pid, &self.endpoints),
            None => Some(0),
        };
        // Of one that is ending it is known what it had last.
        let Some(left) = left else {
            return;
        };
        let left = left as u64;
        let (began, last) = self.open.unwrap_or((left, u64::MAX));
        self.open = Some((began.max(left), left));
        // A table may leave out a line while it changes: only twice nothing is nothing.
        if left == 0 && last == 0 && !accepts {
            self.tell_drained(cx);
        }
    }

    /// Its channel is closed. One that was told to leave when it has finished has finished, and may
    /// live on for reasons that are not ours.
    pub(super) fn end_draining(&mut self, cx: &Context) {
        if self.reason == Reason::Finished {
            self.open = self.open.map(|(began, _)| (began, 0));
        }
        self.tell_drained(cx);
        self.tell_tally(cx);
    }

    /// It has finished; said once.
    pub(super) fn tell_drained(&mut self, cx: &Context) {
        if self.phase == (Phase::Draining { told: true })
            && !core::mem::replace(&mut self.drained, true)
        {
            tell(self.life, cx);
        }
    }
}

/// Nothing of it is known that could be waited for.
fn tell_at_once(life: Life, cx: &Context) {
    tell(life, cx);
    let event = WorkerEvent::Finished(Tally::default());
    cx.tell(life, event);
}

fn tell(life: Life, cx: &Context) {
    let event = WorkerEvent::Drained;
    cx.tell(life, event);
}
