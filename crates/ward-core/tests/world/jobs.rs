//! Jobs: many instances at once, with deadlines, and what may come in between.

use core::time::Duration;

use serde_json::json;
use ward_core::id::{InstanceId, RequestId};
use ward_core::jobs::{Act, PartError, PartResult, PrepareAll, Registration, Scale, Verb};
use ward_core::request::{Change, Outcome, Request, RequestError, SupersededBy};

use crate::os::Plan;
use crate::world::{World, app};

/// An action on these instances.
pub(crate) fn act(verb: Verb, ids: impl IntoIterator<Item = u32>) -> Act {
    let ids = ids.into_iter().map(InstanceId).collect();
    Act {
        verb,
        targets: vec![(ids, Change::default())],
        watch: None,
        parallel: None,
        deadline: None,
    }
}

fn ask(world: &mut World, act: Act) -> RequestId {
    world.ask(Request::Act(Box::new(act)))
}

/// Workers of an app that declares how many are replaced at once.
pub(crate) fn workers(world: &mut World, name: &str, count: u32, parallel: Option<u32>) {
    let more = json!({"exec_mode": "cluster_mode", "instances": count});
    let mut spec = app(name, &more);
    spec.cluster.parallel = parallel;
    world.ask(Request::Prepare(Box::new(spec)));
    world.run(1000);
}

/// The results of a job that was answered.
fn results(world: &World, job: RequestId) -> Vec<PartResult> {
    match world.replies.get(&job) {
        Some(Ok(Outcome::Job(results))) => results.iter().flatten().cloned().collect(),
        other => panic!("no results: {other:?}"),
    }
}

fn errors(world: &World, job: RequestId) -> Vec<Option<PartError>> {
    let results = results(world, job).into_iter();
    results.map(|result| result.error).collect()
}

/// How many lives were begun so far.
fn begun(world: &World) -> usize {
    world.os.processes.len()
}

#[test]
fn a_reload_of_all_replaces_as_many_workers_of_each_app_as_it_declares() {
    let mut world = World::new();
    workers(&mut world, "careful", 1, Some(1));
    workers(&mut world, "bold", 3, Some(3));
    let before = begun(&world);
    let job = ask(&mut world, act(Verb::Reload, 0..4));
    assert_eq!(
        begun(&world) - before,
        3,
        "one of the first, two of the second"
    );
    world.run(10_000);
    assert_eq!(errors(&world, job), [None, None, None, None]);
}

#[test]
fn a_roll_is_one_by_one_and_each_part_is_told() {
    let mut world = World::new();
    world.ask(Request::Prepare(Box::new(app(
        "app",
        &json!({"instances": 3}),
    ))));
    world.run(1000);
    world.story.clear();
    let mut restart = act(Verb::Restart, 0..3);
    restart.parallel = Some(1);
    ask(&mut world, restart);
    world.run(1000);
    insta::assert_snapshot!(world.story);
}

#[test]
fn nobody_is_told_of_progress_when_nobody_listens() {
    let mut world = World::new();
    world.ask(Request::Prepare(Box::new(app(
        "app",
        &json!({"instances": 3}),
    ))));
    world.supervisor.set_followed(false);
    ask(&mut world, act(Verb::Restart, 0..3));
    world.run(1000);
    assert!(!world.story.contains("progress"), "{}", world.story);
}

#[test]
fn a_job_that_is_late_says_so_and_goes_on() {
    let mut world = World::new().usually(Plan {
        obeys: Some(500),
        ..Plan::default()
    });
    world.ask(Request::Prepare(Box::new(app(
        "app",
        &json!({"instances": 3}),
    ))));
    world.run(100);
    let before = begun(&world);
    let waited = Duration::from_millis(700);
    let restart = Act {
        parallel: Some(1),
        deadline: Some(waited),
        ..act(Verb::Restart, 0..3)
    };
    let job = ask(&mut world, restart);
    world.run(700);
    let late = Some(PartError::Late(waited));
    assert_eq!(errors(&world, job), [None, late.clone(), late]);
    world.run(2000);
    assert_eq!(begun(&world) - before, 3, "all of them were restarted");
}

#[test]
fn apps_that_are_not_ready_in_time_are_named() {
    let mut world = World::new();
    let wait = json!({"wait_ready": true, "listen_timeout": 3000});
    let apps = [app("quick", &json!({})), app("slow", &wait)];
    let deadline = Some(Duration::from_millis(50));
    let apps = apps.map(|app| Registration::New(Box::new(app))).into();
    let job = world.ask(Request::PrepareAll(PrepareAll { apps, deadline }));
    world.run(50);
    let results = results(&world, job);
    let names: Vec<_> = results.iter().filter_map(|it| it.name.as_deref()).collect();
    assert_eq!(names, ["quick", "slow"]);
    let errors: Vec<_> = results.iter().map(|it| it.error.is_some()).collect();
    assert_eq!(errors, [false, true]);
}

