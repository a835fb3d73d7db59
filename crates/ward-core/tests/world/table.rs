//! The table of all states and events, generated: `docs/transitions.md`. It is documentation and
//! test at once: when the supervisor behaves differently, this test fails until the table is
//! written again with `UPDATE_TRANSITIONS=1 cargo test -p ward-core --test world table`.

use core::fmt::Write as _;
use core::time::Duration;
use std::path::Path;

use serde_json::json;
use ward_core::action::{Action, Ask, Notice, Scope};
use ward_core::defaults::Defaults;
use ward_core::event::{Event, ExitStatus};
use ward_core::id::{InstanceId, Life, RequestId};
use ward_core::instance::{Instance, NextGoal, Replacement, State};
use ward_core::request::{Change, Outcome, Request};
use ward_core::supervisor::Supervisor;
use ward_core::termination::Phase;
use ward_core::time::{Mono, Now, Wall};

use crate::world::app;

const APP: InstanceId = InstanceId(0);
const FIRST: Life = Life(1);
const SECOND: Life = Life(2);

/// A supervisor without a world: nothing happens but what the table says.
struct Bench {
    supervisor: Supervisor,
    now: Mono,
    requests: u64,
}

impl Bench {
    fn new() -> Self {
        Self {
            supervisor: Supervisor::new(Defaults::default()),
            now: Mono(0),
            requests: 0,
        }
    }

    fn take(&mut self, event: Event) -> Vec<Action> {
        let now = Now {
            mono: self.now,
            wall: Wall(self.now.0 / 1_000_000),
        };
        let mut actions = Vec::new();
        self.supervisor.handle(now, event, &mut actions);
        actions
    }

    fn ask(&mut self, request: Request) -> Vec<Action> {
        self.requests += 1;
        let id = RequestId(self.requests);
        self.take(Event::Requested { id, request })
    }

    fn prepare(&mut self, more: &serde_json::Value) {
        self.ask(Request::Prepare(Box::new(app("app", more))));
    }

    fn spawned(&mut self, life: Life) -> Vec<Action> {
        let pid = u32::try_from(life.0).expect("few lives");
        let version = None;
        self.take(Event::Spawned { life, pid, version })
    }

    fn deadline(&mut self) -> Vec<Action> {
        self.now = self.supervisor.deadline().unwrap_or(self.now);
        self.take(Event::Ticked)
    }
}

type Path0 = fn(&mut Bench);

/// How to get into each state, and the life its events are about.
const STATES: &[(&str, Life, Path0)] = &[
    ("stopped", FIRST, |bench| {
        bench.prepare(&json!({"autostart": false}));
    }),
    ("launching, spawn not answered", FIRST, |bench| {
        bench.prepare(&json!({"wait_ready": true}));
    }),
    ("stopping: killed, spawn not answered", FIRST, |bench| {
        bench.prepare(&json!({"wait_ready": true}));
        bench.ask(Request::Stop(APP));
        bench.deadline();
    }),
    ("given up, spawn not answered", FIRST, |bench| {
        bench.prepare(&json!({"wait_ready": true}));
        bench.ask(Request::Stop(APP));
        bench.deadline();
        bench.deadline();
    }),
    ("launching", FIRST, |bench| {
        bench.prepare(&json!({"wait_ready": true}));
        bench.spawned(FIRST);
    }),
    ("online", FIRST, online),
    ("stopping: asked", FIRST, |bench| {
        online(bench);
        bench.ask(Request::Stop(APP));
    }),
    ("stopping: killed", FIRST, |bench| {
        online(bench);
        bench.ask(Request::Stop(APP));
        bench.deadline();
    }),
    ("stopping: killed, to be deleted", FIRST, |bench| {
        online(bench);
        bench.ask(Request::Delete(APP));
        bench.deadline();
    }),
    ("stopping: asked, to be started", FIRST, |bench| {
        online(bench);
        bench.ask(Request::Restart(APP, Change::default()));
    }),
    ("stopping: crashed, leftovers being counted", FIRST, crashed),
    ("stopping: crashed, leftovers asked", FIRST, |bench| {
        crashed(bench);
        let (life, alive) = (FIRST, 1);
        bench.take(Event::Probed { life, alive });
    }),
    ("stopping: crashed, leftovers killed", FIRST, |bench| {
        crashed(bench);
        let (life, alive) = (FIRST, 1);
        bench.take(Event::Probed { life, alive });
        bench.deadline();
    }),
    ("waiting", FIRST, |bench| {
        crashed(bench);
        let (life, alive) = (FIRST, 0);
        bench.take(Event::Probed { life, alive });
    }),
    ("waiting for what is short", FIRST, |bench| {
        bench.prepare(&json!({}));
        let (life, reason) = (FIRST, "run".to_owned());
        bench.take(Event::SpawnPostponed { life, reason });
    }),
    ("errored", FIRST, |bench| {
        bench.prepare(&json!({}));
        let reason = "run".to_owned();
        bench.take(Event::SpawnFailed {
            life: FIRST,
            reason,
        });
    }),
    ("errored, a life lingers", FIRST, |bench| {
        online(bench);
        bench.ask(Request::Stop(APP));
        bench.deadline();
        bench.deadline();
    }),
    ("worker launching", FIRST, |bench| {
        bench.prepare(&json!({"exec_mode": "cluster_mode"}));
        bench.spawned(FIRST);
    }),
    ("worker online, not known to listen", FIRST, |bench| {
        bench.prepare(&json!({"exec_mode": "cluster_mode"}));
        bench.spawned(FIRST);
        bench.take(Event::WorkerOnline { life: FIRST });
    }),
    ("worker online", FIRST, worker),
    (
        "worker online, its replacement launching",
        SECOND,
        replacing,
    ),
    (
        "worker online, its replacement launching; about the old one",
        FIRST,
        replacing,
    ),
    (
        "worker online, its replacement discarded",
        SECOND,
        |bench| {
            replacing(bench);
            bench.deadline();
        },
    ),
    ("worker online, the old one draining", FIRST, draining),
    (
        "worker online, the old one draining; about the new one",
        SECOND,
        draining,
    ),
    ("worker online, the old one asked", FIRST, |bench| {
        draining(bench);
        bench.take(Event::Drained { life: FIRST });
    }),
];

