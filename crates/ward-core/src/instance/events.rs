//! What happens to an instance: one method per event.

use crate::action::Action;
use crate::event::{ExitStatus, Report};
use crate::id::Life;
use crate::instance::{Instance, State, Told};
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
        self.told = Told {
            node_version: self.told.node_version.take(),
            ..Told::default()
        };
        let patience = self.spec.start.listen_timeout;
        self.state = State::Launching {
            life,
            pid: None,
            began: now.mono,
            ready_by: now.mono + patience.unwrap_or(turn.defaults.listen_timeout),
        };
        let mode = if self.is_worker() { "cluster" } else { "fork" };
        turn.log(format!("{} starting in -{mode} mode-", self.title()));
        turn.act(Action::Spawn {
            instance: self.id,
            life,
            launch: Box::new(Launch::of(self, turn.defaults)),
        });
    }

    /// Answer to `Spawn`: it runs.
    pub(crate) fn spawned(
        &mut self,
        life: Life,
        pid: u32,
        version: Option<String>,
        turn: &mut Turn<'_>,
    ) {
        match &mut self.state {
            State::Launching {
                life: current,
                pid: slot @ None,
                ..
            } if *current == life => {
                *slot = Some(pid);
                self.version = version;
                if !self.spec.start.wait_ready && !self.is_worker() {
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
        match &self.state {
            State::Launching {
                life: current,
                pid: None,
                ..
            } if *current == life => {
                turn.release(life);
                self.failure = Some(reason.to_owned());
                turn.log_error(format!("{} cannot {reason}", self.title()));
                self.become_errored(reason.to_owned(), turn);
            }
            State::Stopping { ending, .. } if ending.life == life => self.finish(turn),
            State::Launching { .. }
            | State::Stopping { .. }
            | State::Online { .. }
            | State::Stopped
            | State::Waiting { .. }
            | State::Errored { .. } => {}
        }
    }

    fn become_errored(&mut self, reason: String, turn: &mut Turn<'_>) {
        self.state = State::Errored { reason };
        self.fresh = false;
        turn.publish("exit", false, view::record(self));
        self.settle(super::Goal::Up, turn, |instance| {
            Err(RequestError::SpawnFailed {
                instance: instance.id,
                reason: instance.failure.clone().unwrap_or_default(),
            })
        });
    }

    /// The life of `Launching` is ready, or counts as ready.
    pub(super) fn come_online(&mut self, turn: &mut Turn<'_>) {
        let State::Launching {
            life,
            pid: Some(pid),
            began,
            ..
        } = self.state
        else {
            return;
        };
        // PM2 publishes before it changes the status; programs expect `launching` in this event.
        turn.publish("online", false, view::record(self));
        self.state = State::Online { life, pid, began };
        turn.log(format!("{} online", self.title()));
        self.announce_start(turn);
        self.settle_up(turn);
    }

    /// The `start` event, once per registered instance.
    pub(crate) fn announce_start(&mut self, turn: &mut Turn<'_>) {
        if core::mem::take(&mut self.fresh) {
            turn.publish("start", true, view::record(self));
        }
    }

    /// The app said `ready`.
    pub(crate) fn ready(&mut self, life: Life, turn: &mut Turn<'_>) {
        if self.spec.start.wait_ready && self.is_launching(life) {
            self.come_online(turn);
        }
    }

    /// The worker runs Node, not yet the app.
    pub(crate) fn worker_online(&mut self, life: Life, turn: &mut Turn<'_>) {
        if !self.spec.start.wait_ready && self.is_launching(life) {
            self.come_online(turn);
        }
    }

    /// The worker listens.
    pub(crate) fn listening(&mut self, life: Life, turn: &mut Turn<'_>) {
        self.worker_online(life, turn);
    }

    fn is_launching(&self, life: Life) -> bool {
        match &self.state {
            State::Launching { life: current, .. } => *current == life,
            State::Online { .. }
            | State::Stopping { .. }
            | State::Stopped
            | State::Waiting { .. }
            | State::Errored { .. } => false,
        }
    }

    /// The main process ended.
    pub(crate) fn exited(&mut self, life: Life, status: ExitStatus, turn: &mut Turn<'_>) {
        match &mut self.state {
            State::Launching {
                life: current,
                pid,
                began,
                ..
            } if *current == life => {
                let (pid, began) = (pid.unwrap_or_default(), *began);
                self.died(life, pid, began, status, turn);
            }
            State::Online {
                life: current,
                pid,
                began,
            } if *current == life => {
                let (pid, began) = (*pid, *began);
                self.died(life, pid, began, status, turn);
            }
            State::Stopping { ending, .. } if ending.life == life && !ending.main_gone => {
                self.ended_as_asked(status, turn);
            }
            State::Launching { .. }
            | State::Online { .. }
            | State::Stopping { .. }
            | State::Stopped
            | State::Waiting { .. }
            | State::Errored { .. } => self.lingering_exited(life, turn),
        }
    }

    /// So many processes of the life are alive.
    pub(crate) fn probed(&mut self, life: Life, alive: u32, turn: &mut Turn<'_>) {
        match &mut self.state {
            State::Stopping { ending, .. } if ending.life == life => {
                let progress = ending.probed(alive, turn);
                self.advance(progress, turn);
            }
            State::Launching { .. }
            | State::Online { .. }
            | State::Stopping { .. }
            | State::Stopped
            | State::Waiting { .. }
            | State::Errored { .. } => self.lingering_probed(life, alive, turn),
        }
    }

    /// Time passed.
    pub(crate) fn ticked(&mut self, turn: &mut Turn<'_>) {
        let due = |deadline: Mono| deadline <= turn.now.mono;
        match &mut self.state {
            State::Launching { ready_by, .. } if due(*ready_by) => self.readiness_overdue(turn),
            State::Stopping { ending, .. } => {
                let before = ending.phase;
                let progress = ending.ticked(turn);
                let killed = ending.phase != before;
                if killed {
                    self.log_kill(turn);
                }
                self.advance(progress, turn);
            }
            State::Waiting { until, .. } if due(*until) => {
                self.restarts += 1;
                self.launch(turn);
            }
            State::Launching { .. }
            | State::Waiting { .. }
            | State::Online { .. }
            | State::Stopped
            | State::Errored { .. } => {}
        }
    }

    /// As in PM2, an app that keeps silent counts as ready in the end.
    fn readiness_overdue(&mut self, turn: &mut Turn<'_>) {
        self.come_online(turn);
    }

    /// The app told something about itself.
    pub(crate) fn reported(&mut self, life: Life, report: Report) {
        if self.life() != Some(life) {
            return;
        }
        match report {
            Report::Action(action) => {
                let name = action.get("action_name").cloned();
                let known = |told: &serde_json::Value| told.get("action_name") == name.as_ref();
                if !self.told.actions.iter().any(known) {
                    self.told.actions.push(action);
                }
            }
            Report::Monitor(metrics) => self.told.monitor.extend(metrics),
            Report::Options(options) => {
                if let Some(name) = options.get("name").and_then(serde_json::Value::as_str) {
                    name.clone_into(&mut self.spec.name);
                }
                self.told.options.extend(options);
            }
            Report::NodeVersion(version) => self.told.node_version = Some(version),
        }
    }
}
