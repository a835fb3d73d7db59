//! Restarts because of changed files.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Bus, Ward, free_port, look_again_until};

const SLEEPER: &str = "exec sleep 1000\n";

/// A home with `app` running, and its bus. `decl` is merged over the declaration.
fn watching(decl: &Value) -> (Ward, Bus) {
    let ward = Ward::new();
    start(&ward, decl);
    let bus = ward.bus();
    (ward, bus)
}

fn start(ward: &Ward, decl: &Value) {
    start_app(ward, SLEEPER, decl);
}

fn start_app(ward: &Ward, text: &str, decl: &Value) {
    ward.write("app.sh", text);
    let mut app = json!({ "name": "app", "script": "app.sh", "watch": true });
    for (key, value) in decl.as_object().unwrap() {
        app[key] = value.clone();
    }
    // Outside of what is watched.
    let file = ward.dir().join("../apps.json");
    fs::write(&file, json!({ "apps": [app] }).to_string()).unwrap();
    ward.run(&["start", file.to_str().unwrap()]).succeeds();
}

/// Waits for the next restart because of files and returns the path it is about.
fn restarted(bus: &mut Bus) -> String {
    let path = change(bus);
    bus.wait("the new life", |event| event.is_process("online"));
    path
}

fn change(bus: &mut Bus) -> String {
    let said = bus.wait("a change", |event| {
        let data = event.payload["data"].as_str().unwrap_or_default();
        event.topic == "log:PM2" && data.contains("Change detected on path ")
    });
    let line = said.payload["data"].as_str().unwrap();
    let (_, rest) = line.split_once("Change detected on path ").unwrap();
    let (path, rest) = rest.split_once(" for app ").unwrap();
    assert!(rest.ends_with(" - restarting\n"), "{line}");
    path.to_owned()
}

/// One change and no more: to write a file in place is two, it becomes empty first.
fn change_once(ward: &Ward, name: &str) {
    let aside = ward.dir().join("../aside");
    fs::write(&aside, "1").unwrap();
    fs::rename(aside, ward.dir().join(name)).unwrap();
}

fn restarts(ward: &Ward) -> Vec<u64> {
    let count = |app: &Value| app["pm2_env"]["restart_time"].as_u64().unwrap();
    ward.list().iter().map(count).collect()
}

fn watched(ward: &Ward) -> Value {
    ward.app("app")["pm2_env"]["watch"].clone()
}

/// Threads of the daemon that watch files.
fn watch_threads(ward: &Ward) -> usize {
    let pid = fs::read_to_string(ward.home().join("pm2.pid")).unwrap();
    fs::read_dir(format!("/proc/{}/task", pid.trim()))
        .unwrap()
        .filter(|task| {
            // A thread may end while it is looked at.
            let Ok(task) = task else { return false };
            let name = task.path().join("comm");
            fs::read_to_string(name).is_ok_and(|name| name.trim() == "watch")
        })
        .count()
}

#[test]
fn a_changed_file_restarts_the_app() {
    let (ward, mut bus) = watching(&json!({}));
    let before = ward.pid("app");
    ward.write("lib.js", "1");
    assert_eq!(restarted(&mut bus), "lib.js");
    assert_ne!(ward.pid("app"), before);
    assert_eq!(restarts(&ward), [1]);
    fs::rename(ward.dir().join("lib.js"), ward.dir().join("other.js")).unwrap();
    assert_eq!(restarted(&mut bus), "lib.js");
    fs::remove_file(ward.dir().join("other.js")).unwrap();
    assert_eq!(restarted(&mut bus), "other.js");
    assert_eq!(restarts(&ward), [3]);
    let line = "PM2 log: Change detected on path lib.js for app app - restarting";
    ward.daemon_log_when(|log| log.contains(line));
}

