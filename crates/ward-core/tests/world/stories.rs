//! Stories: what a person does, what the world does, and all that follows, as text.

use serde_json::{Value, json};
use ward_core::event::{Event, ExitStatus};
use ward_core::id::{InstanceId, Life};
use ward_core::request::{Change, Request, RequestError};

use crate::os::Plan;
use crate::world::{World, app};

const APP: InstanceId = InstanceId(0);

fn prepare(world: &mut World, more: &Value) {
    world.ask(Request::Prepare(Box::new(app("app", more))));
}

fn restart(id: InstanceId) -> Request {
    Request::Restart(id, Change::default())
}

fn reload(id: InstanceId) -> Request {
    Request::Reload(id, Change::default())
}

fn ends_after(millis: u64, code: i32) -> Plan {
    Plan {
        ends: Some((millis, ExitStatus::Code(code))),
        ..Plan::default()
    }
}

fn worker(more: &Value) -> Value {
    let mut worker = json!({"exec_mode": "cluster_mode", "instances": 1});
    let object = worker.as_object_mut().expect("an object");
    object.extend(more.as_object().expect("an object").clone());
    worker
}

#[test]
fn start_stop_start_delete() {
    let mut world = World::new();
    prepare(&mut world, &json!({}));
    world.run(1000);
    world.ask(Request::Stop(APP));
    world.run(1000);
    world.ask(Request::Start(APP));
    world.run(1000);
    world.ask(Request::Delete(APP));
    world.run(1000);
    insta::assert_snapshot!(world.story);
}

#[test]
fn a_restart_of_a_running_app_counts_and_of_a_stopped_one_does_not() {
    let mut world = World::new();
    prepare(&mut world, &json!({}));
    world.ask(restart(APP));
    world.run(1000);
    world.ask(Request::Stop(APP));
    world.run(1000);
    world.ask(restart(APP));
    world.run(1000);
    insta::assert_snapshot!(world.story);
    assert_eq!(
        world.supervisor.instance(APP).map(|it| it.restarts),
        Some(1)
    );
}

#[test]
fn a_tight_loop_ends_errored_after_sixteen_starts() {
    let mut world = World::new().usually(ends_after(30, 1));
    prepare(&mut world, &json!({}));
    world.run(60_000);
    let starts = world.story.matches(" spawn ").count();
    assert_eq!(starts, 16);
    let app = world.supervisor.instance(APP).expect("it is kept");
    assert_eq!(app.restarts, 15);
    insta::assert_snapshot!(
        world
            .story
            .lines()
            .rev()
            .take(9)
            .collect::<Vec<_>>()
            .join("\n")
    );
}

#[test]
fn an_app_that_was_stable_for_long_and_then_loops_ends_errored_too() {
    let mut world = World::new().usually(ends_after(30, 1));
    world.next(ends_after(3_600_000, 1));
    prepare(&mut world, &json!({}));
    world.run(3_700_000);
    let starts = world.story.matches(" spawn ").count();
    assert_eq!(starts, 17, "one long life, sixteen short ones");
    assert!(world.story.contains("too many unstable restarts (16)"));
}

#[test]
fn a_stable_life_ends_the_streak() {
    let mut world = World::new();
    for _ in 0..3 {
        for _ in 0..15 {
            world.next(ends_after(30, 1));
        }
        world.next(ends_after(1_000, 1));
    }
    prepare(&mut world, &json!({}));
    world.run(60_000);
    assert!(!world.story.contains("overlimit"));
    assert_eq!(world.story.matches(" spawn ").count(), 49);
}

#[test]
fn an_app_that_waits_between_its_lives_may_try_for_ever() {
    let mut world = World::new().usually(ends_after(30, 1));
    prepare(&mut world, &json!({"restart_delay": 2000}));
    world.run(400_000);
    assert!(!world.story.contains("overlimit"));
    assert!(world.story.matches(" spawn ").count() > 190);
}

