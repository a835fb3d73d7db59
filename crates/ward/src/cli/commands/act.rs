//! What restart, reload, stop and delete have in common: a word is resolved to ids, the daemon acts
//! on them, and each is reported.

mod jobs;
mod progress;
mod requests;

use serde_json::{Map, Value};
use ward_wire::text::printable;

use crate::cli::args::Invocation;
use crate::cli::client::Client;
use crate::cli::messages::Console;
use crate::cli::out::inspect::inspect;
use crate::cli::select::{self, Candidate, NotFound, Selection};
use crate::exit::Failure;

pub(crate) use self::jobs::{Job, on_ids, on_jobs};

/// An action on instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start again.
    Restart,
    /// Replace.
    Reload,
    /// Stop.
    Stop,
    /// Stop and forget.
    Delete,
}

impl Action {
    /// Its name in a request.
    fn word(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Reload => "reload",
            Self::Stop => "stop",
            Self::Delete => "delete",
        }
    }

    /// The method PM2's messages name.
    fn method(self) -> &'static str {
        match self {
            Self::Restart => "restartProcessId",
            Self::Reload => "reloadProcessId",
            Self::Stop => "stopProcessId",
            Self::Delete => "deleteProcessId",
        }
    }

    /// What PM2's daemon says of an id it does not know.
    fn unknown_id(self, id: &str) -> String {
        match self {
            Self::Restart => "God db process id unknown".to_owned(),
            Self::Reload => "PM2 ID unknown".to_owned(),
            Self::Stop | Self::Delete => format!("{id} : id unknown"),
        }
    }
}

/// What a request says beside action and ids.
pub(crate) type Extras = Map<String, Value>;

/// Resolves a word, acts, reports. Returns the ids acted on.
pub(crate) fn on_word(
    invocation: &Invocation,
    client: &mut Client,
    action: Action,
    word: &str,
    extras: &Extras,
) -> Result<Vec<u32>, Failure> {
    let candidates = Candidate::from_records(&client.summaries()?);
    let selection = select::select(&candidates, word, &super::cwd()?, false)
        .map_err(|reason| not_found(&invocation.console, action, word, reason))?;
    applying(&invocation.console, action, word, &selection);
    on_ids(
        invocation,
        client,
        action,
        (&selection.ids, &candidates),
        extras,
    )?;
    Ok(selection.ids)
}

/// `[PM2] Applying action …`.
pub(crate) fn applying(console: &Console, action: Action, word: &str, selection: &Selection) {
    let ids = selection.ids.iter().map(|id| {
        if selection.typed_id {
            Value::String(id.to_string())
        } else {
            Value::from(*id)
        }
    });
    // Many ids take several lines, as node prints them.
    console.say_lines(format!(
        "Applying action {} on app [{}](ids: {})",
        action.method(),
        printable(word),
        inspect(&ids.collect())
    ));
}

/// Says why a word means nothing, in PM2's words and places.
pub(crate) fn not_found(
    console: &Console,
    action: Action,
    word: &str,
    reason: NotFound,
) -> Failure {
    match reason {
        NotFound::Nothing => {
            console.warn_aside("No process found");
            Failure::said()
        }
        NotFound::Name(name) => {
            let name = printable(&name);
            Failure::new(format!("Process or Namespace {name} not found"))
        }
        NotFound::Id(id) => {
            console.say(format!(
                "Applying action {} on app [{word}](ids: [ '{id}' ])",
                action.method()
            ));
            Failure::new(action.unknown_id(&id))
        }
        NotFound::Pattern(reason) => Failure::new(format!("cannot read the pattern: {reason}")),
    }
}
