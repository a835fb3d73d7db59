//! Acts on every app of a config file. Running apps restart with the whole new declaration, so keys
//! that are gone from the file are gone from the app; missing apps start.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{declare, script};
use crate::cli::args::Invocation;
use crate::cli::client::Client;
use crate::cli::commands;
use crate::cli::commands::act::{self, Action, Extras, Job};
use crate::cli::ecosystem;
use crate::cli::select::{Candidate, Selection};
use crate::exit::Failure;

/// Whether an argument names a config file: `-`, or a name with such an ending that is not the name
/// of an app.
pub(crate) fn is_config(candidates: &[Candidate], word: &str, cwd: &Path) -> bool {
    word == "-"
        || (ecosystem::is_config_name(word, cwd)
            && (cwd.join(word).is_file()
                || !candidates.iter().any(|candidate| candidate.name == word)))
}

/// As [`is_config`], asking the daemon for the list only when the word looks like a file that is
/// not there.
pub(crate) fn is_meant(client: &mut Client, word: &str) -> Result<bool, Failure> {
    let cwd = commands::cwd()?;
    let named = ecosystem::is_config_name(word, &cwd);
    if word == "-" || !named || cwd.join(word).is_file() {
        return Ok(word == "-" || named);
    }
    let candidates = Candidate::from_records(&client.summaries()?);
    Ok(is_config(&candidates, word, &cwd))
}

/// Acts on the apps of a file. Returns the ids of their instances.
pub(crate) fn run(
    invocation: &Invocation,
    client: &mut Client,
    action: Action,
    word: &str,
) -> Result<Vec<u32>, Failure> {
    match action {
        Action::Restart | Action::Reload => start_all(invocation, client, action, word),
        Action::Stop | Action::Delete => end_all(invocation, client, action, word),
    }
}

/// A declared app and the instances it has.
#[derive(Debug, PartialEq)]
struct Match {
    app: Map<String, Value>,
    ids: Vec<u32>,
}

fn start_all(
    invocation: &Invocation,
    client: &mut Client,
    action: Action,
    word: &str,
) -> Result<Vec<u32>, Failure> {
    let candidates = Candidate::from_records(&client.summaries()?);
    let declared = declare::file(invocation, word, &candidates)?;
    let (present, missing): (Vec<Match>, Vec<Match>) = matches(declared.apps, &candidates)
        .into_iter()
        .partition(|found| !found.ids.is_empty());
    let mut ids: Vec<u32> = present.iter().flat_map(|found| found.ids.clone()).collect();
    let undefined = &declared.undefined;
    for found in &present {
        declare::warn_undefined(invocation, undefined, &name(&found.app));
    }
    let restarted = restart(invocation, client, action, present, &candidates);
    let missing = missing.into_iter().map(|found| found.app).collect();
    let started = launch(invocation, client, missing, undefined);
    restarted?;
    ids.extend(started?);
    // An app that could not be resolved is reported already and did not affect the others.
    if declared.complete {
        Ok(ids)
    } else {
        Err(Failure::said())
    }
}

/// Finds the instances of each declared app by name. When several apps of a file have one name,
/// each takes as many instances as it declares and the last one the rest, so that a second start
/// of the same file does not multiply them.
fn matches(apps: Vec<Map<String, Value>>, candidates: &[Candidate]) -> Vec<Match> {
    let names: Vec<String> = apps.iter().map(name).collect();
    let mut taken = Vec::new();
    let mut found = Vec::new();
    for (position, app) in apps.into_iter().enumerate() {
        let name = &names[position];
        let free = candidates
            .iter()
            .filter(|candidate| candidate.name == *name && !taken.contains(&candidate.id))
            .map(|candidate| candidate.id);
        let last = !names[position + 1..].contains(name);
        let count = app.get("instances").and_then(Value::as_u64).unwrap_or(1);
        let limit = usize::try_from(count.max(1)).unwrap_or(usize::MAX);
        let ids: Vec<u32> = free.take(if last { usize::MAX } else { limit }).collect();
        taken.extend(&ids);
        found.push(Match { app, ids });
    }
    found
}

fn name(app: &Map<String, Value>) -> String {
    let name = app.get("name").and_then(Value::as_str);
    name.unwrap_or_default().to_owned()
}

/// Restarts or reloads the running apps, each with its new declaration.
fn restart(
    invocation: &Invocation,
    client: &mut Client,
    action: Action,
    present: Vec<Match>,
    candidates: &[Candidate],
) -> Result<(), Failure> {
    // `restart -` is the one way to act that PM2 does not announce.
    let quiet = invocation.target() == Some("-") && !invocation.is_command("start");
    let mut jobs = Vec::new();
    for Match { app, ids } in present {
        let selection = Selection {
            ids,
            typed_id: false,
        };
        if !quiet {
            act::applying(&invocation.console, action, &name(&app), &selection);
        }
        let mut extras = Extras::new();
        extras.insert("spec".to_owned(), Value::Object(app));
        extras.insert("respects_autostart".to_owned(), json!(true));
        // Who deploys from another shell (cron, CI) must not take the app's variables away unasked.
        let asked = invocation.is_set("update-env");
        extras.insert("keeps_captured".to_owned(), json!(!asked));
        jobs.push(Job {
            ids: selection.ids,
            extras,
        });
    }
    act::side_by_side(invocation, client, action, &jobs, candidates)
}

