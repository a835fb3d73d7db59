//! How lives end, and what follows.

use core::time::Duration;

use crate::action::Action;
use crate::ending::{Ending, Manner, Progress};
use crate::event::ExitStatus;
use crate::id::Life;
use crate::instance::promises::Goal;
use crate::instance::{Instance, LastExit, Side, State, Then};
use crate::policy::{self, Decision, Exit};
use crate::request::RequestError;
use crate::time::Mono;
use crate::turn::Turn;
use crate::view::{self, Status};

/// SIGKILL has so long at least, however short the grace period is: a busy kernel needs a moment to
/// take a process down, and one that holds much memory seconds.
const LEAST_PATIENCE: Duration = Duration::from_secs(5);

impl Instance {
    /// How a life of this instance is ended.
    pub(super) fn manner(&self, turn: &Turn<'_>) -> Manner {
        let stop = &self.spec.stop;
        let grace = stop.kill_timeout.unwrap_or(turn.defaults.kill_timeout);
        let channel = self.spec.start.ipc || self.is_worker();
        Manner {
            with_message: (stop.with_message || turn.defaults.use_message) && channel,
            signal: stop
                .signal
                .as_deref()
                .and_then(crate::signal::number)
                .unwrap_or(turn.defaults.kill_signal),
            tree: stop.tree,
            grace,
            patience: grace.max(LEAST_PATIENCE),
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

    /// Lets a worker finish, then asks it to end.
    pub(super) fn end_drained(&mut self, life: Life, pid: u32, then: Then, turn: &mut Turn<'_>) {
        turn.log(format!("Stopping app:{} id:{}", self.spec.name, self.id));
        let grace = self.spec.cluster.drain_timeout;
        let grace = grace.unwrap_or(turn.defaults.drain_timeout);
        let ending = Ending::drain(life, pid, self.manner(turn), grace, turn);
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

    pub(super) fn remember_exit(&mut self, status: ExitStatus, turn: &mut Turn<'_>) {
        let signal = match status {
            ExitStatus::Signal(signal) => Some(signal),
            ExitStatus::Code(_) | ExitStatus::Unknown => None,
        };
        let code = policy::exit_code(status);
        self.last_exit = Some(LastExit {
            code,
            signal,
            at: turn.now.wall,
        });
        self.told.actions.clear();
        self.told.monitor.clear();
        // PM2 prints code 0 with a signal and SIGINT without one; scripts read these lines.
        let shown = if signal.is_some() {
            0
        } else {
            code.unwrap_or(0)
        };
        let name = crate::signal::name(signal.unwrap_or(crate::signal::INT));
        turn.log(format!(
            "{} exited with code [{shown}] via signal [{name}]",
            self.title()
        ));
    }

    /// Publishes what an unasked exit leads to.
    fn follow(&mut self, decision: Decision, turn: &mut Turn<'_>) -> Then {
        match decision {
            Decision::Stay => {
                turn.publish("exit", false, || view::record_as(self, Status::Stopped));
                Then::Stay
            }
            Decision::Restart(delay) => {
                turn.publish("exit", false, || view::record_as(self, Status::Stopped));
                if !delay.is_zero() {
                    let millis = delay.as_millis();
                    turn.log(format!("{} will restart in {millis}ms", self.title()));
                }
                Then::Restart {
                    at: turn.now.mono + delay,
                    delay,
                }
            }
            Decision::GiveUp { unstable } => self.give_up(unstable, turn),
        }
    }

    fn give_up(&mut self, unstable: u32, turn: &mut Turn<'_>) -> Then {
        turn.log_error(format!(
            "Script {} had too many unstable restarts ({unstable}). Stopped.",
            self.spec.program.script
        ));
        // The overlimit event still shows the count and the birth of the record; then both go.
        turn.publish("restart overlimit", false, || {
            let mut record = view::record_as(self, Status::Errored);
            record.insert("unstable_restarts".to_owned(), unstable.into());
            record
        });
        self.created_at = None;
        let reason = match &self.told.trouble {
            Some(trouble) => {
                format!("keep it running: {unstable} short lives in a row, it cannot {trouble}")
            }
            None => format!("keep it running: {unstable} short lives in a row"),
        };
        self.failure = Some(reason.clone());
        turn.publish("exit", false, || view::record_as(self, Status::Errored));
        Then::Fail { reason }
    }

    /// The main process ended because we asked for it.
    pub(super) fn ended_as_asked(&mut self, status: ExitStatus, turn: &mut Turn<'_>) {
        // The second life of a cut reload may end in this place, too; it was never the one shown.
        if matches!(self.state, State::Stopping { asked: true, .. }) {
            self.remember_exit(status, turn);
            turn.publish("exit", false, || view::record_as(self, Status::Stopping));
        }
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
                turn.log(format!("pid={pid} msg=process tree killed"));
            }
            turn.publish("exit", false, || view::record_as(self, Status::Stopped));
        }
        self.proceed(then, turn);
    }

    /// Nothing of the main life runs: do what is wanted.
    pub(super) fn proceed(&mut self, then: Then, turn: &mut Turn<'_>) {
        let Some(then) = self.after_the_side(then, turn) else {
            return;
        };
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

    /// An instance is at rest only when the second life of a reload is gone, too: its end becomes
    /// the end of the instance. After a crash the successor need not wait for the old worker.
    fn after_the_side(&mut self, then: Then, turn: &mut Turn<'_>) -> Option<Then> {
        let crashed = match then {
            Then::Restart { .. } => true,
            Then::Stay | Then::Start { .. } | Then::Remove | Then::Fail { .. } => false,
        };
        if crashed || self.side.is_none() {
            return Some(then);
        }
        self.cut_reload(turn);
        match self.side.take() {
            Some(Side::Discarding { ending, .. } | Side::Retiring { ending, .. }) => {
                self.state = State::Stopping {
                    ending,
                    then,
                    asked: false,
                };
                None
            }
            Some(Side::Starting(_) | Side::Draining(_)) | None => Some(then),
        }
    }

    /// It is stopped, for good reasons; why it could not run before is of no interest any more.
    pub(super) fn rest(&mut self, turn: &mut Turn<'_>) {
        self.state = State::Stopped;
        self.failure = None;
        self.announce_start(turn);
        self.settle_up(turn);
        self.settle_down(turn);
    }

    /// The instance is deleted. The supervisor drops it after this turn.
    pub(super) fn forget(&mut self, turn: &mut Turn<'_>) {
        self.state = State::Stopped;
        self.settle_up(turn);
        self.settle_down(turn);
        for ending in core::mem::take(&mut self.lingering) {
            turn.release(ending.life);
        }
        turn.publish("delete", true, || view::record(self));
        self.forgotten = true;
        turn.act(Action::Forget { instance: self.id });
        self.settle_gone(Goal::Gone, turn);
    }

    /// SIGKILL did not help: the life goes on without us, and holds the slot.
    fn get_stuck(&mut self, turn: &mut Turn<'_>) {
        let State::Stopping { ending, .. } = core::mem::replace(&mut self.state, State::Stopped)
        else {
            unreachable!("only an ending life gets stuck");
        };
        let pid = ending.pid.unwrap_or_default();
        let reason = format!("end process {pid}: it does not die");
        turn.log_error(format!("{} cannot {reason}", self.title()));
        self.lingering.push(ending);
        self.failure = Some(reason.clone());
        let failed = Then::Fail {
            reason: reason.clone(),
        };
        if self.after_the_side(failed, turn).is_some() {
            self.state = State::Errored { reason };
        }
        turn.publish("exit", false, || view::record_as(self, Status::Errored));
        let lingering = RequestError::Lingering {
            instance: self.id,
            pid,
        };
        self.settle(Goal::Up, turn, |_| Err(lingering.clone()));
        self.settle_down(turn);
        self.settle(Goal::Gone, turn, |_| Err(lingering.clone()));
    }

    /// Something happened to a life that had been given up.
    pub(super) fn lingering(
        &mut self,
        life: Life,
        turn: &mut Turn<'_>,
        event: impl FnOnce(&mut Ending, &mut Turn<'_>) -> Progress,
    ) {
        let Some(ending) = self.lingering.iter_mut().find(|it| it.life == life) else {
            return;
        };
        match event(ending, turn) {
            Progress::Gone => {
                self.lingering.retain(|it| it.life != life);
                turn.release(life);
            }
            Progress::Going | Progress::Stuck => {}
        }
    }

    pub(super) fn log_kill(&self, turn: &mut Turn<'_>) {
        if let State::Stopping { ending, .. } = &self.state {
            let pid = ending.pid.unwrap_or_default();
            let millis = ending.manner.grace.as_millis();
            turn.log(format!(
                "Process with pid {pid} still alive after {millis}ms, sending SIGKILL to remaining pids..."
            ));
        }
    }
}