#[test]
fn an_app_that_is_deleted_during_a_roll_is_an_unknown_one_by_then() {
    let mut world = World::new();
    workers(&mut world, "app", 3, Some(1));
    let job = ask(&mut world, act(Verb::Reload, 0..3));
    world.ask(Request::Delete(InstanceId(2)));
    world.run(20_000);
    let gone = RequestError::UnknownInstance(InstanceId(2));
    let gone = Some(PartError::Refused(gone));
    assert_eq!(errors(&world, job), [None, None, gone]);
}

#[test]
fn two_rolls_of_the_same_workers_do_not_meet() {
    let mut world = World::new();
    workers(&mut world, "app", 2, Some(2));
    let first = ask(&mut world, act(Verb::Reload, 0..2));
    let second = ask(&mut world, act(Verb::Reload, 0..2));
    world.run(20_000);
    assert_eq!(errors(&world, first), [None, None]);
    let refused = |id| Some(PartError::Refused(RequestError::Reloading(InstanceId(id))));
    assert_eq!(errors(&world, second), [refused(0), refused(1)]);
}

#[test]
fn the_end_of_everything_ends_a_roll() {
    let mut world = World::new();
    workers(&mut world, "app", 3, Some(1));
    let job = ask(&mut world, act(Verb::Reload, 0..3));
    world.run(10);
    world.ask(Request::Shutdown);
    world.run(20_000);
    let superseded = RequestError::Superseded {
        instance: InstanceId(0),
        by: SupersededBy::Shutdown,
    };
    let wanted = [
        superseded,
        RequestError::ShuttingDown,
        RequestError::ShuttingDown,
    ];
    let wanted = wanted.map(|error| Some(PartError::Refused(error)));
    assert_eq!(errors(&world, job), wanted);
    assert_eq!(world.open_requests(), Vec::<u64>::new());
}

#[test]
fn the_answer_about_a_reload_tells_what_became_of_the_connections() {
    let mut world = World::new();
    workers(&mut world, "app", 1, None);
    let job = ask(&mut world, act(Verb::Reload, 0..1));
    world.run(10_000);
    assert!(results(&world, job)[0].connections.is_some());
}

#[test]
fn a_tally_that_never_comes_is_not_waited_for_without_end() {
    let mut world = World::new().usually(Plan {
        counts: None,
        ..Plan::default()
    });
    workers(&mut world, "app", 1, None);
    let job = ask(&mut world, act(Verb::Reload, 0..1));
    world.run(4_000);
    assert!(!world.replies.contains_key(&job));
    world.run(4_000);
    assert_eq!(errors(&world, job), [None]);
    assert_eq!(results(&world, job)[0].connections, None);
}

#[test]
fn many_apps_begin_in_bursts_and_without_a_pause() {
    let mut world = World::new();
    world.writes = false;
    let apps = (0..100).map(|number| app(&format!("app{number}"), &json!({})));
    let apps = apps.map(|app| Registration::New(Box::new(app))).collect();
    let deadline = None;
    let job = world.ask(Request::PrepareAll(PrepareAll { apps, deadline }));
    assert_eq!(begun(&world), 32, "other events have their turn");
    world.run(0);
    assert_eq!(begun(&world), 100);
    world.run(10_000);
    let ids: Vec<_> = results(&world, job)
        .iter()
        .filter_map(|it| it.instance)
        .collect();
    assert_eq!(ids, (0..100).map(InstanceId).collect::<Vec<_>>());
}

#[test]
fn a_scale_lets_the_oldest_go_and_adds_like_ones() {
    let mut world = World::new();
    workers(&mut world, "app", 3, None);
    let scale = |wanted| {
        Request::Scale(Scale {
            name: "app".to_owned(),
            wanted,
            deadline: None,
        })
    };
    world.story.clear();
    world.ask(scale(1));
    world.run(10_000);
    world.ask(scale(2));
    world.run(10_000);
    insta::assert_snapshot!(world.story);
    let nobody = Scale {
        name: "nobody".to_owned(),
        wanted: 2,
        deadline: None,
    };
    let refused = world.ask(Request::Scale(nobody));
    let unknown = RequestError::UnknownApp("nobody".to_owned());
    assert_eq!(world.replies[&refused], Err(unknown));
}
