//! How long the answer to a start waits for a worker that does not listen yet. The limits are ten minutes
//! here: whoever waits for them is killed by the deadline of the test.

use serde_json::Value;

use crate::harness::{NODES, Ward, free_port, node};

fn scene(app: &str) -> Ward {
    let ward = Ward::new()
        .with_env("WARD_SETTLING_TIME", "600000")
        .with_env("PM2_GRACEFUL_LISTEN_TIMEOUT", "600000")
        .with_env("PORT", &free_port().to_string());
    ward.write("app.js", app);
    ward
}

fn listening(app: &Value) -> bool {
    let places = app["pm2_env"]["listens_on"].as_array();
    places.is_some_and(|places| !places.is_empty())
}

#[test]
fn nobody_waits_for_a_worker_that_rests_and_does_not_listen() {
    let mut nodes: Vec<String> = NODES
        .iter()
        .filter_map(|version| version.split('.').next())
        .map(|major| node(major).display().to_string())
        .collect();
    nodes.push("node".to_owned());
    for node in nodes {
        let ward = scene("setInterval(() => {}, 1000)");
        for words in [
            &["start", "app.js", "-i", "2", "--interpreter", &*node][..],
            &["reload", "app"],
            &["restart", "app"],
            &["scale", "app", "3"],
        ] {
            ward.run(words).succeeds();
        }
        assert!(!ward.list().iter().any(listening), "{node}");
    }
}

/// Files, names, the processor, promises and the loader of modules: while a worker is at work on its
/// start, it is waited for.
#[test]
fn a_server_that_takes_its_time_is_waited_for() {
    let app = "
const begin = async () => {
  for (let count = 0; count < 1000; count++) await require('fs').promises.readFile(__filename)
  for (const until = Date.now() + 300; Date.now() < until;);
  await new Promise((resolve) => require('dns').lookup('localhost', resolve))
  await import('./part.mjs')
  require('http').createServer().listen(process.env.PORT, 'localhost')
}
begin()
";
    let ward = scene(app);
    ward.write("part.mjs", "await import('node:zlib')");
    ward.run(&["start", "app.js", "-i", "2"]).succeeds();
    assert!(ward.list().iter().all(listening));
    ward.run(&["restart", "app"]).succeeds();
    assert!(ward.list().iter().all(listening));
}

/// As one that asks a database first: the first start does not wait, those after it do.
#[test]
fn a_server_that_listens_late_is_expected_to_from_then_on() {
    let app = "
const wait = setInterval(() => {
  if (!require('fs').existsSync('go')) return
  clearInterval(wait)
  const told = () => setImmediate(() => process.send({ type: 'process:msg' }))
  require('http').createServer().listen(process.env.PORT, told)
}, 200)
";
    let ward = scene(app);
    ward.run(&["start", "app.js", "-i", "1"]).succeeds();
    assert!(!listening(&ward.app("app")));
    let mut bus = ward.bus();
    ward.write("go", "");
    bus.wait("it listens", |event| event.topic == "process:msg");
    assert!(listening(&ward.app("app")));
    ward.run(&["restart", "app"]).succeeds();
    assert!(listening(&ward.app("app")));
}