#[test]
fn the_option_watches_the_working_directory() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    ward.run(&["start", "app.sh", "--watch"]).succeeds();
    let mut bus = ward.bus();
    ward.write("a.txt", "1");
    assert_eq!(restarted(&mut bus), "a.txt");
    assert_eq!(watch_threads(&ward), 1);
    // Nothing is left to be watched: the thread goes, and takes its inotify along.
    ward.run(&["stop", "app"]).succeeds();
    let threads = || watch_threads(&ward);
    look_again_until("end of the thread", threads, |threads| *threads == 0);
}

#[test]
fn who_watches_nothing_has_no_thread_for_it() {
    let (ward, _) = watching(&json!({ "watch": false }));
    assert_eq!(watch_threads(&ward), 0);
}

#[test]
fn a_list_of_ones_own_adds_to_what_is_ignored() {
    let (ward, mut bus) = watching(&json!({ "ignore_watch": ["tmp", "*.log", "/\\.bak$/"] }));
    // The line names the first change: one of these, if it counted.
    for ignored in [
        "tmp/x",
        "deep/tmp/x",
        "some.log",
        "a.bak",
        ".env",
        ".git/index",
        "node_modules/x/index.js",
    ] {
        let path = PathBuf::from(ignored);
        // A new folder is a change by itself, so that it has to exist before.
        if ignored.starts_with("deep") {
            fs::create_dir(ward.dir().join("deep")).unwrap();
            assert_eq!(restarted(&mut bus), "deep");
        }
        ward.write(path.to_str().unwrap(), "1");
    }
    ward.write("real.js", "1");
    assert_eq!(restarted(&mut bus), "real.js");
    assert_eq!(restarts(&ward), [2]);
}

#[test]
fn a_pattern_takes_back_what_is_ignored_from_the_outset() {
    let (ward, mut bus) = watching(&json!({ "ignore_watch": ["!.env"] }));
    ward.write(".other", "1");
    ward.write(".env", "1");
    assert_eq!(restarted(&mut bus), ".env");
}

#[test]
fn logs_of_the_app_in_its_own_folder_do_not_restart_it() {
    let (ward, mut bus) = watching(&json!({
        "out_file": "logs/out.log", "error_file": "logs/err.log", "pid_file": "run/app.pid",
    }));
    let env = ward.app("app")["pm2_env"].clone();
    for key in ["pm_out_log_path", "pm_err_log_path", "pm_pid_path"] {
        let path = PathBuf::from(env[key].as_str().unwrap());
        assert!(
            path.starts_with(ward.dir().join("logs")) || path.starts_with(ward.dir().join("run"))
        );
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "as if ward wrote").unwrap();
    }
    ward.write("logs/mine.txt", "1");
    assert_eq!(restarted(&mut bus), "logs/mine.txt");
    assert_eq!(restarts(&ward), [1]);
}

#[test]
fn only_what_is_listed_is_watched() {
    let ward = Ward::new();
    ward.write("src/a.js", "1");
    start(
        &ward,
        &json!({ "watch": ["src", "one.conf", "pat/**/*.js"] }),
    );
    let mut bus = ward.bus();
    ward.write("other.js", "1");
    ward.write("src/a.js", "2");
    assert_eq!(restarted(&mut bus), "src/a.js");
    // Neither file nor folder was there at the start.
    ward.write("one.conf", "1");
    assert_eq!(restarted(&mut bus), "one.conf");
    ward.write("pat/deep/a.css", "1");
    ward.write("pat/deep/a.js", "1");
    assert_eq!(restarted(&mut bus), "pat/deep/a.js");
    // A folder that is replaced as a whole is watched again.
    fs::remove_dir_all(ward.dir().join("src")).unwrap();
    assert!(restarted(&mut bus).starts_with("src"));
    ward.write("src/b.js", "1");
    assert!(restarted(&mut bus).starts_with("src"));
    ward.write("src/c.js", "1");
    assert!(restarted(&mut bus).starts_with("src/"));
}