#[test]
fn an_app_that_hit_the_limit_is_errored_and_not_waiting() {
    let mut world = World::new().usually(ends_after(30, 1));
    prepare(
        &mut world,
        &json!({"restart_delay": 100, "max_restarts": 3}),
    );
    world.run(60_000);
    let app = world.supervisor.instance(APP).expect("it is kept");
    assert_eq!(ward_core::view::record(app)["status"], "errored");
    assert_eq!(world.story.matches(" spawn ").count(), 3);
    world.ask(Request::Start(APP));
    assert_eq!(world.story.matches(" spawn ").count(), 4);
}

#[test]
fn delays_grow_and_are_no_tight_loop() {
    let mut world = World::new().usually(ends_after(30, 1));
    prepare(&mut world, &json!({"exp_backoff_restart_delay": 100}));
    world.run(20_000);
    insta::assert_snapshot!(world.story);
}

#[test]
fn a_calm_life_ends_the_growth_of_delays() {
    let mut world = World::new();
    world.next(ends_after(30, 1));
    world.next(ends_after(30, 1));
    prepare(&mut world, &json!({"exp_backoff_restart_delay": 100}));
    let delay = |world: &World| {
        let app = world.supervisor.instance(APP).expect("it is kept");
        ward_core::view::record(app)
            .get("prev_restart_delay")
            .cloned()
    };
    assert_eq!(delay(&world), None);
    world.run(29_000);
    assert_eq!(delay(&world), Some(json!(150)));
    world.run(2_000);
    assert_eq!(delay(&world), Some(json!(0)));
}

#[test]
fn stop_and_start_while_waiting_for_the_restart() {
    let mut world = World::new();
    world.next(ends_after(2000, 1));
    world.next(ends_after(2000, 1));
    prepare(&mut world, &json!({"restart_delay": 5000}));
    world.run(3000);
    world.ask(Request::Start(APP));
    world.run(3000);
    world.ask(Request::Stop(APP));
    world.run(10_000);
    insta::assert_snapshot!(world.story);
}

#[test]
fn a_stop_code_or_no_autorestart_ends_stopped_also_with_a_delay() {
    let mut world = World::new().usually(ends_after(50, 7));
    prepare(
        &mut world,
        &json!({"stop_exit_codes": [7], "restart_delay": 100}),
    );
    prepare(
        &mut world,
        &json!({"autorestart": false, "exp_backoff_restart_delay": 100}),
    );
    world.run(10_000);
    insta::assert_snapshot!(world.story);
}

#[test]
fn an_app_that_ignores_the_signal_is_killed() {
    let mut world = World::new().usually(Plan {
        obeys: None,
        leftovers: 2,
        leftovers_obey: None,
        ..Plan::default()
    });
    prepare(&mut world, &json!({}));
    world.ask(restart(APP));
    world.run(3000);
    insta::assert_snapshot!(world.story);
}

#[test]
fn what_sigkill_cannot_end_holds_the_slot_until_it_is_gone() {
    let mut world = World::new();
    world.next(Plan {
        obeys: None,
        dies: Some(5000),
        ..Plan::default()
    });
    prepare(&mut world, &json!({}));
    world.ask(Request::Stop(APP));
    world.run(4000);
    world.ask(Request::Start(APP));
    world.run(4000);
    world.ask(Request::Start(APP));
    world.run(1000);
    insta::assert_snapshot!(world.story);
}

#[test]
fn an_orphan_of_a_crashed_app_is_gone_before_the_next_life() {
    let mut world = World::new();
    world.next(Plan {
        ends: Some((2000, ExitStatus::Signal(11))),
        leftovers: 1,
        leftovers_obey: Some(300),
        ..Plan::default()
    });
    prepare(&mut world, &json!({}));
    world.run(5000);
    insta::assert_snapshot!(world.story);
}

