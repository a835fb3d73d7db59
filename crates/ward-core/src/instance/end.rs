//! How lives end, and what follows.

use crate::ending::{Ending, Manner, Progress};
use crate::event::ExitStatus;
use crate::id::Life;
use crate::instance::{Goal, Instance, State, Then};
use crate::policy::{self, Decision, Exit};
use crate::request::{Outcome, RequestError};
use crate::time::Mono;
use crate::turn::Turn;
use crate::view::{self, Status};

impl Instance {
    /// How a life of this instance is ended.
    pub(super) fn manner(&self, turn: &Turn<'_>) -> Manner {
        let stop = &self.spec.stop;
        let grace = stop.kill_timeout.unwrap_or(turn.defaults.kill_timeout);
        Manner {
            with_message: (stop.with_message || turn.defaults.use_message) && self.spec.start.ipc,
            signal: stop
                .signal
                .as_deref()
                .and_then(crate::signal::number)
                .unwrap_or(turn.defaults.kill_signal),
            tree: stop.tree,
            grace,
            patience: grace,
        }
    }

    /// Asks the running life to end.
    pub(super) fn end(&mut self, life: Life, pid: Option<u32>, then: Then, turn: &mut Turn<'_>) {
        turn.log(format!("Stopping app:{} id:{}", self.spec.name, self.id));
        let ending = Ending::ask(life, pid, self.manner(turn), turn);
        self.state = State::Stopping {
            ending,
            then,
            asked: true,
        };
    }

    /// The main process ended and nobody had asked for it.
    pub(super) fn died(
        &mut self,
        life: Life,
        pid: u32,
        began: Mono,
        status: ExitStatus,
        turn: &mut Turn<'_>,
    ) {
        self.remember_exit(status, turn);
        let exit = Exit {
            began,
            ended: turn.now.mono,
            status,
        };
        let reset = turn.defaults.backoff_reset;
        let decision = policy::after_exit(&self.spec.restart, reset, exit, &mut self.history);
        let then = self.follow(decision, turn);
        let manner = self.manner(turn);
        if let Some(ending) = Ending::sweep(life, pid, manner, turn) {
            self.state = State::Stopping {
                ending,
                then,
                asked: false,
            };
        } else {
            turn.release(life);
            self.proceed(then, turn);
        }
    }

    /// Publishes what an unasked exit leads to.
    fn follow(&mut self, decision: Decision, turn: &mut Turn<'_>) -> Then {
        match decision {
            Decision::Stay => {
                turn.publish("exit", false, view::record_as(self, Status::Stopped));
                Then::Stay
            }
            Decision::Restart(delay) => {
                turn.publish("exit", false, view::record_as(self, Status::Stopped));
                if !delay.is_zero() {
                    let millis = delay.as_millis();
                    turn.log(format!("{} will restart in {millis}ms", self.title()));
                }
                Then::Restart {
                    at: turn.now.mono + delay,
                    delay,
                }
            }
            Decision::GiveUp { unstable } => {
                turn.log_error(format!(
                    "Script {} had too many unstable restarts ({unstable}). Stopped.",
                    self.spec.program.script
                ));
                self.created_at = None;
                let mut record = view::record_as(self, Status::Errored);
                record.insert("unstable_restarts".to_owned(), unstable.into());
                turn.publish("restart overlimit", false, record);
                turn.publish("exit", false, view::record_as(self, Status::Errored));
                Then::Fail {
                    reason: format!("keep it running: {unstable} unstable lives in a row"),
                }
            }
        }
    }

    /// The main process ended because we asked for it.
    pub(super) fn ended_as_asked(&mut self, status: ExitStatus, turn: &mut Turn<'_>) {
        self.remember_exit(status, turn);
        turn.publish("exit", false, view::record_as(self, Status::Stopping));
        if let State::Stopping { ending, .. } = &mut self.state {
            let progress = ending.exited(turn);
            self.advance(progress, turn);
        }
    }

    pub(super) fn advance(&mut self, progress: Progress, turn: &mut Turn<'_>) {
        match progress {
            Progress::Going => {}
            Progress::Gone => self.finish(turn),
            Progress::Stuck => self.get_stuck(turn),
        }
    }

    /// Nothing of the life is left.
    pub(super) fn finish(&mut self, turn: &mut Turn<'_>) {
        let State::Stopping {
            ending,
            then,
            asked,
        } = core::mem::replace(&mut self.state, State::Stopped)
        else {
            unreachable!("only an ending life finishes");
        };
        turn.release(ending.life);
        if asked {
            if let Some(pid) = ending.pid {
                turn.log(format!("pid={pid} msg=process killed"));
            }
            turn.publish("exit", false, view::record_as(self, Status::Stopped));
        }
        self.proceed(then, turn);
    }