#[test]
fn a_new_folder_is_watched_too() {
    let (ward, mut bus) = watching(&json!({}));
    fs::create_dir_all(ward.dir().join("new/er")).unwrap();
    assert_eq!(restarted(&mut bus), "new");
    ward.write("new/er/a.js", "1");
    assert_eq!(restarted(&mut bus), "new/er/a.js");
    // Where a folder was moved to, it is known by its new name.
    fs::rename(ward.dir().join("new"), ward.dir().join("old")).unwrap();
    assert_eq!(restarted(&mut bus), "new");
    ward.write("old/er/a.js", "2");
    assert_eq!(restarted(&mut bus), "old/er/a.js");
}

#[test]
fn a_stop_ends_watching_and_a_start_brings_it_back() {
    let (ward, mut bus) = watching(&json!({}));
    ward.run(&["stop", "app"]).succeeds();
    assert_eq!(watched(&ward), json!(false));
    ward.write("a.js", "1");
    ward.run(&["start", "app"]).succeeds();
    assert_eq!(watched(&ward), json!(true));
    ward.write("b.js", "1");
    assert_eq!(restarted(&mut bus), "b.js");
    assert_eq!(restarts(&ward), [1]);
    ward.run(&["stop", "app"]).succeeds();
    // `restart` of the file turns it on as `start` does.
    ward.run(&["restart", ward.dir().join("../apps.json").to_str().unwrap()])
        .succeeds();
    assert_eq!(watched(&ward), json!(true));
    ward.write("c.js", "1");
    assert_eq!(restarted(&mut bus), "c.js");
    ward.run(&["delete", "app"]).succeeds();
    ward.write("d.js", "1");
    start(&ward, &json!({ "name": "other" }));
    ward.write("e.js", "1");
    assert_eq!(restarted(&mut bus), "e.js");
}

#[test]
fn restart_with_watch_toggles() {
    let (ward, mut bus) = watching(&json!({ "watch": ["src"] }));
    ward.run(&["restart", "app", "--watch"]).succeeds();
    assert_eq!(watched(&ward), json!(false));
    ward.write("src/a.js", "1");
    ward.run(&["restart", "app", "--watch"]).succeeds();
    // PM2 forgets the paths here.
    assert_eq!(watched(&ward), json!(["src"]));
    ward.write("src/b.js", "1");
    assert_eq!(restarted(&mut bus), "src/b.js");
    assert_eq!(restarts(&ward), [3]);
}

#[test]
fn the_delay_is_waited_for() {
    let (ward, mut bus) = watching(&json!({ "watch_delay": 2000 }));
    let asked = Instant::now();
    ward.write("a.js", "1");
    ward.write("b.js", "1");
    assert_eq!(change(&mut bus), "a.js");
    assert!(asked.elapsed() >= Duration::from_secs(2));
    bus.wait("the new life", |event| event.is_process("online"));
    assert_eq!(restarts(&ward), [1]);
}

#[test]
fn each_of_several_instances_restarts_once() {
    let (ward, mut bus) = watching(&json!({ "instances": 4 }));
    for round in 1..=2 {
        change_once(&ward, "a.js");
        assert_eq!(change(&mut bus), "a.js");
        for _ in 0..4 {
            bus.wait("a new life", |event| event.is_process("online"));
        }
        assert_eq!(restarts(&ward), [round; 4]);
    }
    // One that was stopped stays so.
    ward.run(&["stop", "0"]).succeeds();
    change_once(&ward, "b.js");
    assert_eq!(change(&mut bus), "b.js");
    for _ in 0..3 {
        bus.wait("a new life", |event| event.is_process("online"));
    }
    assert_eq!(ward.list()[0]["pm2_env"]["status"], "stopped");
    assert_eq!(restarts(&ward), [2, 3, 3, 3]);
}

