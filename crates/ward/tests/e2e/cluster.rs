//! Cluster mode: unmodified Node apps share what they listen on, and the daemon is their primary.

mod accepting;
mod census;
pub(crate) mod client;
mod crash;
mod drain;
mod faults;
mod forms;
mod heads;
mod hung;
mod limits;
mod neighbours;
mod options;
mod overlap;
mod reload;
mod schedules;
mod sessions;
mod settling;
mod sockets;
mod tls;
mod upgraded;

use std::collections::BTreeMap;

use serde_json::Value;

use self::client::get;
use crate::harness::{Ward, free_port};

/// Answers with what a worker can say about itself.
const APP: &str = r"
const http = require('http'), cluster = require('cluster')
http.createServer((request, response) => {
  response.setHeader('Content-Type', 'application/json')
  const body = JSON.stringify({
    pid: process.pid, worker: cluster.worker.id, isWorker: cluster.isWorker,
    main: require.main === module, argv: process.argv.slice(2), execArgv: process.execArgv,
    instance: process.env.NODE_APP_INSTANCE, leaked: Object.keys(process.env).filter((n) => /^NODE_(CHANNEL|UNIQUE)/.test(n)),
  })
  response.setHeader('Content-Length', Buffer.byteLength(body))
  response.end(body)
}).listen(process.env.PORT)
";

/// A home with the app running in so many workers.
fn start(workers: usize) -> (Ward, u16) {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    ward.write("app.js", APP);
    ward.run(&["start", "app.js", "-i", &workers.to_string()])
        .succeeds();
    (ward, port)
}

fn ask(port: u16) -> Value {
    serde_json::from_str(&get(port)).expect("the app answers in JSON")
}

/// How many of so many requests each process answered.
fn spread(port: u16, requests: usize) -> BTreeMap<u64, usize> {
    let mut spread = BTreeMap::new();
    for _ in 0..requests {
        let pid = ask(port)["pid"].as_u64().expect("a pid");
        *spread.entry(pid).or_default() += 1;
    }
    spread
}

#[test]
fn two_workers_take_turns_and_see_what_nodes_own_workers_see() {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    ward.write("app.js", APP);
    ward.run(&["start", "app.js", "-i", "2", "--", "one", "two"])
        .succeeds()
        .prints("cluster");
    let spread = spread(port, 10);
    assert_eq!(spread.values().copied().collect::<Vec<_>>(), [5, 5]);
    let (first, second) = (ask(port), ask(port));
    for answer in [&first, &second] {
        assert_eq!(answer["isWorker"], true);
        assert_eq!(answer["main"], true, "no wrapper around the script");
        assert_eq!(answer["argv"], serde_json::json!(["one", "two"]));
        assert_eq!(answer["execArgv"], serde_json::json!([]));
        assert_eq!(answer["leaked"], serde_json::json!([]));
    }
    assert_ne!(first["worker"], second["worker"]);
    let mut slots = [&first, &second].map(|answer| answer["instance"].as_str().unwrap());
    slots.sort_unstable();
    assert_eq!(slots, ["0", "1"]);
    let described = ward.run(&["describe", "0"]).succeeds();
    described
        .prints("listens on")
        .prints(&format!("port {port} "));
}

#[test]
fn scale_changes_who_answers() {
    let (ward, port) = start(1);
    assert_eq!(spread(port, 4).len(), 1);
    ward.run(&["scale", "app", "3"]).succeeds();
    assert_eq!(spread(port, 9).into_values().collect::<Vec<_>>(), [3, 3, 3]);
    ward.run(&["scale", "app", "2"]).succeeds();
    assert_eq!(spread(port, 8).into_values().collect::<Vec<_>>(), [4, 4]);
}

#[test]
fn the_port_is_open_while_the_app_may_come_back_and_closed_when_it_is_stopped() {
    let (ward, port) = start(2);
    ward.run(&["stop", "0"]).succeeds();
    assert_eq!(spread(port, 3).len(), 1, "the other instance serves on");
    ward.run(&["restart", "app"]).succeeds();
    assert_eq!(spread(port, 4).len(), 2);
    ward.run(&["stop", "app"]).succeeds();
    let refused = client::try_get(port).expect_err("nobody listens");
    assert!(refused.to_string().contains("refused"), "{refused}");
    ward.run(&["start", "app"]).succeeds();
    get(port);
    ward.run(&["delete", "app"]).succeeds();
    client::try_get(port).expect_err("nobody listens");
}

