//! Numbers from outside at their extremes: a request that would make too much is refused before anything is made, and
//! no number ends the supervisor.

#![allow(clippy::unwrap_used, reason = "tests")]

use core::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use ward_core::action::Action;
use ward_core::defaults::Defaults;
use ward_core::event::{Event, ExitStatus};
use ward_core::id::RequestId;
use ward_core::jobs::{Act, PrepareAll, Registration, Scale, Verb};
use ward_core::limits::{MOST_INSTANCES, MOST_INSTANCES_OF_APP};
use ward_core::record::spec_from;
use ward_core::request::{Change, Outcome, Reply, Request, RequestError, RestoredState};
use ward_core::spec::AppSpec;
use ward_core::supervisor::Supervisor;
use ward_core::time::{Mono, Now, Wall};

/// Keys of a declaration that hold a number or a time.
const NUMBERS: [&str; 14] = [
    "instances",
    "kill_timeout",
    "kill_retry_time",
    "listen_timeout",
    "restart_delay",
    "exp_backoff_restart_delay",
    "min_uptime",
    "max_restarts",
    "max_memory_restart",
    "watch_delay",
    "drain_timeout",
    "parallel",
    "port",
    "cron_restart",
];

fn spec(extra: &Value) -> Option<Box<AppSpec>> {
    let mut record = json!({"name": "app", "pm_exec_path": "/srv/a.js", "env": {}});
    for (key, value) in extra.as_object().unwrap() {
        record[key] = value.clone();
    }
    spec_from(record.as_object().unwrap()).ok().map(Box::new)
}

fn stopped(count: i64) -> Box<AppSpec> {
    spec(&json!({"instances": count, "autostart": false})).unwrap()
}

fn now(seconds: u64) -> Now {
    Now {
        mono: Mono::default() + Duration::from_secs(seconds),
        wall: Wall(1_700_000_000_000 + seconds * 1000),
    }
}

/// The answer to a request about apps that are not started, which comes within a few ticks.
fn ask(supervisor: &mut Supervisor, request: Request) -> Reply {
    let mut actions = Vec::new();
    let id = RequestId(1);
    supervisor.handle(now(1), Event::Requested { id, request }, &mut actions);
    for _ in 0..MOST_INSTANCES {
        let reply = actions.drain(..).find_map(|action| match action {
            Action::Reply { reply, .. } => Some(reply),
            _ => None,
        });
        if let Some(reply) = reply {
            return reply;
        }
        supervisor.handle(now(1), Event::Ticked, &mut actions);
    }
    panic!("there is no answer");
}

fn is_refused(reply: &Reply) -> bool {
    matches!(
        reply,
        Err(RequestError::TooMany { .. }
            | RequestError::TooManyOfApp { .. }
            | RequestError::TooManyNamed(_))
    )
}

fn all(apps: Vec<Registration>) -> Request {
    let deadline = None;
    Request::PrepareAll(PrepareAll { apps, deadline })
}

fn scale(wanted: usize) -> Request {
    Request::Scale(Scale {
        name: "app".to_owned(),
        wanted,
        deadline: None,
    })
}

#[test]
fn more_instances_of_an_app_than_there_can_be_are_refused_in_a_sentence() {
    let mut supervisor = Supervisor::new(Defaults::default());
    ask(&mut supervisor, Request::Prepare(stopped(1))).unwrap();
    let most = usize::try_from(MOST_INSTANCES_OF_APP).unwrap();
    for request in [
        Request::Prepare(stopped(4_000_000_000)),
        Request::Prepare(stopped(i64::MAX)),
        // One is there already.
        Request::Prepare(stopped(i64::from(MOST_INSTANCES_OF_APP))),
        all(vec![Registration::New(stopped(4_000_000_000))]),
        all(vec![
            Registration::New(stopped(1)),
            Registration::New(stopped(i64::MAX)),
        ]),
        scale(1_000_000_000_000),
        scale(usize::MAX),
        scale(most + 1),
    ] {
        let shown = format!("{request:?}");
        let reply = ask(&mut supervisor, request);
        assert!(is_refused(&reply), "{shown}: {reply:?}");
        assert_eq!(supervisor.instances().count(), 1, "{shown}");
    }
    let error = ask(&mut supervisor, scale(1_000_000_000_000)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "an app can have at most 10000 instances, and this would make 1000000000000"
    );
}

#[test]
fn more_instances_than_there_can_be_are_refused_in_a_sentence() {
    let mut supervisor = Supervisor::new(Defaults::default());
    let full = i64::from(MOST_INSTANCES_OF_APP);
    let apps = || {
        let apps = (0..11).map(|number| {
            let mut spec = stopped(full);
            spec.name = format!("app{number}");
            Registration::New(spec)
        });
        apps.collect::<Vec<_>>()
    };
    let error = ask(&mut supervisor, all(apps())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "all apps together can have at most 100000 instances, and this would make 110000"
    );
    let saved = |_| Registration::Saved(stopped(1), RestoredState::default());
    let reply = ask(
        &mut supervisor,
        all((0..=MOST_INSTANCES).map(saved).collect()),
    );
    assert!(is_refused(&reply));
    assert_eq!(supervisor.instances().count(), 0);
}

