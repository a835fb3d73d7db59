//! A worker that is stopped (SIGSTOP) keeps nobody waiting: neither a client nor a reload.

use rustix::process::Signal;

use super::client::get;
use crate::harness::{Ward, free_port, kill, stop_process, wait_gone};

/// Writes a line for each request before it answers.
const APP: &str = r"
require('http').createServer((request, response) => {
  console.log('served ' + process.pid)
  response.end('' + process.pid)
}).listen(process.env.PORT)
";

fn start(more: &str) -> (Ward, u16) {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    ward.write("app.js", APP);
    let file = format!(
        "module.exports = {{ name: 'app', script: 'app.js', instances: 2, exec_mode: 'cluster', {more} }}\n"
    );
    ward.write("ecosystem.config.js", &file);
    ward.run(&["start", "ecosystem.config.js"]).succeeds();
    (ward, port)
}

fn pid_of(ward: &Ward, place: usize) -> u32 {
    u32::try_from(ward.list()[place]["pid"].as_u64().unwrap()).unwrap()
}

#[test]
fn what_a_stopped_worker_was_handed_is_answered_by_another_one_once() {
    let (ward, port) = start("cluster: { hand_over_timeout: 300 }");
    let stopped = pid_of(&ward, 0);
    stop_process(stopped);
    // One of these is handed to the one that is stopped.
    let clients: Vec<_> = (0..8)
        .map(|_| std::thread::spawn(move || get(port)))
        .collect();
    wait_gone(stopped);
    // Nobody may be served by it after all.
    kill(stopped, Signal::CONT);
    for client in clients {
        let answer = client.join().unwrap();
        assert_ne!(answer, stopped.to_string());
    }
    let log = ward.daemon_log_when(|log| log.contains("is stopped (SIGSTOP?)"));
    assert_eq!(log.matches("it is killed").count(), 1, "{log}");
    ward.run(&["stop", "app"]).succeeds();
    let served: usize = ["app-out-0.log", "app-out-1.log"]
        .iter()
        .map(|name| ward.log(name).matches("served").count())
        .sum();
    assert_eq!(served, 8, "each request once");
}

/// Its time to drain and to be killed is longer than a test waits for a command.
#[test]
fn a_reload_passes_a_stopped_worker() {
    let endless = super::drain::ENDLESS;
    let (ward, port) = start(&format!("{endless}, cluster: {{ hand_over_timeout: 300 }}"));
    let stopped = pid_of(&ward, 1);
    stop_process(stopped);
    ward.run(&["reload", "app"]).succeeds();
    wait_gone(stopped);
    get(port);
}
