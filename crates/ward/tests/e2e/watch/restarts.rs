//! How a change restarts an app: when, how often, what else happens meanwhile.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{SLEEPER, change, change_once, restarted, restarts, start_app, watching};
use crate::harness::{Ward, free_port, look_again_until};

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