fn online(bench: &mut Bench) {
    let more = json!({"restart_delay": 100, "max_memory_restart": 1000});
    bench.prepare(&more);
    bench.spawned(FIRST);
}

fn crashed(bench: &mut Bench) {
    online(bench);
    let status = ExitStatus::Code(1);
    bench.take(Event::Exited {
        life: FIRST,
        status,
    });
}

fn worker(bench: &mut Bench) {
    bench.prepare(&json!({"exec_mode": "cluster_mode", "max_memory_restart": 1000}));
    bench.spawned(FIRST);
    bench.take(Event::Listening { life: FIRST });
}

fn replacing(bench: &mut Bench) {
    worker(bench);
    bench.ask(Request::Reload(APP, Change::default()));
    bench.spawned(SECOND);
}

fn draining(bench: &mut Bench) {
    replacing(bench);
    bench.take(Event::Listening { life: SECOND });
}

/// Each event, happening to `life`.
fn happen(bench: &mut Bench, event: &str, life: Life) -> Vec<Action> {
    let reason = "run".to_owned();
    match event {
        "start" => bench.ask(Request::Start(APP)),
        "stop" => bench.ask(Request::Stop(APP)),
        "restart" => bench.ask(Request::Restart(APP, Change::default())),
        "reload" => bench.ask(Request::Reload(APP, Change::default())),
        "delete" => bench.ask(Request::Delete(APP)),
        "signal" => bench.ask(Request::Signal(APP, 10)),
        "shutdown" => bench.ask(Request::Shutdown),
        "Spawned" => bench.spawned(life),
        "SpawnFailed" => bench.take(Event::SpawnFailed { life, reason }),
        "SpawnPostponed" => bench.take(Event::SpawnPostponed { life, reason }),
        "Ready" => bench.take(Event::Ready { life }),
        "WorkerOnline" => bench.take(Event::WorkerOnline { life }),
        "WorkerAlone" => bench.take(Event::WorkerAlone { life, reason }),
        "Listening" => bench.take(Event::Listening { life }),
        "Settled" => bench.take(Event::Settled { life }),
        "WorkerHung" => {
            let silent_for = Duration::from_secs(2);
            bench.take(Event::WorkerHung { life, silent_for })
        }
        "DrainBegan" => bench.take(Event::DrainBegan { life }),
        "Drained" => bench.take(Event::Drained { life }),
        "Exited" => {
            let status = ExitStatus::Code(1);
            bench.take(Event::Exited { life, status })
        }
        "Probed: nothing left" => bench.take(Event::Probed { life, alive: 0 }),
        "Probed: one left" => bench.take(Event::Probed { life, alive: 1 }),
        "Sampled: too much" => {
            let memory_bytes = 1001;
            bench.take(Event::Sampled { life, memory_bytes })
        }
        "deadline" => bench.deadline(),
        _ => unreachable!("{event} is no event"),
    }
}

const EVENTS: &[&str] = &[
    "start",
    "stop",
    "restart",
    "reload",
    "delete",
    "signal",
    "shutdown",
    "Spawned",
    "SpawnFailed",
    "SpawnPostponed",
    "Ready",
    "WorkerOnline",
    "WorkerAlone",
    "Listening",
    "Settled",
    "WorkerHung",
    "DrainBegan",
    "Drained",
    "Exited",
    "Probed: nothing left",
    "Probed: one left",
    "Sampled: too much",
    "deadline",
];

