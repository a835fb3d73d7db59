//! What `doctor` looks at. Each part only reads, and what cannot be read is no finding.

mod access;
mod apps;
mod health;
mod home;
mod machine;
mod secrets;

use serde_json::Value;
use ward_home::dump;

use crate::cli::args::Invocation;
use crate::cli::client::Client;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Something is wrong: the command fails.
    Problem,
    /// Something to know, which many want as it is.
    Note,
}

impl Level {
    /// The word for it in the output.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Note => "note",
        }
    }
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// How bad it is.
    pub(crate) level: Level,
    /// What it is, as a sentence without its full stop. Values of variables are never part of it.
    pub(crate) text: String,
    /// A command or a step that mends it.
    pub(crate) mend: Option<String>,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// What is so, by name.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// What should be otherwise.
    pub(crate) findings: Vec<Finding>,
}

impl Report {
    fn fact(&mut self, name: &'static str, value: impl Into<String>) {
        self.facts.push((name, value.into()));
    }

    fn problem(&mut self, text: impl Into<String>, mend: impl Into<Option<String>>) {
        self.find(Level::Problem, text.into(), mend.into());
    }

    fn note(&mut self, text: impl Into<String>, mend: impl Into<Option<String>>) {
        self.find(Level::Note, text.into(), mend.into());
    }

    fn find(&mut self, level: Level, text: String, mend: Option<String>) {
        self.findings.push(Finding { level, text, mend });
    }

    /// How many findings have this level.
    pub(crate) fn count(&self, level: Level) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.level == level)
            .count()
    }

    /// Whether something is wrong.
    pub(crate) fn has_problems(&self) -> bool {
        self.count(Level::Problem) > 0
    }
}

/// Looks at everything; with `security` only at who can reach and change what.
pub(crate) fn examine(invocation: &Invocation, security: bool) -> Report {
    let mut report = Report::default();
    let paths = &invocation.paths;
    let mut daemon = Client::connect_existing(paths).unwrap_or_default();
    let status = daemon
        .as_mut()
        .and_then(|client| client.call("ward:status", &[Value::default()]).ok());
    let pid = status.as_ref().and_then(|status| status["pid"].as_u64());
    machine::examine(&mut report, paths, pid);
    home::examine(&mut report, paths);
    let saved = home::saved(paths);
    secrets::examine(&mut report, &saved);
    let records = daemon.as_mut().and_then(|client| client.records().ok());
    let running = records
        .iter()
        .flatten()
        .filter_map(|record| record["pm2_env"].as_object());
    let listed: Vec<dump::Entry> = match &records {
        Some(_) => running.cloned().collect(),
        // Without a daemon the saved apps are those that will run.
        None => saved
            .iter()
            .flat_map(|(_, entries)| entries.iter().cloned())
            .collect(),
    };
    apps::examine(&mut report, &listed, machine::user_of(pid));
    if !security {
        health::examine(&mut report, paths, records.as_deref());
    }
    report
}
