//! Apps that end by themselves: when they are started again, and when no more.

use serde_json::json;

use super::{SLEEPER, restarts};
use crate::harness::{Ward, kill};

#[test]
fn an_app_that_dies_is_started_again() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    ward.run(&["start", "app.sh"]).succeeds();
    let first = ward.pid("app");
    let mut bus = ward.bus();
    kill(first, rustix::process::Signal::KILL);
    let exit = bus.wait("its exit", |event| event.is_process("exit"));
    bus.wait("its return", |event| event.is_process("online"));
    let app = ward.app("app");
    assert_ne!(app["pid"], json!(first));
    assert_eq!(restarts(&app), 1);
    // Lifecycle 10.19: the signal is kept.
    assert_eq!(exit.payload["process"]["exit_signal"], "SIGKILL");
    assert_eq!(exit.payload["process"]["exit_code"], 137);
}

#[test]
fn a_crash_loop_ends_errored_after_sixteen_starts() {
    let ward = Ward::new();
    ward.write("app.sh", "exit 3");
    let mut bus = ward.bus();
    ward.run(&["start", "app.sh"]);
    bus.wait("the limit", |event| event.is_process("restart overlimit"));
    let app = ward.app("app");
    assert_eq!(app["pm2_env"]["status"], "errored");
    assert_eq!(restarts(&app), 15);
    assert_eq!(app["pm2_env"]["exit_code"], 3);
    ward.run(&["describe", "app"]).succeeds().prints("errored");
}

/// Lifecycle 10.15: the limit protects for the whole life.
#[test]
fn an_app_that_was_stable_and_then_loops_ends_errored_too() {
    let ward = Ward::new();
    ward.write(
        "app.sh",
        // It says so when it has lived long enough to count as stable.
        "[ -e broken ] && exit 1\nsleep 0.15\necho up\nexec sleep 1000\n",
    );
    let file = ward.write(
        "one.json",
        r#"{"apps":[{"name":"app","script":"app.sh","min_uptime":100,"max_restarts":3}]}"#,
    );
    let mut bus = ward.bus();
    ward.run(&["start", file.to_str().unwrap()]).succeeds();
    bus.wait_output("app", "up");
    // Many stable lives first: more than the limit, and each longer than min_uptime.
    for _ in 0..4 {
        kill(ward.pid("app"), rustix::process::Signal::KILL);
        bus.wait_output("app", "up");
    }
    assert_eq!(ward.status("app"), "online");
    ward.write("broken", "");
    kill(ward.pid("app"), rustix::process::Signal::KILL);
    bus.wait("the limit", |event| event.is_process("restart overlimit"));
    assert_eq!(ward.status("app"), "errored");
}

#[test]
fn stop_exit_codes_and_no_autorestart_end_stopped() {
    let ward = Ward::new();
    ward.write("seven.sh", "exit 7");
    let mut bus = ward.bus();
    ward.run(&["start", "seven.sh", "--stop-exit-codes", "7"]);
    bus.wait("its exit", |event| event.is_process("exit"));
    ward.wait_status("seven", "stopped");
    ward.run(&[
        "start",
        "seven.sh",
        "--name",
        "once",
        "--no-autorestart",
        "--restart-delay",
        "100000",
    ]);
    // Lifecycle 10.13: with a delay set it is stopped as well, not waiting for ever.
    ward.wait_status("once", "stopped");
    assert_eq!(restarts(&ward.app("seven")), 0);
}

/// Lifecycle 10.13: an app that waits for its restart can be restarted, started and stopped.
#[test]
fn waiting_restart_is_no_trap() {
    let ward = Ward::new();
    ward.write("app.sh", "[ -e fixed ] && exec sleep 1000\nexit 1\n");
    ward.run(&["start", "app.sh", "--restart-delay", "600000"]);
    ward.wait_status("app", "waiting restart");
    ward.run(&["stop", "app"]).succeeds();
    assert_eq!(ward.status("app"), "stopped");
    ward.run(&["start", "app"]);
    ward.wait_status("app", "waiting restart");
    ward.write("fixed", "");
    ward.run(&["restart", "app"]).succeeds();
    assert_eq!(ward.status("app"), "online");
}

#[test]
fn backoff_grows_and_reset_clears() {
    let ward = Ward::new();
    ward.write("app.sh", "exit 1");
    let mut bus = ward.bus();
    ward.run(&["start", "app.sh", "--exp-backoff-restart-delay", "10"]);
    let mut delays = Vec::new();
    while delays.len() < 3 {
        let event = bus.wait("an exit", |event| event.is_process("exit"));
        delays.push(event.payload["process"]["pm_uptime"].as_u64().unwrap());
    }
    ward.run(&["stop", "app"]).succeeds();
    ward.run(&["reset", "app"])
        .succeeds()
        .prints("Resetting meta for process id 0");
    assert_eq!(restarts(&ward.app("app")), 0);
    let gaps: Vec<u64> = delays.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps[0] >= 10 && gaps[1] >= 15, "{gaps:?}");
}
