//! Requests on many instances, and what became of each.

use std::collections::{BTreeMap, BTreeSet};
use std::env;

use serde_json::{Value, json};
use ward_wire::text::printable;

use super::progress::Progress;
use super::requests::requests;
use super::{Action, Extras};
use crate::cli::args::Invocation;
use crate::cli::client::{CallError, Client};
use crate::cli::commands::start::script;
use crate::cli::commands::{self, fork_mode};
use crate::cli::messages::Console;
use crate::cli::out::describe;
use crate::cli::select::Candidate;
use crate::exit::Failure;

/// Instances that are acted on in the same way.
#[derive(Debug)]
pub(crate) struct Job {
    /// Their ids.
    pub(crate) ids: Vec<u32>,
    /// What else the request says.
    pub(crate) extras: Extras,
}

/// Acts on ids and reports each; any refusal is the failure. The candidates name what is gone
/// afterwards.
pub(crate) fn on_ids(
    invocation: &Invocation,
    client: &mut Client,
    action: Action,
    (ids, candidates): (&[u32], &[Candidate]),
    extras: &Extras,
) -> Result<(), Failure> {
    let jobs = match extras.get("conf").and_then(|conf| conf.get("pm_cwd")) {
        Some(folder) => in_folder(client, ids, extras, folder)?,
        None => vec![Job {
            ids: ids.to_vec(),
            extras: extras.clone(),
        }],
    };
    on_jobs(invocation, client, action, &jobs, candidates)
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

/// Does several jobs as one request; the daemon decides how many instances are acted on at once. All are
/// done, and reported in their order, also when one fails.
pub(crate) fn on_jobs(
    invocation: &Invocation,
    client: &mut Client,
    action: Action,
    jobs: &[Job],
    candidates: &[Candidate],
) -> Result<(), Failure> {
    if jobs.is_empty() {
        return Ok(());
    }
    let ids = jobs.iter().flat_map(|job| job.ids.iter().copied());
    let progress = Progress::watch(invocation, action, ids.collect());
    let answer = ask(invocation, client, action, jobs);
    let known = Known {
        names: candidates
            .iter()
            .map(|it| (it.id, it.name.as_str()))
            .collect(),
        told: progress.finish(),
    };
    let answer = answer?;
    let mut outcomes = answer.as_array().map_or(&[][..], Vec::as_slice);
    let mut result = Ok(());
    for job in jobs {
        let (of_job, others) = outcomes
            .split_at_checked(job.ids.len())
            .unwrap_or((outcomes, &[]));
        outcomes = others;
        let reported = report(&invocation.console, action, job, &known, of_job);
        result = result.and(reported);
    }
    tell_connections(invocation, &answer);
    result
}

/// Acts in as few requests as a daemon takes.
fn ask(
    invocation: &Invocation,
    client: &mut Client,
    action: Action,
    jobs: &[Job],
) -> Result<Value, CallError> {
    let mut outcomes = Vec::new();
    for targets in requests(jobs) {
        let mut request = Extras::new();
        request.insert("action".to_owned(), json!(action.word()));
        // Unless it is stated here, the declaration of the app decides.
        if let Some(parallel) = stated(invocation) {
            request.insert("parallel".to_owned(), json!(parallel));
        }
        // It is the same for all.
        if let Some(watch) = jobs.iter().find_map(|job| job.extras.get("watch")) {
            request.insert("watch".to_owned(), watch.clone());
        }
        request.insert("each".to_owned(), Value::Array(targets));
        commands::set_deadline(&mut request, client);
        match client.call("ward:act", &[Value::Object(request)])? {
            Value::Array(some) => outcomes.extend(some),
            _ => return Err(CallError::Garbage),
        }
    }
    Ok(Value::Array(outcomes))
}

/// What became of the connections of all workers that were replaced, if there were any; behind all that
/// PM2 says, and beside it for those who call us by its name.
fn tell_connections(invocation: &Invocation, answer: &Value) {
    let entries = answer.as_array().into_iter().flatten();
    let all: Vec<&Value> = entries
        .filter_map(|entry| entry.get("connections"))
        .collect();
    let sum = |key: &str| {
        let count = |connections: &&Value| connections[key].as_u64();
        // Unknown of one is unknown of all.
        all.iter().map(count).sum::<Option<u64>>()
    };
    let sums = ["drained", "redispatched", "cut"].map(|key| (key, sum(key)));
    if sums.iter().all(|(_, sum)| *sum == Some(0)) {
        return;
    }
    let sums: Value = sums
        .map(|(key, sum)| (key.to_owned(), json!(sum)))
        .into_iter()
        .collect();
    let text = format!(
        "Connections of the old workers: {}",
        describe::connections(&sums)
    );
    if invocation.program.starts_with("pm2") {
        invocation.console.notice(text);
    } else {
        invocation.console.say(text);
    }
}

/// What is known when the outcomes come.
struct Known<'a> {
    /// Names, also of what is gone.
    names: BTreeMap<u32, &'a str>,
    /// What was reported already.
    told: BTreeSet<u32>,
}

/// One line for each instance; those that failed go to standard error.
fn report(
    console: &Console,
    action: Action,
    job: &Job,
    known: &Known<'_>,
    outcomes: &[Value],
) -> Result<(), Failure> {
    let mut failed = false;
    if job.extras.contains_key("spec") {
        fork_mode::warn(console, outcomes.iter());
    }
    for (id, outcome) in job.ids.iter().zip(outcomes) {
        // What was deleted, or is not done yet, has no name in the answer.
        let before = known.names.get(id).copied();
        let name = outcome["name"].as_str().or(before).unwrap_or_default();
        if is_done(action, outcome) {
            if known.told.contains(id) {
                continue;
            }
            console.say(format!("[{name}]({id}) ✓"));
        } else if job.extras.contains_key("spec")
            && script::was_foretold(&outcome["process"]["pm2_env"])
        {
            // A file was read, and with it this was said.
        } else {
            failed = true;
            let reason = outcome["error"].as_str().unwrap_or("no reason was given");
            console.error(format!("[{}]({id}) {reason}", printable(name)));
        }
    }
    if failed { Err(Failure::said()) } else { Ok(()) }
}

/// The reason why an app does not run comes with every answer about it; for a stop it is none.
fn is_done(action: Action, outcome: &Value) -> bool {
    outcome["ok"] == true
        || (action == Action::Stop && outcome["process"]["pm2_env"]["status"] == "stopped")
}

/// How many at once, if the user says so.
fn stated(invocation: &Invocation) -> Option<i64> {
    let from_env = || {
        env::var("PM2_CONCURRENT_ACTIONS")
            .ok()
            .and_then(|text| text.parse().ok())
    };
    invocation.number("parallel").or_else(from_env)
}
