//! When a life is ready.

use serde::{Deserialize, Serialize};

use crate::id::Life;
use crate::instance::{Instance, Side, State};
use crate::time::Mono;
use crate::turn::Turn;
use crate::view;

/// What is known of a program as a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Habit {
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
pub struct Heard {
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
pub(crate) enum Word {
    Online,
    Listening,
    Ready,
    Settled,
}

impl Heard {
    fn hear(&mut self, word: Word) {
        match word {
            Word::Online => self.online = true,
            Word::Listening => (self.online, self.listening) = (true, true),
            Word::Ready => self.ready = true,
            Word::Settled => self.settled = true,
        }
    }
}

impl Instance {
    /// A life said something about its readiness.
    pub(crate) fn heard(&mut self, life: Life, word: Word, turn: &mut Turn<'_>) {
        if let Some(Side::Starting(next)) = &mut self.side
            && next.life == life
        {
            next.heard.hear(word);
            // One that never listens has only to prove that it does not die at once.
            if word == Word::Online && self.habit == Habit::Works && !self.spec.start.wait_ready {
                next.ready_by = next.ready_by.min(turn.now.mono + turn.defaults.settling);
            }
            if self.replacement_is_ready() {
                self.promote(turn);
            }
            return;
        }
        match &mut self.state {
            State::Launching {
                life: current,
                heard,
                ..
            } if *current == life => {
                heard.hear(word);
                let heard = *heard;
                if self.is_ready(heard) {
                    self.come_online(turn);
                }
            }
            State::Online {
                life: current,
                listening,
                ..
            } if *current == life && word == Word::Listening => {
                *listening = true;
                self.habit = Habit::Listens;
                self.answer_start(turn);
            }
            // One that is known to listen is late, and waited for.
            State::Online {
                life: current,
                answer_by: Some(_),
                ..
            } if *current == life && word == Word::Settled && self.habit != Habit::Listens => {
                self.has_settled(turn);
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
    pub(crate) fn found_alone(&mut self, life: Life, reason: String, turn: &mut Turn<'_>) {
        if let Some(Side::Starting(next)) = &self.side
            && next.life == life
        {
            let reason = format!("its successor cannot be a worker of the cluster: {reason}");
            return self.discard(Some(reason), turn);
        }
        if self.life() != Some(life) {
            return;
        }
        turn.log(format!("{} runs in fork mode: {reason}", self.title()));
        self.alone = Some(reason);
        match &self.state {
            State::Launching {
                pid: Some(_),
                heard,
                ..
            } if self.is_ready(*heard) => self.come_online(turn),
            State::Online { .. } => self.answer_start(turn),
            State::Launching { .. }
            | State::Stopping { .. }
            | State::Stopped
            | State::Waiting { .. }
            | State::Errored { .. } => {}
        }
    }

    /// Whether a first life is ready: a process exists, a worker runs Node, or the app said so.
    pub(super) fn is_ready(&self, heard: Heard) -> bool {
        if self.spec.start.wait_ready {
            heard.ready
        } else {
            !self.is_worker() || heard.online
        }
    }

    /// Whether the replacement can take over: it listens, and said `ready` where that is awaited.
    /// A worker that has never listened need not begin now when its `ready` is the better sign.
    pub(super) fn replacement_is_ready(&self) -> bool {
        let Some(Side::Starting(next)) = &self.side else {
            return false;
        };
        let heard = next.heard;
        if next.pid.is_none() {
            false
        } else if self.spec.start.wait_ready {
            heard.ready && (heard.listening || self.habit != Habit::Listens)
        } else {
            // Of one that never listens nothing more will be heard.
            heard.listening || (heard.online && heard.settled && self.habit == Habit::Works)
        }
    }

    /// Whether a replacement that ran out of time may take over: it runs, and nothing that the
    /// old one did is missing. Workers that only work, and never listen, are replaced this way.
    pub(super) fn replacement_will_do(&self) -> bool {
        let Some(Side::Starting(next)) = &self.side else {
            return false;
        };
        let heard = next.heard;
        next.pid.is_some()
            && heard.online
            && (heard.listening || self.habit != Habit::Listens)
            && (heard.ready || !self.spec.start.wait_ready)
    }

    /// The life of `Launching` is ready, or counts as ready.
    pub(super) fn come_online(&mut self, turn: &mut Turn<'_>) {
        let State::Launching {
            life,
            pid: Some(pid),
            began,
            ready_by,
            heard,
        } = self.state
        else {
            return;
        };
        // PM2 publishes before it changes the status; programs expect `launching` in this event.
        turn.publish("online", false, || view::record(self));
        let listening = heard.listening;
        if heard.settled && self.habit == Habit::Unknown {
            self.habit = Habit::Works;
        }
        let settled = !self.is_worker()
            || listening
            || self.spec.start.wait_ready
            || self.habit == Habit::Works;
        self.state = State::Online {
            life,
            pid,
            began,
            listening,
            answer_by: (!settled).then(|| self.answer_by(ready_by, turn)),
            calm_at: self
                .history
                .delay
                .map(|_| began + turn.defaults.backoff_reset),
        };
        if listening {
            self.habit = Habit::Listens;
        }
        turn.log(format!("{} online", self.title()));
        if settled {
            self.answer_start(turn);
        }
    }

    fn answer_by(&self, ready_by: Mono, turn: &Turn<'_>) -> Mono {
        let now = turn.now.mono;
        match self.habit {
            Habit::Listens => ready_by.max(now),
            Habit::Unknown | Habit::Works => ready_by.min(now + turn.defaults.settling),
        }
    }

    /// The worker rests without listening, or the time in which it may begin to listen is over.
    pub(super) fn has_settled(&mut self, turn: &mut Turn<'_>) {
        if self.habit == Habit::Unknown {
            self.habit = Habit::Works;
        }
        self.answer_start(turn);
    }

    /// The start is complete.
    pub(super) fn answer_start(&mut self, turn: &mut Turn<'_>) {
        if let State::Online { answer_by, .. } = &mut self.state {
            *answer_by = None;
        }
        self.announce_start(turn);
        self.settle_up(turn);
    }

    /// The `start` event, once per registered instance.
    pub(super) fn announce_start(&mut self, turn: &mut Turn<'_>) {
        if core::mem::take(&mut self.fresh) {
            turn.publish("start", true, || view::record(self));
        }
    }
}