/// Starts the missing apps, all in one request.
fn launch(
    invocation: &Invocation,
    client: &mut Client,
    missing: Vec<Map<String, Value>>,
    undefined: &[String],
) -> Result<Vec<u32>, Failure> {
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let console = &invocation.console;
    let names = script::names(&missing);
    console.warn(format!(
        "Applications {} not running, starting...",
        names.join(", ")
    ));
    for name in &names {
        declare::warn_undefined(invocation, undefined, name);
    }
    for app in &missing {
        if app.get("wait_ready") == Some(&json!(true)) {
            console.warn(format!(
                "App {} has option 'wait_ready' set, waiting for app to be ready...",
                name(app)
            ));
        }
    }
    let started = script::prepare(client, missing)?;
    for (name, instances) in names.iter().zip(started.as_array().into_iter().flatten()) {
        let instances = instances.as_array().map_or(&[][..], Vec::as_slice);
        let count = instances.iter().filter(|one| one["ok"] == true).count();
        if count > 0 || instances.is_empty() {
            console.say(format!("App [{name}] launched ({count} instances)"));
        }
    }
    script::report_failures(invocation, &names, &started)?;
    Ok(script::ids(&started))
}

/// Stops or deletes the apps of a file. A name that is not in the list is no failure.
fn end_all(
    invocation: &Invocation,
    client: &mut Client,
    action: Action,
    word: &str,
) -> Result<Vec<u32>, Failure> {
    let names = declare::names(invocation, word)?;
    let candidates = Candidate::from_records(&client.summaries()?);
    let mut ids: Vec<u32> = Vec::new();
    let mut seen = BTreeSet::new();
    for name in &names {
        let named = candidates
            .iter()
            .filter(|candidate| candidate.name == *name);
        let named: Vec<u32> = named.map(|candidate| candidate.id).collect();
        if named.is_empty() {
            invocation
                .console
                .notice(format!("{name} is not in the list"));
        }
        // Two apps of a file may have one name.
        ids.extend(named.into_iter().filter(|id| seen.insert(*id)));
    }
    if ids.is_empty() {
        return Ok(ids);
    }
    act::on_ids(
        invocation,
        client,
        action,
        (&ids, &candidates),
        &Extras::new(),
    )?;
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(id: u32, name: &str) -> Candidate {
        Candidate {
            id,
            name: name.to_owned(),
            namespace: "default".to_owned(),
            script: "/srv/a.js".to_owned(),
            cwd: "/srv".into(),
            status: "online".to_owned(),
            module: false,
        }
    }

    fn app(name: &str, instances: i64) -> Map<String, Value> {
        let mut app = Map::new();
        app.insert("name".to_owned(), json!(name));
        app.insert("instances".to_owned(), json!(instances));
        app
    }

    fn ids(apps: Vec<Map<String, Value>>, candidates: &[Candidate]) -> Vec<Vec<u32>> {
        let found = matches(apps, candidates);
        found.into_iter().map(|found| found.ids).collect()
    }

    #[test]
    fn instances_are_found_by_name() {
        let list = [
            candidate(0, "web"),
            candidate(1, "api"),
            candidate(2, "web"),
        ];
        let apps = vec![app("web", 1), app("new", 1), app("api", 4)];
        assert_eq!(ids(apps, &list), [vec![0, 2], vec![], vec![1]]);
    }

    #[test]
    fn apps_of_one_name_share_the_instances() {
        let list = [candidate(0, "w"), candidate(1, "w"), candidate(2, "w")];
        let apps = || vec![app("w", 1), app("w", 2)];
        assert_eq!(ids(apps(), &list), [vec![0], vec![1, 2]]);
        assert_eq!(ids(apps(), &list[..1]), [vec![0], vec![]]);
        assert_eq!(
            ids(vec![app("w", 0), app("w", -1)], &list),
            [vec![0], vec![1, 2]]
        );
    }

    #[test]
    fn an_app_may_be_called_like_a_file() {
        let here = Path::new("/nowhere");
        let list = [candidate(0, "no-such-file.json")];
        assert!(!is_config(&list, "no-such-file.json", here));
        assert!(is_config(&[], "no-such-file.json", here));
        assert!(is_config(&list, "-", here));
        assert!(!is_config(&list, "app.js", here));
    }
}
