//! Reloads lose nothing.

mod failures;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::client::{Load, Style};
use super::{APP, spread, start};

#[test]
fn rolling_reloads_under_load_lose_nothing() {
    let (ward, port) = start(2);
    let styles = [
        (Style::Close, 2),
        (Style::KeepAlive(Duration::ZERO), 2),
        (Style::KeepAlive(Duration::from_millis(20)), 2),
    ];
    let load = Load::start(port, &styles);
    for _ in 0..11 {
        let before = spread(port, 6);
        ward.run(&["reload", "app"]).succeeds();
        let after = spread(port, 6);
        assert!(
            before.keys().all(|pid| !after.contains_key(pid)),
            "all are new"
        );
        load.serve_more(20);
    }
    let outcome = load.finish();
    assert_eq!(
        outcome.errors,
        Vec::<String>::new(),
        "of {}",
        outcome.served
    );
}

#[test]
fn other_versions_of_node_reload_without_loss() {
    for version in ["18", "22", "24"] {
        let node = crate::harness::node(version);
        let port = crate::harness::free_port();
        let ward = crate::harness::Ward::new().with_env("PORT", &port.to_string());
        ward.write("app.js", APP);
        let node = node.to_str().unwrap();
        ward.run(&["start", "app.js", "-i", "2", "--interpreter", node])
            .succeeds();
        assert_eq!(spread(port, 6).into_values().collect::<Vec<_>>(), [3, 3]);
        let styles = [
            (Style::Close, 2),
            (Style::KeepAlive(Duration::ZERO), 2),
            (Style::KeepAlive(Duration::from_millis(20)), 2),
        ];
        let load = Load::start(port, &styles);
        for _ in 0..4 {
            ward.run(&["reload", "app"]).succeeds();
            load.serve_more(20);
        }
        let outcome = load.finish();
        assert_eq!(
            outcome.errors,
            Vec::<String>::new(),
            "{version}: {}",
            outcome.served
        );
    }
}

#[test]
fn long_answers_are_finished() {
    let port = crate::harness::free_port();
    let ward = crate::harness::Ward::new().with_env("PORT", &port.to_string());
    let slow = "
const body = 'x'.repeat(100)
require('http').createServer((request, response) => {
  response.setHeader('Content-Length', 100)
  response.write(body.slice(0, 50))
  setTimeout(() => response.end(body.slice(50)), 700)
}).listen(process.env.PORT)
";
    ward.write("app.js", slow);
    ward.run(&["start", "app.js", "-i", "2"]).succeeds();
    let load = Load::start(port, &[(Style::Close, 8)]);
    for _ in 0..3 {
        load.serve_more(4);
        ward.run(&["reload", "app"]).succeeds();
    }
    assert_eq!(load.finish().errors, Vec::<String>::new());
}

#[test]
fn a_reload_onto_another_port_closes_the_old_one() {
    let (ward, old) = start(2);
    let new = crate::harness::free_port();
    ward.write("app.js", &APP.replace("process.env.PORT", &new.to_string()));
    ward.run(&["reload", "app"]).succeeds();
    assert_eq!(spread(new, 4).len(), 2);
    super::client::try_get(old).expect_err("nobody listens");
}

#[test]
fn scaling_down_loses_nothing() {
    let (ward, port) = start(2);
    let styles = [
        (Style::Close, 2),
        (Style::KeepAlive(Duration::ZERO), 2),
        (Style::KeepAlive(Duration::from_millis(20)), 2),
    ];
    let load = Load::start(port, &styles);
    for _ in 0..3 {
        ward.run(&["scale", "app", "4"]).succeeds();
        load.serve_more(20);
        ward.run(&["scale", "app", "1"]).succeeds();
        load.serve_more(20);
    }
    let outcome = load.finish();
    assert_eq!(
        outcome.errors,
        Vec::<String>::new(),
        "of {}",
        outcome.served
    );
}

/// Its answers begin and never end.
const ENDLESS: &str = "
require('http').createServer((request, response) => {
  response.write('begun')
  setTimeout(() => response.end(), 10 ** 9)
}).listen(process.env.PORT)
";

#[test]
fn a_reload_tells_what_became_of_the_connections() {
    // Whoever calls it PM2 gets it beside what PM2 says.
    for (agent, program) in [(true, "ward"), (false, "pm2")] {
        let port = crate::harness::free_port();
        let ward = crate::harness::Ward::new().with_env("PORT", &port.to_string());
        let ward = ward.called(program);
        ward.write("app.js", ENDLESS);
        let file = format!(
            "module.exports = {{ name: 'app', script: 'app.js', instances: 2, exec_mode: 'cluster', drain_timeout: 500, agent: {agent} }}\n"
        );
        ward.write("ecosystem.config.js", &file);
        ward.run(&["start", "ecosystem.config.js"]).succeeds();
        ward.run(&["reload", "app"])
            .succeeds()
            .prints_no("Connections of the old workers");

        // One for each worker.
        let open: Vec<TcpStream> = (0..2).map(|_| begin(port)).collect();
        let ran = ward.run(&["reload", "app"]).succeeds();
        let cut = "Connections of the old workers: 0 drained, 0 given to others, 2 cut";
        let (said, aside) = if program == "pm2" {
            (ran.stderr(), ran.stdout())
        } else {
            (ran.stdout(), ran.stderr())
        };
        assert!(said.trim_end().ends_with(cut), "agent {agent}: {said}");
        assert!(!aside.contains("Connections"), "agent {agent}: {aside}");
        drop(open);
        for app in ward.list() {
            let connections = &app["pm2_env"]["last_reload"]["connections"];
            let one = serde_json::json!({ "drained": 0, "redispatched": 0, "cut": 1 });
            assert_eq!(*connections, one);
        }
        ward.run(&["describe", "0"])
            .prints("last reload")
            .prints("(connections: 0 drained, 0 given to others, 1 cut)");
    }
}

#[test]
fn a_planned_restart_of_workers_loses_nothing() {
    let port = crate::harness::free_port();
    let ward = crate::harness::Ward::new().with_env("PORT", &port.to_string());
    ward.write("app.js", APP);
    ward.run(&["start", "app.js", "-i", "2", "--cron", "* * * * * *"])
        .succeeds();
    let before = spread(port, 4);
    let load = Load::start(
        port,
        &[(Style::Close, 2), (Style::KeepAlive(Duration::ZERO), 2)],
    );
    ward.wait_until("each worker was replaced twice", |apps| {
        let restarts = |app: &serde_json::Value| app["pm2_env"]["restart_time"].as_u64();
        apps.iter().all(|app| restarts(app) >= Some(2))
    });
    load.serve_more(20);
    let outcome = load.finish();
    assert_eq!(
        outcome.errors,
        Vec::<String>::new(),
        "of {}",
        outcome.served
    );
    let after = spread(port, 4);
    assert!(
        before.keys().all(|pid| !after.contains_key(pid)),
        "all are new"
    );
}

/// A request whose answer has begun.
fn begin(port: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        .unwrap();
    let mut answer = [0; 1];
    stream.read_exact(&mut answer).unwrap();
    stream
}