#[test]
fn a_request_cannot_name_more_instances_than_there_can_be() {
    let mut supervisor = Supervisor::new(Defaults::default());
    ask(&mut supervisor, Request::Prepare(stopped(1))).unwrap();
    let id = supervisor.instances().next().unwrap().id;
    let act = Act {
        verb: Verb::Reset,
        targets: vec![(vec![id; MOST_INSTANCES + 1], Change::default())],
        watch: None,
        parallel: None,
        deadline: None,
    };
    let reply = ask(&mut supervisor, Request::Act(Box::new(act)));
    assert!(is_refused(&reply), "{reply:?}");
}

#[test]
fn the_most_instances_of_an_app_are_registered_and_can_become_fewer() {
    let mut supervisor = Supervisor::new(Defaults::default());
    let most = stopped(i64::from(MOST_INSTANCES_OF_APP));
    let reply = ask(&mut supervisor, Request::Prepare(most));
    assert!(matches!(reply, Ok(Outcome::Instances(_))), "{reply:?}");
    let id = supervisor.instances().next().unwrap().id;
    assert!(is_refused(&ask(&mut supervisor, Request::Duplicate(id))));
    ask(&mut supervisor, scale(3)).unwrap();
    assert_eq!(supervisor.instances().count(), 3);
}

/// Each part told of all instances of its name: a thousand of one name were a million results.
#[test]
fn a_late_answer_tells_of_each_instance_once() {
    let mut supervisor = Supervisor::new(Defaults::default());
    let starts = || {
        Registration::Saved(
            spec(&json!({"wait_ready": true})).unwrap(),
            RestoredState::default(),
        )
    };
    let deadline = Some(Duration::from_millis(1));
    let request = Request::PrepareAll(PrepareAll {
        apps: (0..1000).map(|_| starts()).collect(),
        deadline,
    });
    let mut actions = Vec::new();
    let id = RequestId(1);
    supervisor.handle(now(1), Event::Requested { id, request }, &mut actions);
    for _ in 0..100 {
        supervisor.handle(now(1), Event::Ticked, &mut actions);
    }
    assert_eq!(supervisor.instances().count(), 1000);
    actions.clear();
    supervisor.handle(now(2), Event::Ticked, &mut actions);
    let results = actions.iter().find_map(|action| match action {
        Action::Reply {
            reply: Ok(Outcome::Job(results)),
            ..
        } => Some(results),
        _ => None,
    });
    let told: usize = results.unwrap().iter().map(Vec::len).sum();
    assert_eq!(told, 1000);
}

fn number() -> impl Strategy<Value = Value> {
    let extremes = prop_oneof![
        Just(json!(u64::MAX)),
        Just(json!(i64::MIN)),
        Just(json!(i64::MAX)),
        Just(json!(f64::MAX)),
        Just(json!(f64::MIN)),
        Just(json!(-0.0)),
        Just(json!(9_007_199_254_740_993_u64)),
        Just(json!("9007199254740992d")),
        Just(json!("1e308")),
        Just(json!("1e999")),
        Just(json!("-1")),
        Just(json!("18446744073709551616")),
        Just(json!(u32::MAX)),
        Just(json!(0)),
    ];
    prop_oneof![
        extremes,
        any::<i64>().prop_map(|it| json!(it)),
        any::<f64>().prop_map(|it| json!(it)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Declares an app of extremes, runs it, lets it end, and lets all its deadlines pass.
    #[test]
    fn no_number_of_a_declaration_ends_the_supervisor(
        numbers in prop::collection::vec((prop::sample::select(&NUMBERS[..]), number()), 1..5),
        wanted in any::<usize>(),
        wait in any::<u64>(),
    ) {
        let mut supervisor = Supervisor::new(Defaults::default());
        let extra: Value = numbers.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        let Some(spec) = spec(&extra) else { return Ok(()) };
        let mut actions = Vec::new();
        let id = RequestId(1);
        let request = Request::Prepare(spec);
        supervisor.handle(now(1), Event::Requested { id, request }, &mut actions);
        let spawned = actions.iter().find_map(|action| match action {
            Action::Spawn { life, .. } => Some(*life),
            _ => None,
        });
        if let Some(life) = spawned {
            supervisor.handle(now(1), Event::Spawned { life, pid: 100, version: None }, &mut actions);
            let id = RequestId(2);
            let deadline = Some(Duration::from_millis(wait));
            let request = Request::Scale(Scale { name: "app".to_owned(), wanted: wanted.max(1), deadline });
            if wanted > usize::try_from(MOST_INSTANCES_OF_APP).unwrap() {
                supervisor.handle(now(1), Event::Requested { id, request }, &mut actions);
            }
            supervisor.handle(now(2), Event::Exited { life, status: ExitStatus::Code(1) }, &mut actions);
            supervisor.handle(now(2), Event::Probed { life, alive: 0 }, &mut actions);
        }
        for _ in 0..10 {
            let Some(at) = supervisor.deadline() else { break };
            let now = Now { mono: at.max(Mono(2_000_000_000)), wall: Wall(1_700_000_002_000) };
            supervisor.handle(now, Event::Ticked, &mut actions);
        }
        let most = usize::try_from(MOST_INSTANCES_OF_APP).unwrap();
        prop_assert!(supervisor.instances().count() <= most);
    }
}
