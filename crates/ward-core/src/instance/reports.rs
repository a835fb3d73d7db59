//! What is told about an app, and by whom: PM2's library or the app itself, ward's agent inside a
//! worker as long as nobody else speaks, and the daemon.

pub mod limits;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use crate::action::Action;
use crate::context::Context;
use crate::event::{Report, ReportSource};
use crate::id::Life;
use crate::instance::{AppReport, Instance, Replacement};
use limits::{
    ALL_BYTES, FACTS, NAME_BYTES, VALUE_BYTES, member, members_weight, too_large, too_many,
    too_much, weight,
};

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
            let reported = self.reported_of(life);
            if let Some(refusal) = reported.and_then(|it| it.take_in(report)) {
                self.refused(life, &refusal, cx);
            }
        }
    }

    /// A report may say what the app cannot have, or why it has to end.
    fn follow_report(&mut self, report: &Report) {
        match report {
            Report::Trouble(trouble) => self.failure = Some(trouble.clone()),
            Report::Ended(reason) => {
                self.failure = Some(reason.clone());
                self.ended = Some(reason.clone());
            }
            Report::Action(_)
            | Report::Monitor(_)
            | Report::Options(_)
            | Report::NodeVersion(_)
            | Report::Refused(_) => {}
        }
    }

    /// Something that an app told is not kept. The first time in a life, it is said why.
    fn refused(&mut self, life: Life, refusal: &str, cx: &mut Context<'_>) {
        let trouble = format!("keep all it reports: {refusal}");
        let Some(reported) = self.reported_of(life) else {
            return;
        };
        if core::mem::replace(&mut reported.refused, true) {
            return;
        }
        // What it cannot have is worse than what is not shown of it.
        reported.trouble.get_or_insert_with(|| trouble.clone());
        let title = format!("{}:{}", self.spec.name, self.id);
        cx.log_error(format!("{title} cannot {trouble}"));
        if self.life() == Some(life) {
            self.failure.get_or_insert(trouble);
        }
    }

    /// The name in lists: as it was declared, or as the app calls itself while it runs. It is shown
    /// and selects nothing.
    pub fn shown_name(&self) -> &str {
        let own = self.reported.options.get("name").and_then(Value::as_str);
        own.filter(|name| !name.is_empty())
            .unwrap_or(&self.spec.name)
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
}

/// Only the app itself may rename itself.
fn leave_the_name(report: &mut Report) {
    if let Report::Options(options) = report {
        options.remove("name");
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

    /// Keeps what was told, if there is room; otherwise why not, or why not all of it.
    fn take_in(&mut self, report: Report) -> Option<String> {
        match report {
            Report::Action(action) => return self.take_action(action),
            Report::Monitor(metrics) => return self.take_facts("metric", metrics),
            Report::Options(options) => return self.take_facts("option", options),
            Report::NodeVersion(version) if version.len() > NAME_BYTES => {
                return Some(too_large("version", &version, NAME_BYTES));
            }
            Report::NodeVersion(version) => self.node_version = Some(version),
            Report::Trouble(trouble) => self.trouble = Some(trouble),
            Report::Ended(reason) => self.trouble = Some(reason),
            Report::Refused(refusal) => return Some(refusal),
        }
        None
    }

    fn take_action(&mut self, action: Value) -> Option<String> {
        let name = action.get("action_name").cloned();
        let shown = || name.as_ref().and_then(Value::as_str).unwrap_or_default();
        let known = |reported: &Value| reported.get("action_name") == name.as_ref();
        if self.actions.iter().any(known) {
            return None;
        }
        let bytes = weight(&action);
        if bytes > VALUE_BYTES {
            return Some(too_large("action", shown(), VALUE_BYTES));
        }
        if self.actions.len() >= FACTS {
            return Some(too_many("action"));
        }
        if self.bytes() + bytes > ALL_BYTES {
            return Some(too_much());
        }
        self.actions.push(action);
        None
    }

    /// Known ones get their new value; new ones are taken while there is room.
    fn take_facts(&mut self, what: &str, reported: Map<String, Value>) -> Option<String> {
        let mut bytes = self.bytes();
        let mut refusal = None;
        for (name, value) in reported {
            let facts = match what {
                "metric" => &mut self.monitor,
                _ => &mut self.options,
            };
            let before = facts.get(&name).map(|known| member(&name, known));
            let after = bytes - before.unwrap_or(0) + member(&name, &value);
            let is_long = name.len() > NAME_BYTES
                || what == "option"
                    && name == "name"
                    && value.as_str().is_some_and(|own| own.len() > NAME_BYTES);
            let refused = if is_long {
                too_large(what, &name, NAME_BYTES)
            } else if weight(&value) > VALUE_BYTES {
                too_large(what, &name, VALUE_BYTES)
            } else if before.is_none() && facts.len() >= FACTS {
                too_many(what)
            } else if after > ALL_BYTES {
                too_much()
            } else {
                facts.insert(name, value);
                bytes = after;
                continue;
            };
            refusal.get_or_insert(refused);
        }
        refusal
    }

    /// What all it told takes in memory, in bytes.
    fn bytes(&self) -> usize {
        let actions: usize = self.actions.iter().map(weight).sum();
        actions + members_weight(&self.monitor) + members_weight(&self.options)
    }
}