fn state(instance: Option<&Instance>) -> String {
    let Some(instance) = instance else {
        return "(forgotten)".to_owned();
    };
    let mut text = match &instance.state {
        State::Stopped => "stopped".to_owned(),
        State::Launching { life, .. } => format!("launching life {life}"),
        State::Online { life, .. } => format!("online life {life}"),
        State::Stopping {
            termination,
            next_goal,
            ..
        } => {
            let gone = if termination.main_gone {
                " leftovers"
            } else {
                ""
            };
            format!(
                "stopping ({}{gone}), then {}",
                phase(termination.phase),
                wish(next_goal)
            )
        }
        State::Waiting { .. } => "waiting".to_owned(),
        State::Errored { .. } => "errored".to_owned(),
    };
    match &instance.replacement {
        Some(Replacement::Starting(_)) => text.push_str(" + replacement"),
        Some(Replacement::Discarding { .. }) => text.push_str(" + replacement ending"),
        Some(Replacement::Draining(_)) => text.push_str(" + old draining"),
        Some(Replacement::Retiring { .. }) => text.push_str(" + old ending"),
        None => {}
    }
    if !instance.lingering.is_empty() {
        text.push_str(" + lingering");
    }
    text
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Draining { .. } => "draining",
        Phase::Counting { .. } => "counting",
        Phase::Asked { .. } => "asked",
        Phase::Killed { .. } => "killed",
    }
}

fn wish(next_goal: &NextGoal) -> &'static str {
    match next_goal {
        NextGoal::Stay => "stay",
        NextGoal::Start { .. } => "start",
        NextGoal::Restart { .. } => "restart by policy",
        NextGoal::Remove => "forget",
        NextGoal::Fail { .. } => "errored",
    }
}

fn actions(actions: &[Action]) -> String {
    let words: Vec<String> = actions.iter().filter_map(word).collect();
    words.join(", ")
}

fn word(action: &Action) -> Option<String> {
    Some(match action {
        Action::Spawn { life, .. } => format!("spawn {life}"),
        Action::Terminate { life, how } => match how {
            Ask::Signal(_, Scope::Tree) => format!("signal tree {life}"),
            Ask::Signal(_, Scope::Main) => format!("signal {life}"),
            Ask::Message => format!("message {life}"),
        },
        Action::Kill { life, .. } => format!("kill {life}"),
        Action::Probe { life } => format!("probe {life}"),
        Action::Admit { life } => format!("admit {life}"),
        Action::CloseListeners { .. } => "close listeners".to_owned(),
        Action::Pause { paused, .. } => format!("pause {paused}"),
        Action::SilenceAgent { life } => format!("silence agent {life}"),
        Action::Sample { lives } => format!("sample {}", lives[0]),
        Action::Drain { life } => format!("drain {life}"),
        Action::Signal { life, signal } => format!("signal {signal} to {life}"),
        Action::Release { life } => format!("release {life}"),
        Action::Forget { .. } => "forget".to_owned(),
        Action::Publish(Notice::Process { event, process, .. }) => {
            let status = process["status"].as_str().unwrap_or_default();
            format!("publish *{event}* ({status})")
        }
        Action::Reply { request, reply } => {
            let answer = match reply {
                Ok(Outcome::Gone(_)) => "gone".to_owned(),
                Ok(Outcome::WasNotRunning(_)) => "was not running".to_owned(),
                Ok(Outcome::Instances(_) | Outcome::Job(_) | Outcome::Done) => "ok".to_owned(),
                Err(error) => error.to_string(),
            };
            format!("reply {}: {answer}", request.0)
        }
        Action::Log { .. }
        | Action::Configure { .. }
        | Action::Watch { .. }
        | Action::Unwatch { .. }
        | Action::Publish(Notice::Progress { .. }) => return None,
    })
}

fn table() -> String {
    let mut text = String::from(
        "# What happens in each state on each event\n\n\
         Generated by `UPDATE_TRANSITIONS=1 cargo test -p ward-core --test world table`; the test\n\
         fails when this file is stale. Small letters: requests. Capitals: events, about the life in\n\
         question. An event that is not listed changes nothing and asks for nothing. Lives and\n\
         requests are numbered from 1; log lines are left out. The app has `restart_delay`.\n",
    );
    for (name, life, path) in STATES {
        let mut bench = Bench::new();
        path(&mut bench);
        let now = state(bench.supervisor.instance(APP));
        write!(
            text,
            "\n## {name}\n\n`{now}`; events are about life {life}.\n\n"
        )
        .expect("text");
        text.push_str("| event | next state | actions |\n|---|---|---|\n");
        for event in EVENTS {
            let mut bench = Bench::new();
            path(&mut bench);
            let before = bench.supervisor.clone();
            let done = happen(&mut bench, event, *life);
            if bench.supervisor == before && done.is_empty() {
                continue;
            }
            let next = state(bench.supervisor.instance(APP));
            let done = actions(&done);
            writeln!(text, "| {event} | {next} | {done} |").expect("text");
        }
    }
    text
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the core must not read files, but the test of its documentation has to"
)]
fn the_table_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/transitions.md");
    let table = table();
    if std::env::var_os("UPDATE_TRANSITIONS").is_some() {
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("docs can be made");
        std::fs::write(&path, &table).expect("the table can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == table,
        "docs/transitions.md is stale: UPDATE_TRANSITIONS=1 cargo test -p ward-core --test world table"
    );
}
