//! What happens to an instance while it runs and ends: one method per event.

use core::time::Duration;

use crate::action::{Action, Scope};
use crate::context::Context;
use crate::event::ExitStatus;
use crate::id::Life;
use crate::instance::{Instance, State};
use crate::termination::Termination;

impl Instance {
    fn is_beside(&self, life: Life) -> bool {
        self.replacement
            .as_ref()
            .is_some_and(|replacement| replacement.life() == life)
    }

    /// The main process ended.
    pub(crate) fn exited(&mut self, life: Life, status: ExitStatus, cx: &mut Context<'_>) {
        if self.is_beside(life) {
            return self.replacement_exited(status, cx);
        }
        match &mut self.state {
            State::Launching {
                life: current,
                pid,
                began,
                ..
            } if *current == life => {
                let (pid, began) = (pid.unwrap_or_default(), *began);
                self.died(life, pid, began, status, cx);
            }
            State::Online {
                life: current,
                pid,
                began,
                ..
            } if *current == life => {
                let (pid, began) = (*pid, *began);
                if !self.succeed_early(life, pid, status, cx) {
                    self.died(life, pid, began, status, cx);
                }
            }
            State::Stopping { termination, .. }
                if termination.life == life && !termination.main_gone =>
            {
                self.ended_as_asked(status, cx);
            }
            State::Launching { .. }
            | State::Online { .. }
            | State::Stopping { .. }
            | State::Stopped
            | State::Waiting { .. }
            | State::Errored { .. } => {
                self.lingering(life, cx, Termination::exited);
            }
        }
    }

    /// A worker that is stopped keeps others waiting. What is left is to kill it; what follows is
    /// what follows on its end.
    pub(crate) fn hung(&mut self, life: Life, silent_for: Duration, cx: &mut Context<'_>) {
        let runs = self.life() == Some(life) && self.pid().is_some();
        if !runs && !self.is_beside(life) {
            return;
        }
        cx.log_error(format!(
            "{} worker of life {life} is stopped (SIGSTOP?) and has answered nothing for {:.1} s: it is killed, and others take its connections",
            self.title(),
            silent_for.as_secs_f64()
        ));
        cx.act(Action::Kill {
            life,
            scope: Scope::Main,
        });
    }

    /// So many processes of the life are alive.
    pub(crate) fn probed(&mut self, life: Life, alive: u32, cx: &mut Context<'_>) {
        if self.is_beside(life) {
            return self.replacement_probed(alive, cx);
        }
        match &mut self.state {
            State::Stopping { termination, .. } if termination.life == life => {
                let progress = termination.probed(alive, cx);
                self.advance(progress, cx);
            }
            State::Launching { .. }
            | State::Online { .. }
            | State::Stopping { .. }
            | State::Stopped
            | State::Waiting { .. }
            | State::Errored { .. } => {
                self.lingering(life, cx, |termination, cx| termination.probed(alive, cx));
            }
        }
    }

    /// Time passed.
    pub(crate) fn ticked(&mut self, cx: &mut Context<'_>) {
        self.planned_restart(cx);
        self.replacement_ticked(cx);
        let now = cx.now.mono;
        match &mut self.state {
            State::Launching { ready_by, .. } if *ready_by <= now => self.readiness_overdue(cx),
            State::Online {
                answer_by, calm_at, ..
            } => {
                if calm_at.is_some_and(|at| at <= now) {
                    *calm_at = None;
                    self.history.delay = None;
                }
                if answer_by.is_some_and(|at| at <= now) {
                    self.has_settled(cx);
                }
            }
            State::Stopping { termination, .. } => {
                let before = termination.phase;
                let progress = termination.ticked(cx);
                if termination.phase != before {
                    self.log_kill(cx);
                }
                self.advance(progress, cx);
            }
            State::Waiting { until, .. } if *until <= now => {
                // A start that had to wait was counted when it was tried first.
                self.restarts += u32::from(self.shortage.is_none());
                self.launch(cx);
            }
            State::Launching { .. }
            | State::Waiting { .. }
            | State::Stopped
            | State::Errored { .. } => {}
        }
    }

    /// As in PM2, an app that keeps silent counts as ready in the end.
    fn readiness_overdue(&mut self, cx: &mut Context<'_>) {
        let later = self.ready_by(cx);
        match &mut self.state {
            // The spawn is not answered yet; nothing can be concluded from silence.
            State::Launching {
                pid: None,
                ready_by,
                ..
            } => *ready_by = later,
            State::Launching { pid: Some(_), .. } => self.come_online(cx),
            State::Online { .. }
            | State::Stopping { .. }
            | State::Stopped
            | State::Waiting { .. }
            | State::Errored { .. } => {}
        }
    }
}
