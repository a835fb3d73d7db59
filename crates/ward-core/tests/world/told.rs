//! Requests and actions as lines of a story.

use ward_core::action::{Action, Ask, Notice, Scope};
use ward_core::id::{InstanceId, RequestId};
use ward_core::jobs::{Effect, PartError, PartResult, Registration};
use ward_core::request::{Outcome, Reply, Request};

pub(crate) fn request(id: RequestId, request: &Request) -> String {
    let what = match request {
        Request::Prepare(spec) | Request::PrepareAt(spec, _) => format!("prepare {}", spec.name),
        Request::Register(spec, _) => format!("register {}", spec.name),
        Request::Start(id) => format!("start {id}"),
        Request::Stop(id) => format!("stop {id}"),
        Request::Restart(id, _) => format!("restart {id}"),
        Request::Reload(id, _) => format!("reload {id}"),
        Request::SoftReload(id, _) => format!("soft reload {id}"),
        Request::Delete(id) => format!("delete {id}"),
        Request::Retire(id) => format!("retire {id}"),
        Request::Duplicate(id) => format!("duplicate {id}"),
        Request::Reset(id) => format!("reset {id}"),
        Request::Signal(id, signal) => format!("signal {id} {signal}"),
        Request::Monitor(id, on) => format!("monitor {id} {on}"),
        Request::Pause(id, paused) => format!("pause {id} {paused}"),
        Request::Watch(id, change) => format!("watch {id} {change:?}"),
        Request::Act(act) => {
            let ids = act.targets.iter().flat_map(|(ids, _)| ids.iter());
            let ids: Vec<InstanceId> = ids.copied().collect();
            format!("{} all of {}", act.verb.name(), listed(&ids))
        }
        Request::PrepareAll(asked) => {
            let name = |app: &Registration| match app {
                Registration::New(spec) | Registration::Saved(spec, _) => spec.name.clone(),
            };
            let names: Vec<String> = asked.apps.iter().map(name).collect();
            format!("prepare all of {}", names.join(" "))
        }
        Request::Scale(scale) => format!("scale {} to {}", scale.name, scale.wanted),
        Request::Shutdown => "shutdown".to_owned(),
    };
    format!("#{} {what}", id.0)
}

/// None for what only the shell cares about.
pub(crate) fn action(action: &Action) -> Option<String> {
    Some(match action {
        Action::Spawn { life, launch, .. } => {
            format!("spawn life {life}: {}", launch.argv.join(" "))
        }
        Action::Terminate { life, how } => match how {
            Ask::Signal(signal, scope) => format!("signal {signal} to {} {life}", word(*scope)),
            Ask::Message => format!("message shutdown to life {life}"),
        },
        Action::Kill { life, scope } => format!("kill {} {life}", word(*scope)),
        Action::Probe { life } => format!("probe life {life}"),
        Action::Signal { life, signal } => format!("signal {signal} to life {life}"),
        Action::Admit { life } => format!("admit life {life}"),
        Action::CloseListeners { instance } => format!("close listeners of {instance}"),
        Action::Pause { instance, paused } => format!("pause {instance} {paused}"),
        Action::SilenceAgent { life } => format!("silence the agent of life {life}"),
        Action::Sample { lives } => {
            let lives: Vec<String> = lives.iter().map(ToString::to_string).collect();
            format!("sample lives {}", lives.join(" "))
        }
        Action::Drain { life } => format!("drain life {life}"),
        Action::Publish(Notice::Process {
            event,
            manually,
            process,
        }) => {
            let field = |key: &str| process.get(key).cloned().unwrap_or_default();
            let by = if *manually { " (manually)" } else { "" };
            format!(
                "bus {event}{by}: id {} {} restarts {} exit {}",
                field("pm_id"),
                field("status"),
                field("restart_time"),
                field("exit_code"),
            )
        }
        Action::Publish(Notice::Progress {
            action,
            part,
            done,
            total,
        }) => {
            let part = part.as_deref().map(result).unwrap_or_default();
            format!("bus progress of {action}: {done} of {total}: {part}")
        }
        Action::Watch { app, plan, .. } => format!("watch files of {} ({})", plan.name, app.0),
        Action::Unwatch { app } => format!("unwatch {}", app.0),
        Action::Reply { request, reply } => format!("< #{} {}", request.0, answer(reply)),
        Action::Log { error, text } => {
            let stream = if *error { "error" } else { "log" };
            format!("{stream}: {text}")
        }
        Action::Release { .. } | Action::Configure { .. } => return None,
        Action::Forget { instance } => format!("forget {instance}"),
    })
}

fn word(scope: Scope) -> &'static str {
    match scope {
        Scope::Tree => "tree of life",
        Scope::Main => "life",
    }
}

fn answer(reply: &Reply) -> String {
    match reply {
        Ok(Outcome::Instances(ids)) => {
            format!("instances {}", listed(ids))
        }
        Ok(Outcome::Gone(process)) => format!("gone {}", process["pm_id"]),
        Ok(Outcome::WasNotRunning(id)) => format!("{id} was not running"),
        Ok(Outcome::Job(results)) => {
            let results: Vec<String> = results.iter().flatten().map(result).collect();
            format!("job: {}", results.join(", "))
        }
        Ok(Outcome::Done) => "done".to_owned(),
        Err(error) => format!("error: {error}"),
    }
}

fn listed(ids: &[InstanceId]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    ids.join(" ")
}

fn result(result: &PartResult) -> String {
    let about = result
        .instance
        .map_or("nobody".to_owned(), |id| id.to_string());
    let what = match (&result.error, result.effect) {
        (Some(PartError::Refused(error)), _) => format!("error: {error}"),
        (Some(PartError::NotRunning(reason)), _) => format!("cannot {reason}"),
        (Some(PartError::Late(waited)), _) => format!("late after {waited:?}"),
        (None, Some(Effect::Added)) => "added".to_owned(),
        (None, Some(Effect::Removed)) => "removed".to_owned(),
        (None, None) => "ok".to_owned(),
    };
    let counted = result.connections.map_or("", |_| ", counted");
    format!("{about} {what}{counted}")
}
