//! Restarts because of changed files.

use core::time::Duration;

use serde_json::json;
use ward_core::event::Event;
use ward_core::id::{InstanceId, WatchId};
use ward_core::request::{Change, Request, WatchChange};

use crate::os::Plan;
use crate::world::{World, app};

const APP: WatchId = WatchId(1);

/// An app whose files are watched, up for a second.
pub(crate) fn watched(world: &mut World, more: &serde_json::Value) {
    let mut spec = json!({"watch": true});
    let object = spec.as_object_mut().expect("an object");
    object.extend(more.as_object().expect("an object").clone());
    world.ask(Request::Prepare(Box::new(app("app", &spec))));
    world.run(1000);
}

/// A file changed just now.
pub(crate) fn change(world: &mut World, path: &str) {
    let at = world.now().wall;
    world.deliver(Event::FilesChanged {
        app: APP,
        path: path.to_owned(),
        at,
    });
}

fn begun(world: &World) -> usize {
    world.os.processes.len()
}

#[test]
fn a_change_restarts_the_instances_two_at_a_time() {
    let mut world = World::new();
    watched(&mut world, &json!({"instances": 3}));
    world.story.clear();
    change(&mut world, "app.js");
    world.run(1000);
    insta::assert_snapshot!(world.story);
}

#[test]
fn what_changes_during_a_restart_is_not_lost() {
    let mut world = World::new().usually(Plan {
        obeys: Some(100),
        ..Plan::default()
    });
    watched(&mut world, &json!({"instances": 3}));
    change(&mut world, "a.js");
    world.run(150);
    // Two instances know of this one already, the third begins later.
    change(&mut world, "b.js");
    world.run(5000);
    assert_eq!(begun(&world), 8, "{}", world.story);
}

#[test]
fn who_was_stopped_while_it_waited_stays_so() {
    let mut world = World::new();
    watched(&mut world, &json!({"instances": 3}));
    change(&mut world, "app.js");
    world.ask(Request::Stop(InstanceId(2)));
    world.run(1000);
    assert_eq!(begun(&world), 5, "the third is not started again");
}

#[test]
fn an_app_is_watched_while_it_is_to_be() {
    let mut world = World::new();
    world.ask(Request::Prepare(Box::new(app("plain", &json!({})))));
    assert!(world.watched.is_empty());
    watched(&mut world, &json!({"instances": 2}));
    assert_eq!(world.watched.len(), 1, "an app is watched once");
    world.ask(Request::Watch(InstanceId(0), WatchChange::On));
    assert_eq!(world.watched.len(), 2);
    world.ask(Request::Stop(InstanceId(0)));
    assert_eq!(world.watched.len(), 1);
    for id in [1, 2] {
        world.ask(Request::Delete(InstanceId(id)));
    }
    world.run(1000);
    assert!(world.watched.is_empty());
}

#[test]
fn an_app_that_cannot_be_watched_runs_on_and_is_tried_again() {
    let mut world = World::new();
    watched(&mut world, &json!({}));
    world.watched.clear();
    let reason = "no watches are left".to_owned();
    world.deliver(Event::WatchFailed { app: APP, reason });
    let told = "error: cannot watch files for app app: no watches are left; the app runs on";
    assert!(world.story.contains(told), "{}", world.story);
    world.ask(Request::Stop(InstanceId(0)));
    world.run(100);
    world.ask(Request::Start(InstanceId(0)));
    assert_eq!(world.watched.len(), 1);
}

#[test]
fn an_app_that_writes_its_own_files_is_slowed_down() {
    let mut world = World::new();
    watched(&mut world, &json!({}));
    for _ in 0..6 {
        change(&mut world, "state.json");
        world.run(200);
    }
    let held = begun(&world);
    change(&mut world, "state.json");
    world.run(500);
    assert_eq!(begun(&world), held, "{}", world.story);
    assert!(world.story.contains("again and again because state.json"));
    world.run(1000);
    assert_eq!(begun(&world), held + 1, "the change is not forgotten");
}

#[test]
fn a_reload_by_somebody_else_may_have_begun_too_early() {
    let mut world = World::new();
    watched(&mut world, &json!({"exec_mode": "cluster_mode"}));
    world.ask(Request::Reload(InstanceId(0), Change::default()));
    assert_eq!(begun(&world), 2);
    world.run(1);
    change(&mut world, "app.js");
    world.run(10_000);
    assert_eq!(begun(&world), 3, "{}", world.story);
}

#[test]
fn a_step_of_the_clock_neither_loses_nor_repeats_a_restart() {
    let hour = i64::try_from(Duration::from_hours(1).as_millis()).expect("few");
    let mut world = World::new();
    watched(&mut world, &json!({}));
    world.clock_set += hour;
    change(&mut world, "app.js");
    world.run(1000);
    assert_eq!(begun(&world), 2);
    world.run(100_000);
    assert_eq!(begun(&world), 2);
}