#[test]
fn a_spawn_that_fails_is_errored_and_never_online() {
    let mut world = World::new();
    world.next(Plan {
        spawns: false,
        ..Plan::default()
    });
    prepare(&mut world, &json!({"restart_delay": 10}));
    world.run(5000);
    world.ask(Request::Start(APP));
    insta::assert_snapshot!(world.story);
}

#[test]
fn ready_is_awaited_and_then_no_longer() {
    let mut world = World::new();
    world.next(Plan {
        says_ready: Some(700),
        ..Plan::default()
    });
    prepare(&mut world, &json!({"wait_ready": true}));
    prepare(
        &mut world,
        &json!({"wait_ready": true, "listen_timeout": 1000}),
    );
    world.run(5000);
    insta::assert_snapshot!(world.story);
}

#[test]
fn stop_and_delete_while_launching_leave_nothing() {
    let mut world = World::new();
    prepare(&mut world, &json!({"wait_ready": true}));
    world.run(100);
    world.ask(Request::Stop(APP));
    world.run(1000);
    world.ask(Request::Start(APP));
    world.run(100);
    world.ask(Request::Delete(APP));
    world.run(10_000);
    insta::assert_snapshot!(world.story);
    assert_eq!(world.supervisor.instances().count(), 0);
    assert_eq!(world.open_requests(), Vec::<u64>::new());
}

#[test]
fn start_during_stop_changes_the_course() {
    let mut world = World::new().usually(Plan {
        obeys: Some(500),
        ..Plan::default()
    });
    prepare(&mut world, &json!({}));
    world.ask(Request::Stop(APP));
    world.run(100);
    world.ask(Request::Start(APP));
    world.run(1000);
    world.ask(restart(APP));
    world.run(100);
    world.ask(Request::Delete(APP));
    world.run(100);
    world.ask(Request::Start(APP));
    world.run(1000);
    insta::assert_snapshot!(world.story);
}

#[test]
fn autostart_false_is_registered_and_can_be_started() {
    let mut world = World::new();
    prepare(&mut world, &json!({"autostart": false}));
    world.run(100);
    world.ask(Request::Start(APP));
    insta::assert_snapshot!(world.story);
}

#[test]
fn workers_are_replaced_without_a_gap() {
    let mut world = World::new();
    prepare(&mut world, &worker(&json!({})));
    world.run(1000);
    world.ask(reload(APP));
    world.run(5000);
    insta::assert_snapshot!(world.story);
}

#[test]
fn what_cannot_be_a_worker_runs_as_in_fork_mode_until_it_is_declared_anew() {
    let alone = || Plan {
        worker_online: None,
        listens: None,
        alone: Some(30),
        ..Plan::default()
    };
    let mut world = World::new();
    world.next(alone());
    prepare(&mut world, &worker(&json!({})));
    world.run(1000);
    // A restart, since nothing can take over its port, and not asked again.
    world.ask(reload(APP));
    world.run(1000);
    let declared = Change {
        spec: Some(Box::new(app("app", &worker(&json!({}))))),
        ..Change::default()
    };
    world.ask(Request::Reload(APP, declared));
    world.run(1000);
    // The old worker has the port of one that cannot be a worker any more.
    world.next(alone());
    world.ask(reload(APP));
    world.run(5000);
    insta::assert_snapshot!(world.story);
}

#[test]
fn a_replacement_that_dies_leaves_the_old_worker_alone() {
    let mut world = World::new();
    prepare(&mut world, &worker(&json!({})));
    world.run(1000);
    world.next(ends_after(15, 1));
    world.ask(reload(APP));
    world.run(5000);
    insta::assert_snapshot!(world.story);
}

#[test]
fn a_replacement_that_never_listens_leaves_the_old_worker_alone() {
    let mut world = World::new();
    prepare(&mut world, &worker(&json!({"listen_timeout": 1000})));
    world.run(2000);
    world.next(Plan {
        listens: None,
        ..Plan::default()
    });
    let change = Change {
        env: json!({"NEW": "1"}).as_object().expect("an object").clone(),
        ..Change::default()
    };
    world.ask(Request::Reload(APP, change));
    world.run(500);
    world.ask(reload(APP));
    world.run(5000);
    insta::assert_snapshot!(world.story);
    let app = world.supervisor.instance(APP).expect("it is kept");
    assert!(
        !app.spec.env.captured.contains_key("NEW"),
        "the declaration is back"
    );
}