#[test]
fn the_command_behind_npm_start_is_the_worker() {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    ward.write("app.js", APP);
    ward.write(
        "package.json",
        r#"{ "name": "it", "version": "1.0.0", "scripts": { "start": "node app.js one" } }"#,
    );
    let file = "module.exports = { name: 'app', script: 'npm', args: 'start', instances: 2, exec_mode: 'cluster' }\n";
    ward.write("ecosystem.config.js", file);
    ward.run(&["start", "ecosystem.config.js"]).succeeds();
    assert_eq!(spread(port, 6).into_values().collect::<Vec<_>>(), [3, 3]);
    assert_eq!(ask(port)["argv"], serde_json::json!(["one"]));
    ward.run(&["reload", "app"]).succeeds();
    assert_eq!(spread(port, 6).len(), 2);
}

#[test]
fn a_reload_replaces_as_many_at_once_as_the_app_declares() {
    for (parallel, together) in [(1, 1), (4, 4)] {
        let port = free_port();
        let ward = Ward::new().with_env("PORT", &port.to_string());
        ward.write("app.js", APP);
        let file = format!(
            "module.exports = {{ name: 'app', script: 'app.js', instances: 4, exec_mode: 'cluster', parallel: {parallel} }}\n"
        );
        ward.write("ecosystem.config.js", &file);
        ward.run(&["start", "ecosystem.config.js"]).succeeds();
        let started = |log: &str| log.lines().filter(|line| line.ends_with(" online")).count() >= 4;
        let before = ward.daemon_log_when(started).lines().count();
        ward.run(&["reload", "app"]).succeeds();
        let log = ward.daemon_log_when(|log| {
            let since = log.lines().skip(before);
            since.filter(|line| line.contains("New worker")).count() >= 4
        });
        let since: Vec<&str> = log.lines().skip(before).collect();
        let begun = since
            .iter()
            .filter(|line| line.contains("starting in"))
            .count();
        assert_eq!(begun, 4);
        let first_done = since.iter().position(|line| line.contains("New worker"));
        let begun_before = since[..first_done.unwrap()]
            .iter()
            .filter(|line| line.contains("starting in"))
            .count();
        assert_eq!(begun_before, together, "{log}");
    }
}

#[test]
fn a_reload_of_all_apps_replaces_as_many_workers_of_each_as_it_declares() {
    let ports = [free_port(), free_port()];
    let ward = Ward::new();
    ward.write("app.js", APP);
    let app = |name: &str, port: u16, count: u32| {
        format!(
            "{{ name: '{name}', script: 'app.js', instances: {count}, exec_mode: 'cluster', parallel: {count}, env: {{ PORT: {port} }} }}"
        )
    };
    let apps = [app("careful", ports[0], 1), app("bold", ports[1], 3)].join(", ");
    ward.write(
        "ecosystem.config.js",
        &format!("module.exports = {{ apps: [{apps}] }}\n"),
    );
    ward.run(&["start", "ecosystem.config.js"]).succeeds();
    let online = |log: &str| log.lines().filter(|line| line.ends_with(" online")).count() >= 4;
    let before = ward.daemon_log_when(online).lines().count();
    ward.run(&["reload", "all"]).succeeds();
    let log = ward.daemon_log_when(|log| {
        let since = log.lines().skip(before);
        since.filter(|line| line.contains("New worker")).count() >= 4
    });
    let until_the_first = log.lines().skip(before);
    let until_the_first = until_the_first.take_while(|line| !line.contains("New worker"));
    let begun = until_the_first.filter(|line| line.contains("starting in"));
    // The one of the first app, and of the second as many as then make its three.
    assert_eq!(begun.count(), 3, "{log}");
}

#[test]
fn a_renamed_app_keeps_its_port() {
    let (ward, port) = start(2);
    for action in ["reload", "restart"] {
        let name = format!("after-{action}");
        ward.run(&[action, "all", "--name", &name]).succeeds();
        assert_eq!(spread(port, 6).len(), 2);
        assert!(ward.list().iter().all(|app| app["name"] == name.as_str()));
    }
    ward.run(&["stop", "all"]).succeeds();
    client::try_get(port).expect_err("nobody listens");
}

#[test]
fn a_worker_that_says_nothing_is_complained_about() {
    let ward = Ward::new().with_env("PM2_GRACEFUL_LISTEN_TIMEOUT", "1000");
    let node = ward.write("node", "#!/bin/sh\nexec sleep 1000\n");
    std::fs::set_permissions(&node, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    ward.write("app.js", APP);
    let mut bus = ward.bus();
    let interpreter = node.to_str().unwrap();
    ward.run(&["start", "app.js", "-i", "1", "--interpreter", interpreter])
        .succeeds();
    bus.wait("a complaint", |event| {
        let said = event.payload["data"].as_str().unwrap_or_default();
        event.topic == "log:PM2" && said.contains("says nothing")
    });
    assert!(
        ward.run(&["describe", "app"])
            .stdout()
            .contains("says nothing")
    );
}