#[test]
fn a_change_during_a_restart_is_not_lost() {
    // Ready when the test says so.
    let ward = Ward::new();
    let go = ward.dir().join("../go");
    let app = "until [ -e ../go ]; do sleep 0.02; done
               echo '\"ready\"' >&$NODE_CHANNEL_FD; exec sleep 1000";
    fs::write(&go, "").unwrap();
    start_app(
        &ward,
        app,
        &json!({ "wait_ready": true, "listen_timeout": 600_000 }),
    );
    let mut bus = ward.bus();
    fs::remove_file(&go).unwrap();
    ward.write("a.js", "1");
    assert_eq!(change(&mut bus), "a.js");
    bus.wait("the next life", |event| {
        let data = event.payload["data"].as_str().unwrap_or_default();
        data.contains("App [app:0] starting in")
    });
    ward.write("b.js", "1");
    fs::write(&go, "").unwrap();
    assert_eq!(restarted(&mut bus), "b.js");
    assert_eq!(restarts(&ward), [2]);
}

#[test]
fn an_app_that_crashed_starts_again_when_it_is_repaired() {
    let (ward, mut bus) = watching(&json!({ "max_restarts": 1, "autorestart": false }));
    ward.write("app.sh", "exit 1\n");
    assert_eq!(change(&mut bus), "app.sh");
    ward.wait_status("app", "stopped");
    ward.write("app.sh", SLEEPER);
    assert_eq!(restarted(&mut bus), "app.sh");
    ward.wait_status("app", "online");
}

#[test]
fn an_app_that_changes_its_own_files_is_slowed_down() {
    let ward = Ward::new();
    ward.write("app.sh", "echo > stamp.txt; exec sleep 1000\n");
    let mut bus = ward.bus();
    ward.run(&["start", "app.sh", "--watch"]).succeeds();
    // Whether the first start came before the watch is not the point here.
    ward.write("stamp.txt", "1");
    bus.wait("a warning", |event| {
        let data = event.payload["data"].as_str().unwrap_or_default();
        data.contains("App app is restarted again and again because stamp.txt changes")
    });
    let count = restarts(&ward)[0];
    assert!((5..=7).contains(&count), "{count}");
    // It is only slower: the next one comes.
    assert_eq!(restarted(&mut bus), "stamp.txt");
}

#[test]
fn workers_are_replaced_and_no_connection_is_refused() {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    ward.write(
        "app.js",
        "require('http').createServer((q, r) => { r.setHeader('connection', 'close'); r.end(`${process.pid}`) })\
         .listen(process.env.PORT)",
    );
    ward.run(&["start", "app.js", "-i", "2", "--watch"])
        .succeeds();
    let mut bus = ward.bus();
    let ask = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer:?}");
    };
    ask();
    ward.write("lib.js", "1");
    assert_eq!(change(&mut bus), "lib.js");
    let restarts = || {
        ask();
        restarts(&ward)
    };
    look_again_until("restart of both", restarts, |counts| *counts == [1, 1]);
    ask();
}

#[test]
fn what_was_switched_by_hand_lasts_until_the_file_says_otherwise() {
    let (ward, mut bus) = watching(&json!({ "watch": false }));
    ward.run(&["restart", "app", "--watch"]).succeeds();
    assert_eq!(watched(&ward), json!(true));
    ward.run(&["restart", "app", "--ignore-watch", "tmp out"])
        .succeeds();
    assert_eq!(watched(&ward), json!(true));
    ward.write("tmp", "1");
    ward.write("a.js", "1");
    assert_eq!(restarted(&mut bus), "a.js");
    let file = ward.dir().join("../apps.json");
    let file = file.to_str().unwrap();
    ward.run(&["restart", file]).succeeds();
    assert_eq!(watched(&ward), json!(false));
    start(&ward, &json!({ "watch": true }));
    assert_eq!(watched(&ward), json!(true));
    ward.run(&["restart", "app", "--watch"]).succeeds();
    assert_eq!(watched(&ward), json!(false));
    ward.run(&["restart", file]).succeeds();
    assert_eq!(watched(&ward), json!(true));
}