#[test]
fn workers_that_never_listen_are_replaced_after_the_timeout() {
    let mut world = World::new().usually(Plan {
        listens: None,
        ..Plan::default()
    });
    prepare(&mut world, &worker(&json!({})));
    world.run(1000);
    world.ask(reload(APP));
    world.run(5000);
    insta::assert_snapshot!(world.story);
}

/// The first start looks whether the worker listens; after that nobody waits for it.
#[test]
fn workers_known_never_to_listen_are_not_waited_for() {
    let mut world = World::new().usually(Plan {
        listens: None,
        ..Plan::default()
    });
    prepare(&mut world, &worker(&json!({})));
    world.run(2000);
    world.ask(Request::Restart(APP, Change::default()));
    world.run(1000);
    world.ask(reload(APP));
    world.run(5000);
    insta::assert_snapshot!(world.story);
}

/// One that rests without having asked for a socket is not waited for, neither now nor when it is
/// replaced.
#[test]
fn a_worker_that_rests_without_listening_is_not_waited_for() {
    let mut world = World::new().usually(Plan {
        listens: None,
        settles: Some(90),
        ..Plan::default()
    });
    prepare(&mut world, &worker(&json!({})));
    world.run(1000);
    world.ask(reload(APP));
    world.run(1000);
    insta::assert_snapshot!(world.story);
}

/// It is late, as when a database has to answer first; once it has listened, its successors are
/// expected to.
#[test]
fn a_worker_that_rests_before_it_listens_is_waited_for_the_next_time() {
    let mut world = World::new().usually(Plan {
        listens: Some(500),
        settles: Some(90),
        ..Plan::default()
    });
    prepare(&mut world, &worker(&json!({})));
    world.run(1000);
    world.ask(restart(APP));
    world.run(1000);
    world.ask(reload(APP));
    world.run(1000);
    insta::assert_snapshot!(world.story);
}

#[test]
fn the_old_worker_dies_before_its_replacement_is_ready() {
    let mut world = World::new();
    prepare(&mut world, &worker(&json!({})));
    world.run(1000);
    world.ask(reload(APP));
    world.run(30);
    world.crash(Life(1), ExitStatus::Code(1));
    world.run(5000);
    insta::assert_snapshot!(world.story);
}

#[test]
fn stop_during_a_reload_ends_both_workers() {
    let mut world = World::new();
    prepare(&mut world, &worker(&json!({})));
    world.run(1000);
    world.ask(reload(APP));
    world.run(10);
    world.ask(Request::Stop(APP));
    world.run(5000);
    insta::assert_snapshot!(world.story);
}

/// The launch thread may take longer than a worker has to become ready.
#[test]
fn a_reload_whose_successor_fails_to_spawn_late_is_answered() {
    let mut world = World::new();
    prepare(&mut world, &worker(&json!({})));
    world.run(1000);
    world.next(Plan {
        spawns: false,
        begins: 3500,
        ..Plan::default()
    });
    let request = world.ask(reload(APP));
    world.run(5000);
    assert!(
        matches!(
            world.replies.get(&request),
            Some(Err(RequestError::ReloadFailed { .. }))
        ),
        "{:?}",
        world.replies.get(&request)
    );
}

/// A stop ended the watch; whoever starts the app again before it is gone wants it watched again.
#[test]
fn a_start_while_the_app_is_stopping_watches_its_files_again() {
    let mut world = World::new().usually(Plan {
        obeys: Some(500),
        ..Plan::default()
    });
    prepare(&mut world, &json!({"watch": true}));
    world.run(1000);
    assert_eq!(world.watched.len(), 1);
    world.ask(Request::Stop(APP));
    assert_eq!(world.watched.len(), 0);
    world.run(100);
    world.ask(Request::Start(APP));
    world.run(5000);
    assert_eq!(world.watched.len(), 1);
}

