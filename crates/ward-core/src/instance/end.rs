//! How lives end, and what follows.

use core::time::Duration;

use crate::action::Action;
use crate::context::Context;
use crate::event::ExitStatus;
use crate::id::Life;
use crate::instance::promises::Goal;
use crate::instance::view::{self, Status};
use crate::instance::{Instance, LastExit, NextGoal, Replacement, State};
use crate::policy::{self, Decision, Exit};
use crate::request::{RequestError, SupersededBy};
use crate::termination::{Progress, StopPolicy, Termination};
use crate::time::Mono;

/// SIGKILL has so long at least, however short the grace period is: a busy kernel needs a moment to
/// take a process down, and one that holds much memory seconds.
const LEAST_PATIENCE: Duration = Duration::from_secs(5);

impl Instance {
    /// How a life of this instance is ended.
    pub(super) fn stop_policy(&self, cx: &Context<'_>) -> StopPolicy {
        let stop = &self.spec.stop;
        let grace = stop.kill_timeout.unwrap_or(cx.defaults.kill_timeout);
        let channel = self.spec.start.ipc || self.is_worker();
        StopPolicy {
            with_message: (stop.with_message || cx.defaults.use_message) && channel,
            signal: stop
                .signal
                .as_deref()
                .and_then(crate::signal::number)
                .unwrap_or(cx.defaults.kill_signal),
            tree: stop.tree,
            grace,
            patience: grace.max(LEAST_PATIENCE),
        }
    }

    /// Asks the running life to end.
    pub(super) fn end(
        &mut self,
        life: Life,
        pid: Option<u32>,
        next_goal: NextGoal,
        cx: &mut Context<'_>,
    ) {
        cx.log(format!("Stopping app:{} id:{}", self.spec.name, self.id));
        let termination = Termination::ask(life, pid, self.stop_policy(cx), cx);
        self.state = State::Stopping {
            termination,
            next_goal,
            asked: true,
        };
    }

