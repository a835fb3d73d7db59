//! Who gets a connection is declared, and can be changed.

use std::collections::BTreeSet;
use std::time::Duration;

use super::APP;
use super::client::{Load, Style};
use crate::harness::{Ward, free_port};

#[test]
fn schedules_can_be_chosen() {
    for sched in ["shared", "slot", "least-conn", "sticky-ip"] {
        let port = free_port();
        let ward = Ward::new().with_env("PORT", &port.to_string());
        ward.write("app.js", APP);
        let file = format!(
            "module.exports = {{ name: 'app', script: 'app.js', instances: 2, exec_mode: 'cluster', sched: '{sched}' }}\n"
        );
        ward.write("ecosystem.config.js", &file);
        ward.run(&["start", "ecosystem.config.js"]).succeeds();
        // With `shared` and `slot` the kernel decides; `least-conn` has tests of its own.
        let spread = super::spread(port, 40);
        if sched == "sticky-ip" {
            assert_eq!(spread.len(), 1, "{sched}: {spread:?}");
        }
        let styles = [
            (Style::Close, 2),
            (Style::KeepAlive(Duration::from_millis(5)), 2),
        ];
        let load = Load::start(port, &styles);
        ward.run(&["reload", "app"]).succeeds();
        load.serve_more(10);
        let outcome = load.finish();
        assert_eq!(outcome.errors, Vec::<String>::new(), "{sched}");
        let after = super::spread(port, 4);
        assert!(spread.keys().all(|pid| !after.contains_key(pid)), "{sched}");
    }
}

#[test]
fn the_schedule_can_be_changed_by_a_reload() {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    ward.write("app.js", APP);
    let declare = |sched: &str| {
        let file = format!(
            "module.exports = {{ name: 'app', script: 'app.js', instances: 2, exec_mode: 'cluster', sched: '{sched}' }}\n"
        );
        ward.write("ecosystem.config.js", &file);
    };
    declare("rr");
    ward.run(&["start", "ecosystem.config.js"]).succeeds();
    let styles = [
        (Style::Close, 2),
        (Style::KeepAlive(Duration::from_millis(5)), 2),
    ];
    let load = Load::start(port, &styles);
    for sched in ["shared", "sticky-ip", "rr"] {
        declare(sched);
        ward.run(&["reload", "ecosystem.config.js"]).succeeds();
        load.serve_more(10);
        // A worker that shares the socket has it open; one that is handed connections has not.
        let pid = super::ask(port)["pid"].as_u64().unwrap();
        let listens = listening_sockets(pid, port);
        assert_eq!(listens, sched == "shared", "{sched}");
    }
    assert_eq!(load.finish().errors, Vec::<String>::new());
    assert_eq!(
        super::spread(port, 6).into_values().collect::<Vec<_>>(),
        [3, 3]
    );
}

/// Whether a process has a socket that listens on this port.
fn listening_sockets(pid: u64, port: u16) -> bool {
    let local = format!(":{port:04X}");
    let tables =
        ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| std::fs::read_to_string(path).unwrap());
    let wanted: BTreeSet<String> = tables
        .iter()
        .flat_map(|table| table.lines())
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words[1].ends_with(&local) && words[3] == "0A")
        .map(|words| format!("socket:[{}]", words[9]))
        .collect();
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    open.flatten()
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .any(|link| wanted.contains(link.to_str().unwrap_or_default()))
}

#[test]
fn weights_decide_how_often_a_worker_has_its_turn() {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    ward.write("app.js", APP);
    let file = "module.exports = { name: 'app', script: 'app.js', instances: 2,
      exec_mode: 'cluster', sched: 'weighted', cluster: { weights: [3, 1] } }\n";
    ward.write("ecosystem.config.js", file);
    ward.run(&["start", "ecosystem.config.js"]).succeeds();
    let mut counts: Vec<usize> = super::spread(port, 40).into_values().collect();
    counts.sort_unstable();
    assert_eq!(counts, [10, 30]);
}
