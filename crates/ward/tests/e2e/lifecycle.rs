//! Start, stop, restart, delete, scale, and what restarts by itself.

mod crashes;
mod ends;

use serde_json::{Value, json};

use crate::harness::{Ward, alive, kill, wait_gone};

const SLEEPER: &str = "exec sleep 1000\n";

fn restarts(app: &Value) -> u64 {
    app["pm2_env"]["restart_time"].as_u64().unwrap()
}

#[test]
fn start_stop_restart_delete() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    ward.run(&["start", "app.sh"])
        .succeeds()
        .prints("[PM2] Starting")
        .prints("online");
    let first = ward.pid("app");
    assert!(alive(first));
    ward.run(&["restart", "app"])
        .succeeds()
        .prints("[PM2] [app](0) ✓");
    let second = ward.pid("app");
    assert!(!alive(first) && alive(second));
    assert_eq!(restarts(&ward.app("app")), 1);
    ward.run(&["stop", "app"]).succeeds().prints("stopped");
    assert!(!alive(second));
    assert_eq!(ward.app("app")["pid"], 0);
    ward.run(&["stop", "app"]).succeeds();
    ward.run(&["start", "app"]).succeeds();
    assert_eq!(
        restarts(&ward.app("app")),
        1,
        "the start of a stopped app is no restart"
    );
    let third = ward.pid("app");
    ward.run(&["delete", "app"]).succeeds();
    assert!(!alive(third));
    assert_eq!(ward.list(), Vec::<Value>::new());
}

/// Lifecycle 10.12: stop and delete while launching.
#[test]
fn stop_and_delete_while_launching() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    let words = [
        "start",
        "app.sh",
        "--wait-ready",
        "--listen-timeout",
        "600000",
    ];
    let mut starting = ward.command(&words);
    starting
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let mut starting = starting.spawn().unwrap();
    ward.wait_status("app", "launching");
    let first = ward.pid("app");
    ward.run(&["stop", "app"]).succeeds();
    assert_eq!(ward.status("app"), "stopped");
    assert!(!alive(first));
    starting.wait().unwrap();
    let mut starting = ward
        .command(&["start", "app"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    ward.wait_status("app", "launching");
    let second = ward.pid("app");
    ward.run(&["delete", "all"]).succeeds();
    assert!(!alive(second));
    assert!(ward.list().is_empty());
    starting.wait().unwrap();
}

/// Lifecycle 10.16: autostart false only means "not now".
#[test]
fn an_app_without_autostart_can_be_started_later() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    ward.run(&["start", "app.sh", "--no-autostart"]).succeeds();
    assert_eq!(ward.status("app"), "stopped");
    ward.run(&["start", "app"]).succeeds();
    assert_eq!(ward.status("app"), "online");
}

/// Lifecycle 10.17: a log folder that went away does not stop an app for good.
#[test]
fn a_removed_log_folder_is_made_again() {
    let ward = Ward::new();
    ward.write("app.sh", "echo here I am\nexec sleep 1000\n");
    ward.run(&["start", "app.sh"]).succeeds();
    std::fs::remove_dir_all(ward.home().join("logs")).unwrap();
    let mut bus = ward.bus();
    kill(ward.pid("app"), rustix::process::Signal::KILL);
    bus.wait_output("app", "here I am");
    assert_eq!(ward.status("app"), "online");
    assert!(ward.home().join("logs/app-out.log").exists());
}

/// Lifecycle 10.26: two starts at once do not make two processes.
#[test]
fn concurrent_starts_of_one_instance_make_one_process() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    ward.run(&["start", "app.sh"]).succeeds();
    ward.run(&["stop", "app"]).succeeds();
    let mut rpc = ward.rpc();
    for _ in 0..10 {
        rpc.send("startProcessId", &json!([0]));
    }
    let replies: Vec<Value> = (0..10).map(|_| rpc.reply().1).collect();
    let good = replies
        .iter()
        .filter(|reply| reply.get("error").is_none())
        .count();
    assert_eq!(good, 1, "{replies:?}");
    let pid = ward.pid("app");
    ward.run(&["delete", "app"]).succeeds();
    wait_gone(pid);
}

#[test]
fn scale_up_and_down() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    ward.run(&["start", "app.sh"]).succeeds();
    ward.run(&["scale", "app", "4"]).succeeds();
    let slots = |list: &[Value]| -> Vec<u64> {
        list.iter()
            .map(|app| app["pm2_env"]["NODE_APP_INSTANCE"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(slots(&ward.list()), [0, 1, 2, 3]);
    ward.run(&["scale", "app", "2"]).succeeds();
    let ids: Vec<u64> = ward
        .list()
        .iter()
        .map(|app| app["pm_id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids, [2, 3], "the oldest went");
    ward.run(&["scale", "app", "+1"]).succeeds();
    assert_eq!(
        slots(&ward.list()),
        [2, 3, 0],
        "the lowest free number is used again"
    );
    ward.run(&["scale", "app", "3"])
        .fails()
        .complains("Nothing to do");
    ward.run(&["scale", "nope", "3"])
        .fails()
        .complains("not found");
}

#[test]
fn signals_reach_the_app_and_are_answered() {
    let ward = Ward::new();
    ward.write(
        "app.sh",
        "trap 'echo got usr2' USR2\necho up\nwhile :; do sleep 0.05; done\n",
    );
    let mut bus = ward.bus();
    ward.run(&["start", "app.sh"]).succeeds();
    bus.wait_output("app", "up");
    ward.run(&["sendSignal", "SIGUSR2", "app"])
        .succeeds()
        .prints("successfully sent signal SIGUSR2");
    bus.wait_output("app", "got usr2");
    ward.run(&["sendSignal", "SIGNOPE", "app"]).fails();
    ward.run(&["sendSignal", "SIGUSR2", "nope"])
        .fails()
        .complains("Unknown process name");
}
