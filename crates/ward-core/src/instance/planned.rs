//! Restarts nobody asked for: by the calendar, and for too much memory.

use crate::context::Context;
use crate::cron::Planned;
use crate::id::Life;
use crate::instance::{Instance, State};

impl Instance {
    /// Plans the next restart after the declaration came to be or changed.
    pub(super) fn plan(&mut self, cx: &mut Context<'_>) {
        let cron = self.spec.restart.cron.as_ref();
        match Planned::next(cron, cx.now, &cx.defaults.zone) {
            Ok(planned) => {
                let pattern = |planned: &Option<Planned>| {
                    planned.as_ref().map(|planned| planned.pattern.clone())
                };
                if pattern(&planned) == pattern(&self.planned) {
                    return;
                }
                let id = self.id;
                cx.log(if planned.is_some() {
                    format!("[PM2][WORKER] Registering a cron job on: {id}")
                } else {
                    format!("[PM2] Deregistering a cron job on: {id}")
                });
                self.planned = planned;
            }
            Err(bad) => {
                cx.log_error(format!("{} {bad}", self.title()));
                self.planned = None;
            }
        }
    }

    /// The wall clock was set, or the machine slept. What became due meanwhile is due now.
    pub(crate) fn replan(&mut self, cx: &mut Context<'_>) {
        let now = cx.now;
        let Some(planned) = &mut self.planned else {
            return;
        };
        if planned.due <= now.wall {
            planned.at = now.mono;
        } else if let Ok(next) =
            Planned::next(self.spec.restart.cron.as_ref(), now, &cx.defaults.zone)
        {
            self.planned = next;
        }
    }

    /// Time passed: is a planned restart due?
    pub(super) fn planned_restart(&mut self, cx: &mut Context<'_>) {
        let now = cx.now;
        if !self.planned.as_mut().is_some_and(|it| it.is_due(now)) {
            return;
        }
        self.planned = None;
        let cron = self.spec.restart.cron.as_ref();
        if let Ok(next) = Planned::next(cron, now, &cx.defaults.zone) {
            self.planned = next;
        }
        cx.log(format!(
            "[PM2][WORKER] Planned restart of app {} id:{}",
            self.spec.name, self.id
        ));
        // As in PM2, a job that is not running is started: people schedule jobs that way.
        self.renew(cx);
    }

    /// A worker that serves is replaced without losing work, which a reload under way does already;
    /// anything else is restarted.
    fn renew(&mut self, cx: &mut Context<'_>) {
        let serves = self.is_worker() && matches!(self.state, State::Online { .. });
        if !serves {
            self.restart_now(None, cx);
        } else if self.replacement.is_none() {
            self.replace_worker(None, false, None, cx);
        }
    }

    /// A sample of the tree of a life.
    pub(crate) fn sampled(&mut self, life: Life, memory_bytes: u64, cx: &mut Context<'_>) {
        let Some(limit) = self.spec.restart.max_memory else {
            return;
        };
        let running = match &self.state {
            State::Online { life: current, .. } => *current == life,
            State::Launching { .. }
            | State::Stopping { .. }
            | State::Stopped
            | State::Waiting { .. }
            | State::Errored { .. } => false,
        };
        let done = self.heavy == Some(life) || self.replacement.is_some();
        if !running || done || memory_bytes <= limit {
            return;
        }
        self.heavy = Some(life);
        cx.log(format!(
            "[PM2][WORKER] Process {} restarted because it exceeds --max-memory-restart value \
             (current_memory={memory_bytes} max_memory_limit={limit} [octets])",
            self.id
        ));
        self.renew(cx);
    }
}
