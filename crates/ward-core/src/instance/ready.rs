//! When a life is ready.

use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::id::Life;
use crate::instance::view;
use crate::instance::{Instance, Replacement, State};
use crate::time::Mono;

/// What is known of a program as a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ListenHistory {
    /// Nothing yet.
    #[default]
    Unknown,
    /// Some life of it has listened, so the next one is expected to.
    Listens,
    /// A life of it settled and did not listen: it has other work, and nobody need wait.
    Works,
}

/// What a life said about its readiness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// The worker runs Node.
    pub online: bool,
    /// The worker listens.
    pub listening: bool,
    /// The app said `ready`.
    pub ready: bool,
    /// The worker has loaded and rests.
    #[serde(default)]
    pub settled: bool,
}

/// One thing heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadySignal {
    Online,
    Listening,
    Ready,
    Settled,
}

impl Readiness {
    fn hear(&mut self, word: ReadySignal) {
        match word {
            ReadySignal::Online => self.online = true,
            ReadySignal::Listening => (self.online, self.listening) = (true, true),
            ReadySignal::Ready => self.ready = true,
            ReadySignal::Settled => self.settled = true,
        }
    }
}

impl Instance {
    /// A life said something about its readiness.
    pub(crate) fn ready_signal(&mut self, life: Life, word: ReadySignal, cx: &mut Context<'_>) {
        if let Some(Replacement::Starting(next)) = &mut self.replacement
            && next.life == life
        {
            next.readiness.hear(word);
            // One that never listens has only to prove that it does not die at once.
            if word == ReadySignal::Online
                && self.listen_history == ListenHistory::Works
                && !self.spec.start.wait_ready
            {
                next.ready_by = next.ready_by.min(cx.now.mono + cx.defaults.settling);
            }
            if self.replacement_is_ready() {
                self.promote(cx);
            }
            return;
        }
        match &mut self.state {
            State::Launching {
                life: current,
                readiness,
                ..
            } if *current == life => {
                readiness.hear(word);
                let readiness = *readiness;
                if self.is_ready(readiness) {
                    self.come_online(cx);
                }
            }
            State::Online {
                life: current,
                listening,
                ..
            } if *current == life && word == ReadySignal::Listening => {
                *listening = true;
                self.listen_history = ListenHistory::Listens;
                self.answer_start(cx);
            }
            // One that is known to listen is late, and waited for.
            State::Online {
                life: current,
                answer_by: Some(_),
                ..
            } if *current == life
                && word == ReadySignal::Settled
                && self.listen_history != ListenHistory::Listens =>
            {
                self.has_settled(cx);
            }
            State::Launching { .. }
            | State::Online { .. }
            | State::Stopping { .. }
            | State::Stopped
            | State::Waiting { .. }
            | State::Errored { .. } => {}
        }
    }

    /// A life that was to be a worker cannot be one: from now on the instance runs as in fork mode. A
    /// replacement that cannot be one would find the old worker's port taken, so it has failed.
    pub(crate) fn found_alone(&mut self, life: Life, reason: String, cx: &mut Context<'_>) {
        if let Some(Replacement::Starting(next)) = &self.replacement
            && next.life == life
        {
            let reason = format!("its successor cannot be a worker of the cluster: {reason}");
            return self.discard(Some(reason), cx);
        }
        if self.life() != Some(life) {
            return;
        }
        cx.log(format!("{} runs in fork mode: {reason}", self.title()));
        self.alone = Some(reason);
        match &self.state {
            State::Launching {
                pid: Some(_),
                readiness,
                ..
            } if self.is_ready(*readiness) => self.come_online(cx),
            State::Online { .. } => self.answer_start(cx),
            State::Launching { .. }
            | State::Stopping { .. }
            | State::Stopped
            | State::Waiting { .. }
            | State::Errored { .. } => {}
        }
    }

    /// Whether a first life is ready: a process exists, a worker runs Node, or the app said so.
    pub(super) fn is_ready(&self, readiness: Readiness) -> bool {
        if self.spec.start.wait_ready {
            readiness.ready
        } else {
            !self.is_worker() || readiness.online
        }
    }

    /// Whether the replacement can take over: it listens, and said `ready` where that is awaited.
    /// A worker that has never listened need not begin now when its `ready` is the better sign.
    pub(super) fn replacement_is_ready(&self) -> bool {
        let Some(Replacement::Starting(next)) = &self.replacement else {
            return false;
        };
        let readiness = next.readiness;
        if next.pid.is_none() {
            false
        } else if self.spec.start.wait_ready {
            readiness.ready
                && (readiness.listening || self.listen_history != ListenHistory::Listens)
        } else {
            // Of one that never listens nothing more will be heard.
            readiness.listening
                || (readiness.online
                    && readiness.settled
                    && self.listen_history == ListenHistory::Works)
        }
    }

    /// Whether a replacement that ran out of time may take over: it runs, and nothing that the
    /// old one did is missing. Workers that only work, and never listen, are replaced this way.
    pub(super) fn replacement_will_do(&self) -> bool {
        let Some(Replacement::Starting(next)) = &self.replacement else {
            return false;
        };
        let readiness = next.readiness;
        next.pid.is_some()
            && readiness.online
            && (readiness.listening || self.listen_history != ListenHistory::Listens)
            && (readiness.ready || !self.spec.start.wait_ready)
    }

    /// The life of `Launching` is ready, or counts as ready.
    pub(super) fn come_online(&mut self, cx: &mut Context<'_>) {
        let State::Launching {
            life,
            pid: Some(pid),
            began,
            ready_by,
            readiness,
        } = self.state
        else {
            return;
        };
        // PM2 publishes before it changes the status; programs expect `launching` in this event.
        cx.publish("online", false, || view::record(self));
        let listening = readiness.listening;
        if readiness.settled && self.listen_history == ListenHistory::Unknown {
            self.listen_history = ListenHistory::Works;
        }
        let settled = !self.is_worker()
            || listening
            || self.spec.start.wait_ready
            || self.listen_history == ListenHistory::Works;
        self.state = State::Online {
            life,
            pid,
            began,
            listening,
            answer_by: (!settled).then(|| self.answer_by(ready_by, cx)),
            calm_at: self
                .history
                .delay
                .map(|_| began + cx.defaults.backoff_reset),
        };
        if listening {
            self.listen_history = ListenHistory::Listens;
        }
        self.admit(life, cx);
        cx.log(format!("{} online", self.title()));
        if settled {
            self.answer_start(cx);
        }
    }

    fn answer_by(&self, ready_by: Mono, cx: &Context<'_>) -> Mono {
        let now = cx.now.mono;
        match self.listen_history {
            ListenHistory::Listens => ready_by.max(now),
            ListenHistory::Unknown | ListenHistory::Works => {
                ready_by.min(now + cx.defaults.settling)
            }
        }
    }

    /// The worker rests without listening, or the time in which it may begin to listen is over.
    pub(super) fn has_settled(&mut self, cx: &mut Context<'_>) {
        if self.listen_history == ListenHistory::Unknown {
            self.listen_history = ListenHistory::Works;
        }
        self.answer_start(cx);
    }

    /// The start is complete.
    pub(super) fn answer_start(&mut self, cx: &mut Context<'_>) {
        if let State::Online { answer_by, .. } = &mut self.state {
            *answer_by = None;
        }
        self.announce_start(cx);
        self.answer_started(cx);
    }

    /// The `start` event, once per registered instance.
    pub(super) fn announce_start(&mut self, cx: &mut Context<'_>) {
        if core::mem::take(&mut self.fresh) {
            cx.publish("start", true, || view::record(self));
        }
    }
}
