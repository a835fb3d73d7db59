//! What is told about an app, and by whom: PM2's library or the app itself, ward's agent inside a
//! worker as long as nobody else speaks, and the daemon.

use serde_json::{Map, Value};

use crate::action::Action;
use crate::context::Context;
use crate::event::{Report, ReportSource};
use crate::id::Life;
use crate::instance::{AppReport, Instance, Replacement};

/// So many actions, metrics and options of an instance are kept. One that makes up names without
/// end, such as a metric per request, would otherwise grow the daemon and every list.
const FACTS: usize = 512;

/// What becomes of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judgement {
    Taken,
    /// They are taken, and the agent is not needed any more.
    TakenFromNowOn,
    /// The app speaks for itself: what the agent says does not count.
    Refused,
}

impl Instance {
    /// Something was told about a life.
    pub(crate) fn reported(
        &mut self,
        life: Life,
        source: ReportSource,
        reports: Vec<Report>,
        cx: &mut Context<'_>,
    ) {
        let Some(reported) = self.reported_of(life) else {
            return;
        };
        let judgement = reported.judge(source, &reports);
        if judgement != Judgement::Taken {
            cx.act(Action::SilenceAgent { life });
        }
        if judgement == Judgement::Refused {
            return;
        }
        let is_current = self.life() == Some(life);
        for mut report in reports {
            if source == ReportSource::Agent {
                leave_the_name(&mut report);
            }
            if is_current {
                self.follow_report(&report);
            }
            if let Some(reported) = self.reported_of(life) {
                reported.take_in(report);
            }
        }
    }

    /// What is known of a life that runs or begins beside it.
    fn reported_of(&mut self, life: Life) -> Option<&mut AppReport> {
        let is_current = self.life() == Some(life);
        match &mut self.replacement {
            Some(Replacement::Starting(next)) if next.life == life => Some(&mut next.reported),
            Some(_) | None => is_current.then_some(&mut self.reported),
        }
    }

    /// Who speaks for a life.
    pub(crate) fn report_source(&self, life: Life) -> Option<ReportSource> {
        match &self.replacement {
            Some(Replacement::Starting(next)) if next.life == life => next.reported.source,
            Some(_) | None => self.reported.source.filter(|_| self.life() == Some(life)),
        }
    }

    /// A report may rename the app, or say what it cannot have.
    fn follow_report(&mut self, report: &Report) {
        match report {
            Report::Options(options) => {
                if let Some(name) = options.get("name").and_then(Value::as_str) {
                    name.clone_into(&mut self.spec.name);
                }
            }
            Report::Trouble(trouble) => self.failure = Some(trouble.clone()),
            Report::Action(_) | Report::Monitor(_) | Report::NodeVersion(_) => {}
        }
    }
}

/// Only the app itself may rename itself.
fn leave_the_name(report: &mut Report) {
    if let Report::Options(options) = report {
        options.remove("name");
    }
}

/// Known ones get their new value; new ones are taken while there is room.
fn take_facts(known: &mut Map<String, Value>, reported: Map<String, Value>) {
    for (name, value) in reported {
        if known.len() < FACTS || known.contains_key(&name) {
            known.insert(name, value);
        }
    }
}

impl AppReport {
    fn judge(&mut self, source: ReportSource, reports: &[Report]) -> Judgement {
        match source {
            ReportSource::Daemon => Judgement::Taken,
            ReportSource::Agent if self.source == Some(ReportSource::App) => Judgement::Refused,
            ReportSource::Agent => {
                self.source = Some(ReportSource::Agent);
                Judgement::Taken
            }
            ReportSource::App => {
                let speaks = |it: &Report| matches!(it, Report::Monitor(_) | Report::Options(_));
                if !reports.iter().any(speaks) {
                    return Judgement::Taken;
                }
                if self.source.replace(ReportSource::App) != Some(ReportSource::Agent) {
                    return Judgement::Taken;
                }
                self.retract();
                Judgement::TakenFromNowOn
            }
        }
    }

    /// What the agent told in the app's name does not count any more.
    fn retract(&mut self) {
        self.monitor.clear();
        self.options.clear();
        self.actions
            .retain(|action| action.get("action_type") != Some(&"internal".into()));
    }

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
