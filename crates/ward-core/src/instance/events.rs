//! What happens to an instance while it runs and ends: one method per event.

use serde_json::{Map, Value};

use crate::context::Context;
use crate::event::{ExitStatus, Report};
use crate::id::Life;
use crate::instance::{AppReport, Instance, Replacement, State};
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
                self.restarts += 1;
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

    /// The app told something about itself.
    pub(crate) fn reported(&mut self, life: Life, report: Report) {
        if let Some(Replacement::Starting(next)) = &mut self.replacement
            && next.life == life
        {
            next.reported.take_in(report);
            return;
        }
        if self.life() != Some(life) {
            return;
        }
        if let Report::Options(options) = &report
            && let Some(name) = options.get("name").and_then(Value::as_str)
        {
            name.clone_into(&mut self.spec.name);
        }
        if let Report::Trouble(trouble) = &report {
            self.failure = Some(trouble.clone());
        }
        self.reported.take_in(report);
    }
}

/// So many actions, metrics and options of an instance are kept. One that makes up names without
/// end, such as a metric per request, would otherwise grow the daemon and every list.
const FACTS: usize = 512;

/// Known ones get their new value; new ones are taken while there is room.
fn take_facts(known: &mut Map<String, Value>, reported: Map<String, Value>) {
    for (name, value) in reported {
        if known.len() < FACTS || known.contains_key(&name) {
            known.insert(name, value);
        }
    }
}

impl AppReport {
    fn take_in(&mut self, report: Report) {
        match report {
            Report::Action(action) => {
                let name = action.get("action_name").cloned();
                let known = |reported: &Value| reported.get("action_name") == name.as_ref();
                if self.actions.len() < FACTS && !self.actions.iter().any(known) {
                    self.actions.push(action);
                }
            }
            Report::Monitor(metrics) => take_facts(&mut self.monitor, metrics),
            Report::Options(options) => take_facts(&mut self.options, options),
            Report::NodeVersion(version) => self.node_version = Some(version),
            Report::Retraction => {
                self.monitor.clear();
                self.options.clear();
                self.actions
                    .retain(|action| action.get("action_type") != Some(&"internal".into()));
            }
            Report::Trouble(trouble) => self.trouble = Some(trouble),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_end_are_not_kept_and_known_ones_are_still_told() {
        let mut reported = AppReport::default();
        for number in 0..2 * FACTS {
            let name = format!("request {number}");
            let metric = Map::from_iter([(name.clone(), number.into())]);
            reported.take_in(Report::Monitor(metric));
            reported.take_in(Report::Action(serde_json::json!({ "action_name": name })));
        }
        assert_eq!(
            (reported.monitor.len(), reported.actions.len()),
            (FACTS, FACTS)
        );
        reported.take_in(Report::Monitor(Map::from_iter([(
            "request 0".to_owned(),
            "new".into(),
        )])));
        assert_eq!(reported.monitor["request 0"], "new");
    }
}
