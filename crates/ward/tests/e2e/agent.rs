//! The agent inside cluster workers: what it reports, that it stays out of the way, and that it
//! gives way to an app that reports by itself.

mod endings;
mod exceptions;
mod libraries;
mod messages;
mod silent;
mod trigger;
mod versions;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Bus, Ward, free_port, look_again_until};

/// Serves, and does what it is told over HTTP.
const APP: &str = r"
require('http').createServer((request, response) => {
  response.end('ok')
  if (request.url === '/throw') setTimeout(() => { throw new TypeError('boom') }, 5)
  if (request.url === '/reject') Promise.reject(new RangeError('nobody catches this'))
}).listen(process.env.PORT)
";

/// Lives and does nothing.
const IDLE: &str = "setInterval(() => {}, 1000)";

fn started(app: &str, words: &[&str]) -> (Ward, u16) {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    ward.write("app.js", app);
    let words = [&["start", "app.js", "-i", "1"], words].concat();
    ward.run(&words).succeeds();
    (ward, port)
}

fn get(port: u16, path: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = crate::cluster::client::reach(port);
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// `pm2_env` of the app, when it is as wanted.
fn record_when(ward: &Ward, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let is_it = |app: &&Value| app["name"] == "app" && wanted(&app["pm2_env"]);
    // What an app reports changes its record, and nothing else.
    let list = look_again_until(
        what,
        || ward.list(),
        |list| list.iter().any(|app| is_it(&app)),
    );
    let found = list.iter().find(is_it).unwrap();
    found["pm2_env"].clone()
}

fn exception(bus: &mut Bus) -> Value {
    let event = bus.wait("an exception", |event| event.topic == "process:exception");
    assert_eq!(event.payload["process"]["name"], "app");
    event.payload["data"].clone()
}

/// Names, units and types as in PM2's records.
#[test]
fn a_worker_shows_what_pm2_shows() {
    let (ward, port) = started(APP, &[]);
    let kind = |record: &Value, name: &str| {
        let metric = &record["axm_monitor"][name];
        assert_eq!(metric["historic"], true, "{name}");
        (metric["unit"].clone(), metric["type"].clone())
    };
    let record = record_when(&ward, "metrics", |env| {
        env["axm_monitor"]["Heap Size"].is_object()
    });
    for (name, unit, id) in [
        ("Heap Size", json!("MiB"), "internal/v8/heap/total"),
        ("Heap Usage", json!("%"), "internal/v8/heap/usage"),
        ("Used Heap Size", json!("MiB"), "internal/v8/heap/used"),
        ("Active requests", Value::Null, "internal/libuv/requests"),
        ("Active handles", Value::Null, "internal/libuv/handles"),
        (
            "Event Loop Latency",
            json!("ms"),
            "internal/libuv/latency/p50",
        ),
        (
            "Event Loop Latency p95",
            json!("ms"),
            "internal/libuv/latency/p95",
        ),
    ] {
        assert_eq!(kind(&record, name), (unit, id.into()), "{name}");
    }
    assert!(
        record["axm_monitor"].get("HTTP").is_none(),
        "no traffic yet"
    );
    assert_eq!(record["axm_options"]["module_name"], "app");
    assert_eq!(record["axm_actions"][0]["action_name"], "km:heapdump");
    let printed = ward.run(&["prettylist"]).succeeds().stdout();
    assert_eq!(printed.matches("name: 'app'").count(), 3, "{printed}");
    for _ in 0..7 {
        get(port, "/");
    }
    let record = record_when(&ward, "traffic", |env| {
        env["axm_monitor"]["HTTP"]["value"] == 7
    });
    for (name, unit, id) in [
        ("HTTP", "req/min", "internal/http/builtin/reqs"),
        (
            "HTTP Mean Latency",
            "ms",
            "internal/http/builtin/latency/p50",
        ),
        (
            "HTTP P95 Latency",
            "ms",
            "internal/http/builtin/latency/p95",
        ),
    ] {
        assert_eq!(kind(&record, name), (unit.into(), id.into()), "{name}");
        assert!(record["axm_monitor"][name]["value"].is_number(), "{name}");
    }
}

/// Under load only some requests are timed, but all are counted.
#[test]
fn every_request_of_a_flood_is_counted() {
    let (ward, port) = started(APP, &[]);
    let counted = |app: &Value| app["pm2_env"]["axm_monitor"]["HTTP"]["value"].as_u64();
    let (mut asked, mut reported) = (0, BTreeSet::new());
    // Over several reports.
    while reported.len() < 2 {
        for _ in 0..100 {
            get(port, "/");
            asked += 1;
        }
        reported.extend(counted(&ward.app("app")));
    }
    let record = record_when(&ward, "the flood", |env| {
        // What moved by less than a tenth is not told.
        let counted = env["axm_monitor"]["HTTP"]["value"].as_u64().unwrap_or(0);
        assert!(counted <= asked, "{counted} of {asked}");
        counted * 10 >= asked * 9
    });
    let latency = &record["axm_monitor"]["HTTP Mean Latency"]["value"];
    assert!(latency.as_f64().unwrap() > 0.0, "{latency}");
}

/// Scripts count words in the printed list; what the agent tells must not change the counts.
#[test]
fn the_printed_list_says_each_thing_as_often_as_pm2() {
    let ward = Ward::new().with_env("PORT", &free_port().to_string());
    ward.write("app.js", APP);
    for mode in [&["-i", "1"][..], &["-f"]] {
        let words = [&["start", "app.js", "--name", "shop"], mode].concat();
        ward.run(&words).succeeds();
        let shop = || ward.app("shop")["pm2_env"].clone();
        look_again_until("report", shop, |record| {
            let told = |key: &str| !record[key].as_object().unwrap().is_empty();
            told("axm_options") && (mode[0] == "-f" || told("axm_monitor"))
        });
        let printed = ward.run(&["prettylist"]).succeeds().stdout();
        for (word, count) in [
            ("online", 1),
            ("restart_time", 1),
            ("exec_mode", 1),
            ("stopped", 0),
            ("errored", 0),
            ("launching", 0),
            ("pm_id: ", 2),
            ("name: 'shop'", 3),
            ("app.js", 1),
            // As a key, in the name and in three paths.
            ("shop", 3 + 1 + 3),
        ] {
            assert_eq!(printed.matches(word).count(), count, "{word} in {printed}");
        }
        ward.run(&["delete", "shop"]).succeeds();
    }
}

#[test]
fn modules_and_other_entries_are_reported_too() {
    let ward = Ward::where_nobody_listens();
    ward.write("app.mjs", "import 'fs'; setInterval(() => {}, 1000)");
    ward.run(&["start", "app.mjs", "-i", "1"]).succeeds();
    record_when(&ward, "metrics", |env| {
        env["axm_monitor"]["Heap Size"].is_object()
    });
}