#[test]
fn too_much_memory_restarts_an_app_once_and_replaces_a_worker() {
    let mut world = World::new();
    prepare(&mut world, &json!({"max_memory_restart": 1000}));
    prepare(&mut world, &worker(&json!({"max_memory_restart": 1000})));
    world.run(1000);
    for life in [Life(1), Life(1), Life(2), Life(2)] {
        let memory_bytes = 1001;
        world.deliver(Event::Sampled { life, memory_bytes });
    }
    world.run(1000);
    insta::assert_snapshot!(world.story);
}

#[test]
fn memory_is_measured_only_while_an_app_has_a_limit() {
    let mut world = World::new();
    world.ask(Request::Prepare(Box::new(app("other", &json!({})))));
    world.run(1000);
    assert_eq!(world.supervisor.deadline(), None, "an idle daemon sleeps");
    world.next(Plan {
        memory_bytes: 2000,
        ..Plan::default()
    });
    prepare(&mut world, &json!({"max_memory_restart": 1000}));
    // What is too large is restarted at the first measurement, and its small successor stays.
    world.run(70_000);
    world.ask(Request::Delete(InstanceId(1)));
    world.run(1000);
    assert_eq!(world.supervisor.deadline(), None, "it sleeps again");
    insta::assert_snapshot!(world.story);
}

#[test]
fn a_pause_holds_over_restarts_and_ends_with_a_stop() {
    let mut world = World::new();
    prepare(&mut world, &worker(&json!({})));
    world.run(1000);
    world.ask(Request::Pause(APP, true));
    world.ask(restart(APP));
    world.run(1000);
    let paused = |world: &World| world.supervisor.instance(APP).map(|it| it.paused);
    assert_eq!(paused(&world), Some(true));
    world.ask(Request::Stop(APP));
    world.run(1000);
    assert_eq!(paused(&world), Some(false));
    let refused = world.ask(Request::Pause(APP, true));
    assert!(world.replies[&refused].is_err(), "it does not run");
    world.ask(Request::Start(APP));
    world.run(1000);
    insta::assert_snapshot!(world.story);
}

#[test]
fn nothing_is_restarted_for_a_while_after_a_kill_was_announced() {
    let mut world = World::new();
    prepare(&mut world, &json!({}));
    world.run(1000);
    world.deliver(Event::KillAnnounced);
    world.ask(restart(APP));
    world.ask(reload(APP));
    world.run(10_000);
    world.ask(restart(APP));
    world.run(1000);
    insta::assert_snapshot!(world.story);
}

#[test]
fn a_planned_restart_starts_a_stopped_app_until_it_is_deleted() {
    let mut world = World::new();
    prepare(&mut world, &json!({"cron_restart": "*/10 * * * * *"}));
    world.run(12_000);
    world.ask(Request::Stop(APP));
    world.run(10_000);
    let change = Change {
        conf: json!({"cron_restart": "0"})
            .as_object()
            .expect("an object")
            .clone(),
        ..Change::default()
    };
    world.ask(Request::Restart(APP, change));
    world.run(30_000);
    insta::assert_snapshot!(world.story);
}

/// The world begins at eight o'clock in the morning; the app is restarted at each full hour.
fn hourly() -> World {
    let mut world = World::new();
    prepare(&mut world, &json!({"cron_restart": "0 * * * *"}));
    world.run(20 * MINUTE);
    world
}

const MINUTE: u64 = 60_000;

fn restarts(world: &World) -> u32 {
    world.supervisor.instance(APP).map_or(0, |it| it.restarts)
}

