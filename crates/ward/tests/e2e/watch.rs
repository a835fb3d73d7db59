//! Restarts because of changed files.

mod ignored;
mod restarts;
mod switched;

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Bus, Ward, look_again_until};

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
