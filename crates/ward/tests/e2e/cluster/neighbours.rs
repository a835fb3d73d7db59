//! Two apps that listen at one place, as when a program is replaced by another one under a new name.

use std::collections::BTreeMap;

use super::client::{get, try_get};
use crate::harness::{Ward, free_port};

/// Answers with its name.
const APP: &str = "
require('http').createServer((request, response) => {
  response.end(process.env.name)
}).listen(process.env.PORT)
";

/// Starts a worker of the app under this name.
fn start(ward: &Ward, name: &str) {
    ward.run(&["start", "app.js", "-i", "1", "-f", "--name", name])
        .succeeds();
}

fn spread(port: u16) -> BTreeMap<String, usize> {
    let mut spread = BTreeMap::new();
    for _ in 0..6 {
        *spread.entry(get(port)).or_default() += 1;
    }
    spread
}

#[test]
fn both_get_connections_and_the_second_goes_on_without_the_first() {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    ward.write("app.js", APP);
    start(&ward, "blue");
    start(&ward, "green");
    let both = [("blue".to_owned(), 3), ("green".to_owned(), 3)];
    assert_eq!(spread(port), BTreeMap::from(both));
    let said = format!("green:1 listens on port {port}, where the app blue does");
    let log = ward.daemon_log_when(|log| log.contains(&said));
    assert_eq!(log.matches("both get connections").count(), 1, "{log}");
    ward.run(&["delete", "blue"]).succeeds();
    let one = [("green".to_owned(), 6)];
    assert_eq!(spread(port), BTreeMap::from(one.clone()));
    ward.run(&["reload", "green"]).succeeds();
    assert_eq!(spread(port), BTreeMap::from(one));
    ward.run(&["delete", "green"]).succeeds();
    try_get(port).expect_err("nobody listens");
    let log = ward.daemon_log();
    assert_eq!(log.matches("both get connections").count(), 1, "{log}");
}

#[test]
fn ports_that_the_system_chooses_are_an_apps_own() {
    let ward = Ward::new();
    ward.write(
        "app.js",
        "
const server = require('http').createServer((request, response) => response.end(process.env.name))
server.listen(0, () => console.log('on', server.address().port))
",
    );
    for name in ["blue", "green"] {
        start(&ward, name);
    }
    for name in ["blue", "green"] {
        let id = ward.app(name)["pm_id"].to_string();
        let log = ward.log_when(&format!("{name}-out-{id}.log"), |log| log.contains("on "));
        let port = log.trim().strip_prefix("on ").unwrap().parse().unwrap();
        assert_eq!(get(port), name);
    }
}

#[test]
fn a_socket_for_each_slot_cannot_be_where_one_for_all_is() {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    ward.write("app.js", APP);
    start(&ward, "first");
    let file = "module.exports = { name: 'second', script: 'app.js', instances: 1, exec_mode: 'cluster', sched: 'slot', max_restarts: 1 }\n";
    ward.write("ecosystem.config.js", file);
    let reason = format!("cannot listen on port {port}: it is in use, the app first has it");
    ward.run(&["start", "ecosystem.config.js"])
        .fails()
        .complains(&reason);
    assert_eq!(ward.status("second"), "errored");
    assert_eq!(get(port), "first");
    // What one app gives up the other can have.
    ward.run(&["delete", "first"]).succeeds();
    ward.run(&["restart", "second"]).succeeds();
    assert_eq!(get(port), "second");
}