    /// Nothing runs: do what is wanted.
    fn proceed(&mut self, then: Then, turn: &mut Turn<'_>) {
        match then {
            Then::Stay => self.rest(turn),
            Then::Start { counted } => {
                self.restarts += u32::from(counted);
                self.launch(turn);
            }
            Then::Restart { at, .. } if at <= turn.now.mono => {
                self.restarts += 1;
                self.launch(turn);
            }
            Then::Restart { at, delay } => {
                self.state = State::Waiting { until: at, delay };
                // The start was concluded by an exit; who waited for it learns so now, not after
                // a delay without end.
                self.settle_up(turn);
            }
            Then::Remove => self.forget(turn),
            Then::Fail { reason } => {
                self.failure = Some(reason.clone());
                self.state = State::Errored { reason };
                self.fresh = false;
                self.settle_up(turn);
                self.settle_down(turn);
            }
        }
    }

    /// It is stopped, for good reasons.
    pub(super) fn rest(&mut self, turn: &mut Turn<'_>) {
        self.state = State::Stopped;
        self.announce_start(turn);
        self.settle_up(turn);
        self.settle_down(turn);
    }

    pub(super) fn settle_down(&mut self, turn: &mut Turn<'_>) {
        self.settle(Goal::Down, turn, |instance| {
            Ok(Outcome::Gone(Box::new(view::process(instance))))
        });
    }

    /// The instance is deleted. The supervisor drops it after this turn.
    pub(super) fn forget(&mut self, turn: &mut Turn<'_>) {
        self.state = State::Stopped;
        self.settle_up(turn);
        self.settle_down(turn);
        self.settle(Goal::Gone, turn, |instance| {
            Ok(Outcome::Gone(Box::new(view::process(instance))))
        });
        if let Some(ending) = self.lingering.take() {
            turn.release(ending.life);
        }
        turn.publish("delete", true, view::record(self));
        self.forgotten = true;
        turn.act(crate::action::Action::Forget { instance: self.id });
    }

    /// SIGKILL did not help: the life goes on without us, and holds the slot.
    fn get_stuck(&mut self, turn: &mut Turn<'_>) {
        let State::Stopping { ending, then, .. } =
            core::mem::replace(&mut self.state, State::Stopped)
        else {
            unreachable!("only an ending life gets stuck");
        };
        let pid = ending.pid.unwrap_or_default();
        let reason = format!("end process {pid}: it does not die");
        turn.log_error(format!("{} cannot {reason}", self.title()));
        self.lingering = Some(ending);
        self.failure = Some(reason.clone());
        self.state = State::Errored { reason };
        let lingering = RequestError::Lingering {
            instance: self.id,
            pid,
        };
        turn.publish("exit", false, view::record(self));
        self.settle(Goal::Up, turn, |_| Err(lingering.clone()));
        self.settle_down(turn);
        self.settle(Goal::Gone, turn, |_| Err(lingering.clone()));
        drop(then);
    }

    /// The exit of a life we had given up.
    pub(super) fn lingering_exited(&mut self, life: Life, turn: &mut Turn<'_>) {
        let Some(ending) = self.lingering.as_mut().filter(|it| it.life == life) else {
            return;
        };
        if ending.exited(turn) == Progress::Gone {
            self.stop_lingering(turn);
        }
    }

    pub(super) fn lingering_probed(&mut self, life: Life, alive: u32, turn: &mut Turn<'_>) {
        let Some(ending) = self.lingering.as_mut().filter(|it| it.life == life) else {
            return;
        };
        if ending.probed(alive, turn) == Progress::Gone {
            self.stop_lingering(turn);
        }
    }

    fn stop_lingering(&mut self, turn: &mut Turn<'_>) {
        if let Some(ending) = self.lingering.take() {
            turn.release(ending.life);
        }
    }

    pub(super) fn log_kill(&self, turn: &mut Turn<'_>) {
        let State::Stopping { ending, .. } = &self.state else {
            return;
        };
        let pid = ending.pid.unwrap_or_default();
        let millis = ending.manner.grace.as_millis();
        turn.log(format!(
            "Process with pid {pid} still alive after {millis}ms, sending SIGKILL to remaining pids..."
        ));
    }
}
