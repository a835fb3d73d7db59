//! A fault inside ward (a panic that a test causes) stays where it is: the apps run on, they are
//! supervised as before, and the daemon's log says what happened.

use rustix::process::Signal;
use serde_json::json;

use crate::harness::{Ward, alive, kill};

const STEADY: &str = "echo began; exec sleep 1000";

/// A home with two running apps, whose daemon panics at one point.
fn with_fault(point: &str) -> Ward {
    let ward = Ward::new().with_env("WARD_INJECT_PANIC", point);
    ward.write("app.sh", STEADY);
    ward
}

fn start(ward: &Ward, name: &str) -> u32 {
    ward.run(&["start", "app.sh", "--name", name]).succeeds();
    ward.pid(name)
}

/// Kills an app and waits until another process runs in its place.
fn is_restarted(ward: &Ward, name: &str) {
    let before = ward.pid(name);
    kill(before, Signal::KILL);
    ward.wait_until("the app runs again", |list| {
        list.iter().any(|app| {
            let pid = app["pid"].as_u64().unwrap_or_default();
            app["name"] == name
                && app["pm2_env"]["status"] == "online"
                && pid != 0
                && pid != u64::from(before)
        })
    });
}

/// The daemon has told of the fault, and is the one it was.
fn was_said(ward: &Ward, point: &str) {
    ward.daemon_log_when(|log| log.contains("please report this") && log.contains(point));
    assert_eq!(ward.daemons().len(), 1);
    let started = ward.daemon_log().matches("daemon started").count();
    assert_eq!(started, 1, "another daemon took its place");
}

/// An event of a life is lost in the core: first the start, then the exit, then the look at what is
/// left.
#[test]
fn the_core_loses_no_fact_of_a_life() {
    for event in ["core.life:1", "core.life:2", "core.life:3", "core.life:4"] {
        let ward = with_fault(event);
        let other = start(&ward, "other");
        ward.run(&["start", "app.sh", "--name", "app"]);
        is_restarted(&ward, "app");
        is_restarted(&ward, "app");
        assert!(alive(other), "{event}");
        was_said(&ward, "core.life");
    }
}

#[test]
fn a_request_the_core_fails_at_is_answered() {
    let ward = with_fault("core.request:2");
    let first = start(&ward, "first");
    ward.run(&["restart", "first"])
        .fails()
        .complains("failed inside ward");
    assert!(alive(first));
    ward.run(&["restart", "first"]).succeeds();
    is_restarted(&ward, "first");
    was_said(&ward, "core.request");
}

#[test]
fn a_deadline_the_core_fails_at_comes_again() {
    let ward = with_fault("core.tick:1");
    start(&ward, "other");
    ward.run(&[
        "start",
        "app.sh",
        "--name",
        "slow",
        "--restart-delay",
        "200",
    ])
    .succeeds();
    is_restarted(&ward, "slow");
    is_restarted(&ward, "other");
    was_said(&ward, "core.tick");
}

#[test]
fn a_spawn_that_fails_inside_ward_is_a_failed_start() {
    let ward = with_fault("control.spawn:2");
    let first = start(&ward, "first");
    ward.run(&["start", "app.sh", "--name", "second"])
        .complains("fault inside ward");
    assert_eq!(ward.status("second"), "errored");
    assert!(alive(first));
    ward.run(&["restart", "second"]).succeeds();
    is_restarted(&ward, "second");
    was_said(&ward, "control.spawn");
}

/// The control loop itself panics, once at each of its sources.
#[test]
fn the_loop_survives_each_of_its_sources() {
    for (source, nth) in [("control.child", 2), ("control.due", 1)] {
        let ward = with_fault(&format!("{source}:{nth}"));
        let other = start(&ward, "other");
        let words = ["start", "app.sh", "--name", "app", "--restart-delay", "100"];
        ward.run(&words).succeeds();
        is_restarted(&ward, "app");
        is_restarted(&ward, "app");
        assert!(alive(other), "{source}");
        was_said(&ward, source);
    }
}

#[test]
fn a_call_that_fails_is_answered_and_the_next_one_works() {
    for source in ["control.call", "rpc.call"] {
        let ward = with_fault(&format!("{source}:8"));
        let app = start(&ward, "app");
        let mut rpc = ward.rpc();
        // The command made some calls already.
        let failed = (0..8).filter(|_| {
            let reply = rpc.call("getMonitorData", &json!([{}]));
            reply.get("error").is_some()
        });
        assert_eq!(failed.count(), 1, "{source}");
        assert!(alive(app), "{source}");
        is_restarted(&ward, "app");
        was_said(&ward, source);
    }
}

/// The watch thread panics in reading events, and then in a command.
#[test]
fn the_watch_plane_goes_on_after_a_fault() {
    let ward = with_fault("watch.read:2,watch.command:2");
    ward.write("src/code", "1");
    let watched = |name: &str| {
        let words = ["start", "app.sh", "--name", name, "--watch", "src"];
        ward.run(&words).succeeds();
        ward.pid(name)
    };
    let first = watched("first");
    let second = watched("second");
    was_said(&ward, "watch.command");
    ward.write("src/code", "2");
    ward.wait_until("the watched app is restarted", |list| {
        let pid = |app: &serde_json::Value| app["pid"].as_u64().unwrap_or_default();
        list.iter()
            .any(|app| app["name"] == "first" && ![0, u64::from(first)].contains(&pid(app)))
    });
    was_said(&ward, "watch.read");
    assert!(alive(second), "what cannot be watched runs on");
    ward.daemon_log_when(|log| log.contains("its files are not watched until it is restarted"));
}
