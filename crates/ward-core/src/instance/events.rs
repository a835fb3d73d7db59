//! What happens to an instance while it runs and ends: one method per event.

use serde_json::{Map, Value};

use crate::ending::Ending;
use crate::event::{ExitStatus, Report};
use crate::id::Life;
use crate::instance::{Instance, Side, State, Told};
use crate::turn::Turn;

impl Instance {
    fn is_beside(&self, life: Life) -> bool {
        self.side.as_ref().is_some_and(|side| side.life() == life)
    }

    /// The main process ended.
    pub(crate) fn exited(&mut self, life: Life, status: ExitStatus, turn: &mut Turn<'_>) {
        if self.is_beside(life) {
            return self.side_exited(status, turn);
        }
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
                ..
            } if *current == life => {
                let (pid, began) = (*pid, *began);
                if !self.succeed_early(life, pid, status, turn) {
                    self.died(life, pid, began, status, turn);
                }
            }
            State::Stopping { ending, .. } if ending.life == life && !ending.main_gone => {
                self.ended_as_asked(status, turn);
            }
            State::Launching { .. }
            | State::Online { .. }
            | State::Stopping { .. }
            | State::Stopped
            | State::Waiting { .. }
            | State::Errored { .. } => {
                self.lingering(life, turn, Ending::exited);
            }
        }
    }

    /// So many processes of the life are alive.
    pub(crate) fn probed(&mut self, life: Life, alive: u32, turn: &mut Turn<'_>) {
        if self.is_beside(life) {
            return self.side_probed(alive, turn);
        }
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
            | State::Errored { .. } => {
                self.lingering(life, turn, |ending, turn| ending.probed(alive, turn));
            }
        }
    }

    /// Time passed.
    pub(crate) fn ticked(&mut self, turn: &mut Turn<'_>) {
        self.planned_restart(turn);
        self.side_ticked(turn);
        let now = turn.now.mono;
        match &mut self.state {
            State::Launching { ready_by, .. } if *ready_by <= now => self.readiness_overdue(turn),
            State::Online {
                answer_by, calm_at, ..
            } => {
                if calm_at.is_some_and(|at| at <= now) {
                    *calm_at = None;
                    self.history.delay = None;
                }
                if answer_by.is_some_and(|at| at <= now) {
                    self.has_settled(turn);
                }
            }
            State::Stopping { ending, .. } => {
                let before = ending.phase;
                let progress = ending.ticked(turn);
                if ending.phase != before {
                    self.log_kill(turn);
                }
                self.advance(progress, turn);
            }
            State::Waiting { until, .. } if *until <= now => {
                self.restarts += 1;
                self.launch(turn);
            }
            State::Launching { .. }
            | State::Waiting { .. }
            | State::Stopped
            | State::Errored { .. } => {}
        }
    }

    /// As in PM2, an app that keeps silent counts as ready in the end.
    fn readiness_overdue(&mut self, turn: &mut Turn<'_>) {
        let later = self.ready_by(turn);
        match &mut self.state {
            // The spawn is not answered yet; nothing can be concluded from silence.
            State::Launching {
                pid: None,
                ready_by,
                ..
            } => *ready_by = later,
            State::Launching { pid: Some(_), .. } => self.come_online(turn),
            State::Online { .. }
            | State::Stopping { .. }
            | State::Stopped
            | State::Waiting { .. }
            | State::Errored { .. } => {}
        }
    }

    /// The app told something about itself.
    pub(crate) fn reported(&mut self, life: Life, report: Report) {
        if let Some(Side::Starting(next)) = &mut self.side
            && next.life == life
        {
            next.told.take_in(report);
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
        self.told.take_in(report);
    }
}

/// So many actions, metrics and options of an instance are kept. One that makes up names without
/// end, such as a metric per request, would otherwise grow the daemon and every list.
const FACTS: usize = 512;

/// Known ones get their new value; new ones are taken while there is room.
fn take_facts(known: &mut Map<String, Value>, told: Map<String, Value>) {
    for (name, value) in told {
        if known.len() < FACTS || known.contains_key(&name) {
            known.insert(name, value);
        }
    }
}

impl Told {
    fn take_in(&mut self, report: Report) {
        match report {
            Report::Action(action) => {
                let name = action.get("action_name").cloned();
                let known = |told: &Value| told.get("action_name") == name.as_ref();
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
        let mut told = Told::default();
        for number in 0..2 * FACTS {
            let name = format!("request {number}");
            let metric = Map::from_iter([(name.clone(), number.into())]);
            told.take_in(Report::Monitor(metric));
            told.take_in(Report::Action(serde_json::json!({ "action_name": name })));
        }
        assert_eq!((told.monitor.len(), told.actions.len()), (FACTS, FACTS));
        told.take_in(Report::Monitor(Map::from_iter([(
            "request 0".to_owned(),
            "new".into(),
        )])));
        assert_eq!(told.monitor["request 0"], "new");
    }
}
