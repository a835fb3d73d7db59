//! How much a worker gets: pause, most connections, a slow start.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;

use crate::harness::{DEADLINE, Ward, free_port};

/// Says which instance serves a connection, and since when (`CLOCK_MONOTONIC`, in ns), and keeps it.
const APP: &str = r"
require('net').createServer((socket) => {
  socket.on('error', () => {})
  socket.write(process.env.NODE_APP_INSTANCE + ' ' + process.hrtime.bigint() + '\n')
}).listen(process.env.PORT)
";

fn start(sched: &str, cluster: &str) -> (Ward, u16) {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    ward.write("app.js", APP);
    declare(&ward, sched, cluster);
    ward.run(&["start", "ecosystem.config.js"]).succeeds();
    (ward, port)
}

fn declare(ward: &Ward, sched: &str, cluster: &str) {
    let file = format!(
        "module.exports = {{ name: 'app', script: 'app.js', instances: 2, exec_mode: 'cluster', sched: '{sched}', cluster: {{ {cluster} }} }}\n"
    );
    ward.write("ecosystem.config.js", &file);
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.set_read_timeout(Some(DEADLINE)).expect("a limit");
    stream
}

/// The instance that has this connection.
fn holder(stream: &TcpStream) -> String {
    holder_since(stream).0
}

/// Likewise, and since when.
fn holder_since(stream: &TcpStream) -> (String, u64) {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("a name");
    let (name, since) = line.trim().split_once(' ').expect("a name and a time");
    (name.to_owned(), since.parse().expect("a time"))
}

/// Another app of the same daemon. Who connected before it was served could have been served, too.
struct Neighbour {
    port: u16,
}

impl Neighbour {
    fn start(ward: &Ward) -> Self {
        let port = free_port();
        ward.write(
            "neighbour.js",
            &APP.replace("process.env.PORT", &port.to_string()),
        );
        ward.run(&["start", "neighbour.js", "-i", "1"]).succeeds();
        Self { port }
    }

    /// Since when it has a connection that was made now.
    fn served_at(&self) -> u64 {
        holder_since(&connect(self.port)).1
    }
}

#[test]
fn a_paused_worker_gets_no_connections_until_it_is_resumed() {
    let (ward, port) = start("rr", "");
    ward.run(&["pause", "0"])
        .succeeds()
        .prints("Process id 0 gets no new connections");
    ward.run(&["describe", "0"]).succeeds().prints("paused");
    let held: Vec<TcpStream> = (0..4).map(|_| connect(port)).collect();
    assert!(held.iter().all(|stream| holder(stream) == "1"));
    // Nothing that a reload would wait for.
    drop(held);
    // A fresh process in the same slot is paused too.
    ward.run(&["reload", "app"]).succeeds();
    assert_eq!(holder(&connect(port)), "1");
    // With nobody left connections wait, and are served later.
    let neighbour = Neighbour::start(&ward);
    ward.run(&["pause", "app"]).succeeds();
    let waiting = connect(port);
    let paused = neighbour.served_at();
    ward.run(&["resume", "0"]).succeeds();
    let (name, since) = holder_since(&waiting);
    assert_eq!(name, "0");
    assert!(since > paused, "served at {since}, while all are paused");
    // A stop ends it.
    ward.run(&["restart", "app"]).succeeds();
    ward.run(&["stop", "app"]).succeeds();
    ward.run(&["start", "app"]).succeeds();
    let mut both = [holder(&connect(port)), holder(&connect(port))];
    both.sort();
    assert_eq!(both, ["0", "1"]);
}

#[test]
fn what_gets_no_connections_from_ward_cannot_be_paused() {
    let (ward, _) = start("shared", "");
    ward.run(&["pause", "app"])
        .fails()
        .complains("accept connections by themselves");
    ward.write("loop.sh", "exec sleep 1000");
    ward.run(&["start", "loop.sh"]).succeeds();
    ward.run(&["pause", "loop"])
        .fails()
        .complains("only workers of a cluster");
    ward.run(&["pause", "nobody"])
        .fails()
        .complains("no such app");
}

#[test]
fn connections_beyond_the_most_wait_until_others_end() {
    let (ward, port) = start("rr", "max_connections: 2");
    let neighbour = Neighbour::start(&ward);
    let mut held: Vec<TcpStream> = (0..4).map(|_| connect(port)).collect();
    let mut holders: Vec<String> = held.iter().map(holder).collect();
    holders.sort();
    assert_eq!(holders, ["0", "0", "1", "1"]);
    let fifth = connect(port);
    let full = neighbour.served_at();
    held.pop();
    let (name, since) = holder_since(&fifth);
    assert!(["0", "1"].contains(&name.as_str()));
    assert!(since > full, "served at {since}, while both are full");
}

#[test]
fn limits_that_nobody_could_keep_are_refused() {
    for (sched, cluster, reason) in [
        ("shared", "max_connections: 2", "by themselves"),
        ("slot", "slow_start: 1000", "by themselves"),
        ("sticky-ip", "slow_start: 1000", "belongs to"),
        ("rr", "max_connections: 0", "max_connections"),
        ("rr", "slow_start: 'soon'", "slow_start"),
    ] {
        let ward = Ward::new();
        ward.write("app.js", APP);
        declare(&ward, sched, cluster);
        ward.run(&["start", "ecosystem.config.js"])
            .fails()
            .complains(reason);
    }
}

#[test]
fn an_unknown_word_in_cluster_is_told_with_a_guess() {
    let ward = Ward::new().with_env("PORT", &free_port().to_string());
    ward.write("app.js", APP);
    declare(&ward, "rr", "max_connection: 2, slow_start: 100");
    ward.run(&["start", "ecosystem.config.js"])
        .succeeds()
        .complains(
            "unknown key \"cluster.max_connection\" is ignored, did you mean \"max_connections\"?",
        );
}

/// Whoever has the port now would have to give it up: that is said before anything is lost.
#[test]
fn a_change_to_slot_by_reload_is_refused_and_the_old_workers_stay() {
    let (ward, port) = start("rr", "");
    declare(&ward, "slot", "");
    ward.run(&["reload", "ecosystem.config.js"])
        .fails()
        .complains("stop it first");
    assert!(["0", "1"].contains(&holder(&connect(port)).as_str()));
    ward.run(&["stop", "app"]).succeeds();
    ward.run(&["start", "ecosystem.config.js"]).succeeds();
    assert!(["0", "1"].contains(&holder(&connect(port)).as_str()));
}
