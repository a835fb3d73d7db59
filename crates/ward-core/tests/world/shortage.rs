//! Starts that fail because something is short are tried again; the app is not to blame.

use serde_json::json;
use ward_core::event::ExitStatus;
use ward_core::id::{InstanceId, RequestId};
use ward_core::instance::State;
use ward_core::instance::view::{Status, status};
use ward_core::request::{Change, Request, RequestError};

use crate::os::Plan;
use crate::world::{World, app};

const APP: InstanceId = InstanceId(0);

fn short() -> Plan {
    Plan {
        short: true,
        ..Plan::default()
    }
}

fn prepare(world: &mut World) {
    world.ask(Request::Prepare(Box::new(app("app", &json!({})))));
}

/// Starts an app that rests; the request.
fn start(world: &mut World) -> RequestId {
    let rests = json!({"autostart": false});
    world.ask(Request::Prepare(Box::new(app("app", &rests))));
    world.ask(Request::Start(APP))
}

fn state(world: &World) -> &State {
    &world.supervisor.instance(APP).expect("it is kept").state
}

#[test]
fn an_app_that_ends_while_descriptors_are_short_runs_again_when_they_are_not() {
    let mut world = World::new();
    prepare(&mut world);
    world.run(5000);
    for _ in 0..4 {
        world.next(short());
    }
    let life = world.life_of(APP).expect("it runs");
    world.crash(life, ExitStatus::Code(1));
    world.run(200);
    assert_eq!(status(state(&world)), Status::Waiting);
    let shown = world.supervisor.instance(APP).expect("it is kept");
    assert_eq!(
        shown.failure.as_deref(),
        Some("open a log file: Too many open files; it is tried again until it can")
    );
    world.run(10_000);
    insta::assert_snapshot!(world.story);
    let app = world.supervisor.instance(APP).expect("it is kept");
    assert!(matches!(app.state, State::Online { .. }));
    assert_eq!(
        (app.restarts, &app.failure, &app.shortage),
        (1, &None, &None)
    );
    let said = |text: &str| world.story.matches(text).count();
    assert_eq!(said("it waits, and is tried again"), 1);
    assert_eq!(said("was started after it had to wait"), 1);
}

#[test]
fn whoever_asked_for_the_start_is_told_and_the_tries_go_on() {
    let mut world = World::new().usually(short());
    let request = start(&mut world);
    world.run(2900);
    assert!(!world.replies.contains_key(&request), "it may be over soon");
    world.run(5000);
    let Some(Err(RequestError::SpawnFailed { reason, .. })) = world.replies.get(&request) else {
        panic!("{:?}", world.replies.get(&request));
    };
    assert!(
        reason.ends_with("; it is tried again until it can"),
        "{reason}"
    );
    world.run(3_600_000);
    assert_eq!(status(state(&world)), Status::Waiting, "never errored");
    // Five seconds or a quarter less between two tries.
    let tries = world.story.matches(" spawn ").count();
    assert!((700..1000).contains(&tries), "{tries} tries in an hour");
    let mut world = world.usually(Plan::default());
    world.run(5000);
    assert!(matches!(state(&world), State::Online { .. }));
}

#[test]
fn a_stop_or_a_delete_ends_the_wait() {
    let mut world = World::new().usually(short());
    let request = start(&mut world);
    world.run(500);
    let stop = world.ask(Request::Stop(APP));
    world.run(10_000);
    assert!(world.replies.contains_key(&stop));
    assert!(world.replies[&request].is_err(), "it was superseded");
    assert_eq!(status(state(&world)), Status::Stopped);
    let app = world.supervisor.instance(APP).expect("it is kept");
    assert_eq!((&app.failure, &app.shortage), (&None, &None));
    world.ask(Request::Start(APP));
    world.run(500);
    let delete = world.ask(Request::Delete(APP));
    assert!(world.replies.contains_key(&delete));
    assert!(world.supervisor.instance(APP).is_none());
}

#[test]
fn a_worker_that_cannot_be_replaced_for_now_serves_on() {
    let mut world = World::new();
    let worker = json!({"exec_mode": "cluster_mode", "instances": 1});
    world.ask(Request::Prepare(Box::new(app("app", &worker))));
    world.run(1000);
    world.next(short());
    let reload = world.ask(Request::Reload(APP, Change::default()));
    world.run(1000);
    assert!(matches!(
        world.replies[&reload],
        Err(RequestError::ReloadFailed { .. })
    ));
    assert!(matches!(state(&world), State::Online { .. }));
}
