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

/// Two apps wait for the end of their delay when a look at the deadlines fails.
#[test]
fn a_deadline_the_core_fails_at_comes_again() {
    let ward = with_fault("core.tick:1");
    start(&ward, "other");
    for name in ["slow", "slower"] {
        let words = ["start", "app.sh", "--name", name, "--restart-delay", "200"];
        ward.run(&words).succeeds();
    }
    let before = ["slow", "slower"].map(|name| ward.pid(name));
    for pid in before {
        kill(pid, Signal::KILL);
    }
    ward.wait_until("both run again", |list| {
        let runs = |name: &str, before: u32| {
            list.iter().any(|app| {
                let pid = app["pid"].as_u64().unwrap_or_default();
                let online = app["pm2_env"]["status"] == "online";
                app["name"] == name && online && ![0, u64::from(before)].contains(&pid)
            })
        };
        runs("slow", before[0]) && runs("slower", before[1])
    });
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

/// Output is handled by a thread of its own: what panics there costs a line its form at most.
#[test]
fn output_goes_on_after_a_fault_in_its_line() {
    let ward = with_fault("log.take:1,log.turn:9");
    ward.write(
        "talk.sh",
        "while :; do read -r line < say && echo \"$line\"; done\n",
    );
    rustix::fs::mkfifoat(rustix::fs::CWD, ward.dir().join("say"), 0o600.into()).unwrap();
    ward.run(&["start", "talk.sh", "--log-date-format", "[date]"])
        .succeeds();
    let pid = ward.pid("talk");
    let say = |line: &str| std::fs::write(ward.dir().join("say"), format!("{line}\n")).unwrap();
    say("first");
    // As it came, without the date: nothing is lost.
    ward.log_when("talk-out.log", |text| text == "first\n");
    say("second");
    ward.log_when("talk-out.log", |text| text == "first\ndate: second\n");
    was_said(&ward, "log.take");
    // The other fault comes when the thread has done some more.
    for number in 0..9 {
        say(&format!("line {number}"));
        ward.log_when("talk-out.log", |text| {
            text.ends_with(&format!("date: line {number}\n"))
        });
    }
    was_said(&ward, "log.turn");
    assert_eq!(ward.pid("talk"), pid);
    let metrics = ward.rpc().call("ward:metrics", &json!([{}]));
    let log = &metrics["args"][0]["log"];
    assert_eq!(
        (&log["faults"], &log["bytes_lost"]),
        (&json!(2), &json!(0)),
        "{metrics}"
    );
}

/// An app whose files are lost to a fault must not lose its pipe, too: it would end.
#[test]
fn an_app_runs_on_when_its_files_are_lost_to_a_fault() {
    let ward = with_fault("log.attach:1");
    ward.write(
        "talk.sh",
        "echo one; read -r line < say; echo two; echo done > said; exec sleep 1000\n",
    );
    for pipe in ["say", "said"] {
        rustix::fs::mkfifoat(rustix::fs::CWD, ward.dir().join(pipe), 0o600.into()).unwrap();
    }
    ward.run(&["start", "talk.sh"]).succeeds();
    let pid = ward.pid("talk");
    was_said(&ward, "log.attach");
    std::fs::write(ward.dir().join("say"), "go\n").unwrap();
    // It has printed after the fault, and lives.
    assert_eq!(
        std::fs::read_to_string(ward.dir().join("said")).unwrap(),
        "done\n"
    );
    assert_eq!((ward.pid("talk"), alive(pid)), (pid, true));
    is_restarted(&ward, "talk");
    ward.log_when("talk-out.log", |text| text.contains("one"));
}

/// A subscriber whose connection panics is cut off; others and the apps see nothing of it.
#[test]
fn the_bus_goes_on_after_a_fault() {
    let ward = with_fault("bus.serve:1");
    ward.run(&["ping"]).succeeds();
    let mut cut = std::os::unix::net::UnixStream::connect(ward.home().join("pub.sock")).unwrap();
    cut.set_read_timeout(Some(crate::harness::DEADLINE))
        .unwrap();
    assert_eq!(std::io::Read::read(&mut cut, &mut [0]).unwrap(), 0);
    let mut bus = ward.bus();
    let app = start(&ward, "app");
    bus.wait_output("app", "began");
    assert!(alive(app));
    let metrics = ward.rpc().call("ward:metrics", &json!([{}]));
    assert_eq!(metrics["args"][0]["bus"]["faults"], 1, "{metrics}");
}

/// Who has a port is a fact for people: without it the start fails as it would.
#[test]
fn a_search_that_fails_leaves_the_reason_without_its_holder() {
    let stranger = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = stranger.local_addr().unwrap().port();
    let ward = with_fault("launch.question:1");
    let app = "require('http').createServer().listen(PORT, '127.0.0.1')";
    ward.write("app.js", &app.replace("PORT", &port.to_string()));
    let file = "module.exports = { name: 'app', script: 'app.js', instances: 1, exec_mode: 'cluster', max_restarts: 1 }";
    ward.write("ecosystem.config.js", file);
    ward.run(&["start", "ecosystem.config.js"])
        .fails()
        .complains(&format!("cannot listen on 127.0.0.1:{port}: it is in use"));
    assert_eq!(ward.status("app"), "errored");
    ward.daemon_log_when(|log| log.contains("launch.question"));
}