#[test]
fn a_planned_restart_keeps_to_the_calendar_when_the_clock_is_set_forward() {
    let mut world = hourly();
    // 8:20 becomes 8:50.
    world.clock_set += 30 * 60_000;
    world.deliver(Event::ClockChanged);
    world.run(10 * MINUTE - 1);
    assert_eq!(restarts(&world), 0);
    world.run(1000);
    assert_eq!(restarts(&world), 1, "it is nine");
    world.run(60 * MINUTE);
    assert_eq!(restarts(&world), 2, "it is ten");
}

#[test]
fn a_planned_restart_that_was_slept_through_comes_at_once() {
    let mut world = hourly();
    // 8:20 becomes 10:20, and the shell hears of it with the next event, whatever that is.
    world.clock_set += 120 * 60_000;
    world.ask(Request::Monitor(APP, true));
    world.run(1000);
    assert_eq!(restarts(&world), 1, "once for all that was missed");
    world.run(41 * MINUTE);
    assert_eq!(restarts(&world), 2, "it is eleven");
}

#[test]
fn a_planned_restart_keeps_to_the_calendar_when_the_clock_is_set_back() {
    let mut world = hourly();
    // 8:20 becomes 7:50.
    world.clock_set -= 30 * 60_000;
    world.deliver(Event::ClockChanged);
    world.run(10 * MINUTE + 1000);
    assert_eq!(restarts(&world), 1, "it is eight again");
    world.run(60 * MINUTE);
    assert_eq!(restarts(&world), 2, "it is nine");
}

#[test]
fn a_clock_that_is_only_adjusted_changes_no_plan() {
    let mut world = hourly();
    let planned = world
        .supervisor
        .instance(APP)
        .and_then(|it| it.planned.clone());
    world.clock_set += 900;
    world.ask(Request::Monitor(APP, true));
    let after = world
        .supervisor
        .instance(APP)
        .and_then(|it| it.planned.clone());
    assert_eq!(planned, after);
}

#[test]
fn a_planned_restart_replaces_a_worker_unless_that_is_under_way() {
    let mut world = World::new();
    let cron = json!({"cron_restart": "*/10 * * * * *", "listen_timeout": 15_000});
    prepare(&mut world, &worker(&cron));
    world.run(12_000);
    world.next(Plan {
        listens: None,
        ..Plan::default()
    });
    world.run(30_000);
    insta::assert_snapshot!(world.story);
}

#[test]
fn shutdown_stops_all_side_by_side() {
    let mut world = World::new().usually(Plan {
        obeys: Some(200),
        ..Plan::default()
    });
    prepare(&mut world, &json!({"instances": 3}));
    world.ask(Request::Shutdown);
    world.ask(Request::Start(APP));
    world.run(2000);
    insta::assert_snapshot!(world.story);
}

#[test]
fn a_message_asks_first_and_leftovers_get_the_signal() {
    let mut world = World::new().usually(Plan {
        leftovers: 1,
        ..Plan::default()
    });
    prepare(&mut world, &json!({"shutdown_with_message": true}));
    world.ask(Request::Stop(APP));
    world.run(2000);
    insta::assert_snapshot!(world.story);
}

/// What was on its way to a worker has to arrive before it can be told to finish.
#[test]
fn a_worker_has_its_whole_time_from_when_it_is_told_to_finish() {
    let mut world = World::new().usually(Plan {
        drains: None,
        ..Plan::default()
    });
    prepare(&mut world, &worker(&json!({"drain_timeout": 20_000})));
    world.run(1000);
    world.ask(reload(APP));
    world.run(1000);
    let life = Life(1);
    // On a busy machine: the plane was told later than it was decided.
    world.deliver(Event::DrainBegan { life });
    let told = world.now();
    world.run(19_999);
    let asked = |world: &World| world.story.contains(" signal 2 to ");
    assert!(!asked(&world), "{}", world.story);
    world.run(1);
    assert!(asked(&world), "{}", world.story);
    assert_eq!(world.now().mono.since(told.mono).as_secs(), 20);
}
