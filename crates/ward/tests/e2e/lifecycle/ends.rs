//! How apps and the daemon end.

use serde_json::{Value, json};

use crate::harness::{Ward, alive, kill, wait_gone, when_changed};

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
