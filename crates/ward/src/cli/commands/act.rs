//! What restart, reload, stop and delete have in common: a word is resolved to ids, the daemon acts
//! on them, and each is reported.

use std::env;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::{Map, Value, json};

use crate::cli::args::Invocation;
use crate::cli::client::{CallError, Client};
use crate::cli::messages::Console;
use crate::cli::select::{self, Candidate, NotFound, Selection};
use crate::exit::Failure;

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
    let candidates = Candidate::from_records(&client.records()?);
    let selection = select::select(&candidates, word, &super::cwd()?, false)
        .map_err(|reason| not_found(&invocation.console, action, word, reason))?;
    applying(&invocation.console, action, word, &selection);
    on_ids(invocation, client, action, &selection.ids, extras)?;
    Ok(selection.ids)
}

/// `[PM2] Applying action …`.
pub(crate) fn applying(console: &Console, action: Action, word: &str, selection: &Selection) {
    let ids: Vec<String> = selection
        .ids
        .iter()
        .map(|id| {
            if selection.typed_id {
                format!("'{id}'")
            } else {
                id.to_string()
            }
        })
        .collect();
    console.say(format!(
        "Applying action {} on app [{word}](ids: [ {} ])",
        action.method(),
        ids.join(", ")
    ));
}

/// Acts on ids and reports each; the first refusal is the failure.
pub(crate) fn on_ids(
    invocation: &Invocation,
    client: &mut Client,
    action: Action,
    ids: &[u32],
    extras: &Extras,
) -> Result<(), Failure> {
    if let Some(folder) = extras.get("conf").and_then(|conf| conf.get("pm_cwd")) {
        let jobs = in_folder(client, ids, extras, folder)?;
        return side_by_side(invocation, client, action, &jobs);
    }
    let job = Job {
        ids: ids.to_vec(),
        extras: extras.clone(),
    };
    let outcomes = ask(invocation, client, action, &job)?;
    report(&invocation.console, &outcomes)
}

/// Instances that are acted on in the same way.
#[derive(Debug)]
pub(crate) struct Job {
    /// Which.
    pub(crate) ids: Vec<u32>,
    /// What else the request says.
    pub(crate) extras: Extras,
}

/// A running app keeps its folder whatever `conf` says, so each instance gets its own declaration
/// back with another folder in it.
fn in_folder(
    client: &mut Client,
    ids: &[u32],
    extras: &Extras,
    folder: &Value,
) -> Result<Vec<Job>, Failure> {
    let mut jobs = Vec::new();
    for id in ids {
        let mut spec = client.call("ward:spec", &[json!({"id": id})])?;
        spec["pm_cwd"] = folder.clone();
        let mut extras = extras.clone();
        extras.insert("spec".to_owned(), spec);
        jobs.push(Job {
            ids: vec![*id],
            extras,
        });
    }
    Ok(jobs)
}

fn ask(
    invocation: &Invocation,
    client: &mut Client,
    action: Action,
    job: &Job,
) -> Result<Value, CallError> {
    let mut request = job.extras.clone();
    request.insert("action".to_owned(), json!(action.word()));
    request.insert("ids".to_owned(), json!(job.ids));
    request.insert(
        "parallel".to_owned(),
        json!(parallel(invocation, action, job.ids.len())),
    );
    super::set_deadline(&mut request, client);
    client.call("ward:act", &[Value::Object(request)])
}

/// Does several jobs, as many at once as instances would be, each over its own connection. All are
/// done, and reported in their order, also when one fails.
pub(crate) fn side_by_side(
    invocation: &Invocation,
    client: &mut Client,
    action: Action,
    jobs: &[Job],
) -> Result<(), Failure> {
    let count = jobs.iter().map(|job| job.ids.len()).sum();
    let at_once = usize::try_from(parallel(invocation, action, count)).unwrap_or(1);
    let queue = Mutex::new(jobs.iter().enumerate());
    let outcomes = Mutex::new(Vec::new());
    let work = |client: &mut Client| {
        loop {
            let next = lock(&queue).next();
            let Some((position, job)) = next else { break };
            let outcome = ask(invocation, client, action, job);
            lock(&outcomes).push((position, outcome));
        }
    };
    thread::scope(|scope| {
        for _ in 1..at_once.min(jobs.len()) {
            // With fewer connections it merely takes longer.
            if let Ok(mut other) = client.another(&invocation.paths) {
                scope.spawn(move || work(&mut other));
            }
        }
        work(client);
    });
    let mut outcomes = outcomes
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|(position, _)| *position);
    let mut result = Ok(());
    for (_, outcome) in outcomes {
        let reported = match outcome {
            Ok(outcome) => report(&invocation.console, &outcome),
            Err(error) => {
                invocation.console.error(error.to_string());
                Err(Failure::said())
            }
        };
        result = result.and(reported);
    }
    result
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One line for each instance; those that failed go to standard error.
pub(crate) fn report(console: &Console, outcomes: &Value) -> Result<(), Failure> {
    let mut failed = false;
    for outcome in outcomes.as_array().into_iter().flatten() {
        let name = outcome["name"].as_str().unwrap_or_default();
        let id = &outcome["pm_id"];
        if outcome["ok"].as_bool().unwrap_or(false) {
            console.say(format!("[{name}]({id}) ✓"));
        } else {
            failed = true;
            let reason = outcome["error"].as_str().unwrap_or("no reason was given");
            console.error(format!("[{name}]({id}) {reason}"));
        }
    }
    if failed { Err(Failure::said()) } else { Ok(()) }
}

/// How many at once: PM2's rule, so that a rolling action stays rolling.
fn parallel(invocation: &Invocation, action: Action, count: usize) -> i64 {
    if action == Action::Delete {
        return 10;
    }
    if count <= 2 {
        return 1;
    }
    let from_env = || {
        env::var("PM2_CONCURRENT_ACTIONS")
            .ok()
            .and_then(|text| text.parse().ok())
    };
    invocation
        .number("parallel")
        .or_else(from_env)
        .filter(|count| *count > 0)
        .unwrap_or(2)
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
        NotFound::Name(name) => Failure::new(format!("Process or Namespace {name} not found")),
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
