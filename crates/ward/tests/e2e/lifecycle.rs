//! Start, stop, restart, delete, scale, and what restarts by itself.

use serde_json::{Value, json};

use crate::harness::{Ward, alive, kill, wait_gone, when_changed};

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

/// Lifecycle 10.20: a stop takes as long as the app needs, and apps stop side by side.
#[test]
fn apps_are_stopped_side_by_side() {
    let ward = Ward::new();
    // Each one says that it was asked to end, and waits until all were asked.
    ward.write(
        "slow.sh",
        "trap 'touch begun-$pm_id; until [ -e go ]; do sleep 0.05; done; exit 0' INT\n\
         touch up-$pm_id\nwhile :; do sleep 0.1; done\n",
    );
    let all = |word: &str| (0..5).all(|id| ward.dir().join(format!("{word}-{id}")).exists());
    let wait_all = |word: &str| {
        let what = format!("sign that all apps are {word}");
        when_changed(&what, &[&ward.dir()], || all(word), |all| *all);
    };
    for number in 0..5 {
        let name = format!("slow-{number}");
        let words = ["start", "slow.sh", "--name", &name];
        ward.run(&[&words[..], &["--kill-timeout", "600000"]].concat())
            .succeeds();
    }
    wait_all("up");
    std::thread::scope(|scope| {
        let killing = scope.spawn(|| ward.run(&["kill"]).succeeds());
        wait_all("begun");
        ward.write("go", "");
        killing.join().unwrap();
    });
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

/// An impatient second signal must not make the daemon leave while apps still run.
#[test]
fn a_second_signal_does_not_leave_apps_behind() {
    let ward = Ward::new();
    ward.write(
        "deaf.sh",
        "trap '' INT TERM\necho deaf\nwhile true; do sleep 0.1; done",
    );
    ward.run(&["ping"]).succeeds();
    let mut bus = ward.bus();
    ward.run(&["start", "deaf.sh"]).succeeds();
    bus.wait_output("deaf", "deaf");
    let (app, daemon) = (ward.pid("deaf"), ward.daemons()[0]);
    kill(daemon, rustix::process::Signal::TERM);
    bus.wait("the daemon to begin its end", |event| {
        event.topic == "pm2:kill"
    });
    kill(daemon, rustix::process::Signal::TERM);
    wait_gone(daemon);
    assert!(!alive(app), "the app outlived the daemon");
}

/// Nobody waits for the answer any more, and yet nothing stays half done.
#[test]
fn what_a_deadline_finds_not_begun_is_done_all_the_same() {
    let ward = Ward::new();
    ward.write(
        "app.sh",
        "trap 'sleep 0.2; exit' INT; while :; do sleep 0.02; done",
    );
    ward.run(&["start", "app.sh", "-i", "3"]).succeeds();
    let before = pids(&ward);
    let act = json!([{ "action": "restart", "ids": [0, 1, 2], "parallel": 1, "deadline_ms": 1 }]);
    let answer = ward.rpc().call("ward:act", &act).to_string();
    assert!(answer.contains("not done within"), "{answer}");
    ward.wait_until("all to be restarted", |list| {
        let is_new = |app: &Value| {
            app["pm2_env"]["status"] == "online" && !before.contains(&app["pid"].as_u64().unwrap())
        };
        list.iter().all(is_new)
    });
}

fn pids(ward: &Ward) -> Vec<u64> {
    let list = ward.list();
    list.iter()
        .map(|app| app["pid"].as_u64().unwrap())
        .collect()
}