    /// Lets a worker finish, then asks it to end.
    pub(super) fn end_drained(
        &mut self,
        life: Life,
        pid: u32,
        next_goal: NextGoal,
        cx: &mut Context<'_>,
    ) {
        cx.log(format!("Stopping app:{} id:{}", self.spec.name, self.id));
        let grace = self.drain_grace(cx);
        let termination = Termination::drain(life, pid, self.stop_policy(cx), grace, cx);
        self.state = State::Stopping {
            termination,
            next_goal,
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
        cx: &mut Context<'_>,
    ) {
        self.remember_exit(status, cx);
        let exit = Exit {
            began,
            ended: cx.now.mono,
            status,
        };
        let reset = cx.defaults.backoff_reset;
        let decision = policy::after_exit(&self.spec.restart, reset, exit, &mut self.history);
        let next_goal = self.follow(decision, cx);
        let stop_policy = self.stop_policy(cx);
        if let Some(termination) = Termination::sweep(life, pid, stop_policy, cx) {
            self.state = State::Stopping {
                termination,
                next_goal,
                asked: false,
            };
        } else {
            cx.release(life);
            self.proceed(next_goal, cx);
        }
    }

    pub(super) fn remember_exit(&mut self, status: ExitStatus, cx: &mut Context<'_>) {
        let signal = match status {
            ExitStatus::Signal(signal) => Some(signal),
            ExitStatus::Code(_) | ExitStatus::Unknown => None,
        };
        let code = policy::exit_code(status);
        self.last_exit = Some(LastExit {
            code,
            signal,
            at: cx.now.wall,
        });
        self.reported.actions.clear();
        self.reported.monitor.clear();
        // PM2 prints code 0 with a signal and SIGINT without one; scripts read these lines.
        let shown = if signal.is_some() {
            0
        } else {
            code.unwrap_or(0)
        };
        let name = crate::signal::name(signal.unwrap_or(crate::signal::INT));
        cx.log(format!(
            "{} exited with code [{shown}] via signal [{name}]",
            self.title()
        ));
    }

    /// Publishes what an unasked exit leads to.
    fn follow(&mut self, decision: Decision, cx: &mut Context<'_>) -> NextGoal {
        match decision {
            Decision::Stay => {
                cx.publish("exit", false, || view::record_as(self, Status::Stopped));
                NextGoal::Stay
            }
            Decision::Restart(delay) => {
                cx.publish("exit", false, || view::record_as(self, Status::Stopped));
                if !delay.is_zero() {
                    let millis = delay.as_millis();
                    cx.log(format!("{} will restart in {millis}ms", self.title()));
                }
                NextGoal::Restart {
                    at: cx.now.mono + delay,
                    delay,
                }
            }
            Decision::GiveUp { unstable } => self.give_up(unstable, cx),
        }
    }

    fn give_up(&mut self, unstable: u32, cx: &mut Context<'_>) -> NextGoal {
        cx.log_error(format!(
            "Script {} had too many unstable restarts ({unstable}). Stopped.",
            self.spec.program.script
        ));
        // The overlimit event still shows the count and the birth of the record; then both go.
        cx.publish("restart overlimit", false, || {
            let mut record = view::record_as(self, Status::Errored);
            record.insert("unstable_restarts".to_owned(), unstable.into());
            record
        });
        self.created_at = None;
        let reason = match &self.reported.trouble {
            Some(trouble) => {
                format!("keep it running: {unstable} short lives in a row, it cannot {trouble}")
            }
            None => format!("keep it running: {unstable} short lives in a row"),
        };
        self.failure = Some(reason.clone());
        cx.publish("exit", false, || view::record_as(self, Status::Errored));
        NextGoal::Fail { reason }
    }

    /// The main process ended because we asked for it.
    pub(super) fn ended_as_asked(&mut self, status: ExitStatus, cx: &mut Context<'_>) {
        // The second life of a cut reload may end in this place, too; it was never the one shown.
        if matches!(self.state, State::Stopping { asked: true, .. }) {
            self.remember_exit(status, cx);
            cx.publish("exit", false, || view::record_as(self, Status::Stopping));
        }
        if let State::Stopping { termination, .. } = &mut self.state {
            let progress = termination.exited(cx);
            self.advance(progress, cx);
        }
    }

    pub(super) fn advance(&mut self, progress: Progress, cx: &mut Context<'_>) {
        match progress {
            Progress::Going => {}
            Progress::Gone => self.finish(cx),
            Progress::Stuck => self.get_stuck(cx),
        }
    }

    /// Nothing of the life is left.
    pub(super) fn finish(&mut self, cx: &mut Context<'_>) {
        let State::Stopping {
            termination,
            next_goal,
            asked,
        } = core::mem::replace(&mut self.state, State::Stopped)
        else {
            unreachable!("only an ending life finishes");
        };
        cx.release(termination.life);
        if asked {
            if let Some(pid) = termination.pid {
                cx.log(format!("pid={pid} msg=process tree killed"));
            }
            cx.publish("exit", false, || view::record_as(self, Status::Stopped));
        }
        self.proceed(next_goal, cx);
    }

    /// Nothing of the main life runs: do what is wanted.
    pub(super) fn proceed(&mut self, next_goal: NextGoal, cx: &mut Context<'_>) {
        let Some(next_goal) = self.after_the_replacement(next_goal, cx) else {
            return;
        };
        match next_goal {
            NextGoal::Stay => self.rest(cx),
            NextGoal::Start { counted } => {
                self.restarts += u32::from(counted);
                self.launch(cx);
            }
            NextGoal::Restart { at, .. } if at <= cx.now.mono => {
                self.restarts += 1;
                self.launch(cx);
            }
            NextGoal::Restart { at, delay } => {
                self.state = State::Waiting { until: at, delay };
                // The start was concluded by an exit; who waited for it learns so now, not after
                // a delay without end.
                self.answer_started(cx);
            }
            NextGoal::Remove => self.forget(cx),
            NextGoal::Fail { reason } => {
                self.failure = Some(reason.clone());
                self.state = State::Errored { reason };
                self.fresh = false;
                self.close_listeners(cx);
                self.answer_started(cx);
                self.answer_stopped(cx);
            }
        }
    }

    /// An instance is at rest only when the second life of a reload is gone, too: its end becomes
    /// the end of the instance. After a crash the successor need not wait for the old worker.
    fn after_the_replacement(
        &mut self,
        next_goal: NextGoal,
        cx: &mut Context<'_>,
    ) -> Option<NextGoal> {
        let crashed = match next_goal {
            NextGoal::Restart { .. } => true,
            NextGoal::Stay | NextGoal::Start { .. } | NextGoal::Remove | NextGoal::Fail { .. } => {
                false
            }
        };
        if crashed || self.replacement.is_none() {
            return Some(next_goal);
        }
        self.cut_reload(SupersededBy::Exit, cx);
        match self.replacement.take() {
            Some(
                Replacement::Discarding { termination, .. }
                | Replacement::Retiring { termination, .. },
            ) => {
                self.state = State::Stopping {
                    termination,
                    next_goal,
                    asked: false,
                };
                None
            }
            Some(Replacement::Starting(_) | Replacement::Draining(_)) | None => Some(next_goal),
        }
    }

    /// It is stopped, for good reasons; why it could not run before is of no interest any more.
    pub(super) fn rest(&mut self, cx: &mut Context<'_>) {
        self.state = State::Stopped;
        self.failure = None;
        self.shortage = None;
        self.close_listeners(cx);
        self.announce_start(cx);
        self.answer_started(cx);
        self.answer_stopped(cx);
    }

    /// The instance is deleted. The supervisor drops it after this turn.
    pub(super) fn forget(&mut self, cx: &mut Context<'_>) {
        self.state = State::Stopped;
        for termination in core::mem::take(&mut self.lingering) {
            cx.release(termination.life);
        }
        self.close_listeners(cx);
        self.answer_started(cx);
        self.answer_stopped(cx);
        cx.publish("delete", true, || view::record(self));
        self.forgotten = true;
        cx.act(Action::Forget { instance: self.id });
        self.answer_gone(Goal::Gone, cx);
    }

    /// SIGKILL did not help: the life goes on without us, and holds the slot.
    fn get_stuck(&mut self, cx: &mut Context<'_>) {
        let State::Stopping { termination, .. } =
            core::mem::replace(&mut self.state, State::Stopped)
        else {
            unreachable!("only an ending life gets stuck");
        };
        let pid = termination.pid.unwrap_or_default();
        let reason = match termination.pid {
            Some(pid) => format!("end process {pid}: it does not die"),
            None => "end it: its start has not come to an end".to_owned(),
        };
        cx.log_error(format!("{} cannot {reason}", self.title()));
        self.lingering.push(termination);
        self.failure = Some(reason.clone());
        let failed = NextGoal::Fail {
            reason: reason.clone(),
        };
        if self.after_the_replacement(failed, cx).is_some() {
            self.state = State::Errored { reason };
            self.close_listeners(cx);
        }
        cx.publish("exit", false, || view::record_as(self, Status::Errored));
        let lingering = RequestError::Lingering {
            instance: self.id,
            pid,
        };
        self.settle(Goal::Up, cx, |_| Err(lingering.clone()));
        self.answer_stopped(cx);
        self.settle(Goal::Gone, cx, |_| Err(lingering.clone()));
    }

    /// Something happened to a life that had been given up.
    pub(super) fn lingering(
        &mut self,
        life: Life,
        cx: &mut Context<'_>,
        event: impl FnOnce(&mut Termination, &mut Context<'_>) -> Progress,
    ) {
        let Some(termination) = self.lingering.iter_mut().find(|it| it.life == life) else {
            return;
        };
        match event(termination, cx) {
            Progress::Gone => {
                self.lingering.retain(|it| it.life != life);
                cx.release(life);
            }
            Progress::Going | Progress::Stuck => {}
        }
    }

    pub(super) fn log_kill(&self, cx: &mut Context<'_>) {
        if let State::Stopping { termination, .. } = &self.state {
            let pid = termination.pid.unwrap_or_default();
            let millis = termination.stop_policy.grace.as_millis();
            cx.log(format!(
                "Process with pid {pid} still alive after {millis}ms, sending SIGKILL to remaining pids..."
            ));
        }
    }
}
