//! How lives begin.

use crate::action::Action;
use crate::id::Life;
use crate::instance::promises::Goal;
use crate::instance::{Heard, Instance, Side, State, Told};
use crate::launch::Launch;
use crate::request::RequestError;
use crate::time::Mono;
use crate::turn::Turn;
use crate::view;

impl Instance {
    /// Begins the next life.
    pub(super) fn launch(&mut self, turn: &mut Turn<'_>) {
        let life = turn.lives.begin(self.id);
        let now = turn.now;
        self.began_at = Some(now.wall);
        self.created_at.get_or_insert(now.wall);
        self.failure = None;
        self.told = Told::default();
        self.state = State::Launching {
            life,
            pid: None,
            began: now.mono,
            ready_by: self.ready_by(turn),
            heard: Heard::default(),
        };
        self.log_start(turn);
        turn.act(Action::Spawn {
            instance: self.id,
            life,
            launch: Box::new(Launch::of(self, life, turn.defaults)),
        });
    }

    pub(super) fn log_start(&self, turn: &mut Turn<'_>) {
        let mode = if self.is_worker() { "cluster" } else { "fork" };
        turn.log(format!("{} starting in -{mode} mode-", self.title()));
    }

    pub(super) fn ready_by(&self, turn: &Turn<'_>) -> Mono {
        let patience = self.spec.start.listen_timeout;
        turn.now.mono + patience.unwrap_or(turn.defaults.listen_timeout)
    }

    /// Answer to `Spawn`: it runs.
    pub(crate) fn spawned(
        &mut self,
        life: Life,
        pid: u32,
        version: Option<String>,
        turn: &mut Turn<'_>,
    ) {
        if self.side.as_ref().is_some_and(|side| side.life() == life) {
            return self.replacement_spawned(pid, version, turn);
        }
        match &mut self.state {
            State::Launching {
                life: current,
                pid: slot @ None,
                heard,
                ..
            } if *current == life => {
                *slot = Some(pid);
                let heard = *heard;
                self.version = version;
                if self.is_ready(heard) {
                    self.come_online(turn);
                }
            }
            State::Stopping { ending, .. } if ending.life == life => ending.born(pid, turn),
            State::Launching { .. }
            | State::Stopping { .. }
            | State::Online { .. }
            | State::Stopped
            | State::Waiting { .. }
            | State::Errored { .. } => {}
        }
    }

    /// Answer to `Spawn`: nothing runs.
    pub(crate) fn spawn_failed(&mut self, life: Life, reason: &str, turn: &mut Turn<'_>) {
        if self.side.as_ref().is_some_and(|side| side.life() == life) {
            return self.replacement_not_spawned(reason, turn);
        }
        match &self.state {
            State::Launching {
                life: current,
                pid: None,
                ..
            } if *current == life => {
                turn.release(life);
                self.errored_at_spawn(reason, turn);
            }
            State::Stopping { ending, .. } if ending.life == life && ending.pid.is_none() => {
                self.finish(turn);
            }
            State::Launching { .. }
            | State::Stopping { .. }
            | State::Online { .. }
            | State::Stopped
            | State::Waiting { .. }
            | State::Errored { .. } => {}
        }
    }

    fn errored_at_spawn(&mut self, reason: &str, turn: &mut Turn<'_>) {
        turn.log_error(format!("{} cannot {reason}", self.title()));
        self.failure = Some(reason.to_owned());
        self.state = State::Errored {
            reason: reason.to_owned(),
        };
        self.fresh = false;
        turn.publish("exit", false, || view::record(self));
        self.settle(Goal::Up, turn, |instance| {
            Err(RequestError::SpawnFailed {
                instance: instance.id,
                reason: reason.to_owned(),
            })
        });
    }
}

impl Side {
    /// The second life.
    pub fn life(&self) -> Life {
        match self {
            Self::Starting(next) => next.life,
            Self::Draining(old) => old.life,
            Self::Discarding { ending, .. } | Self::Retiring { ending, .. } => ending.life,
        }
    }
}
