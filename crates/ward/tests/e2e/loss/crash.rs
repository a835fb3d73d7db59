//! Workers that are killed under load: only what they had begun to read dies with them.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use rustix::process::Signal;

use super::client::{Load, Style};
use super::{APP, rounds, start};
use crate::harness::{Ward, kill, stop_process};

const CLIENTS: u32 = 12;

/// The worker whose turn it is.
fn victim(ward: &Ward, round: usize) -> u32 {
    let list = ward.list();
    u32::try_from(list[round % list.len()]["pid"].as_u64().unwrap()).unwrap()
}

/// The client's ports of the connections a process holds on this port.
fn held(pid: u32, port: u16) -> BTreeSet<u16> {
    let folder = fs::read_dir(format!("/proc/{pid}/fd")).expect("the worker lives");
    let links = folder.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let held: BTreeSet<String> = links.map(|link| link.display().to_string()).collect();
    let tables = ["tcp", "tcp6"].map(|name| fs::read_to_string(format!("/proc/net/{name}")));
    let number = |word: &str| u16::from_str_radix(word.rsplit(':').next()?, 16).ok();
    let lines = tables.iter().flatten().flat_map(|table| table.lines());
    lines
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let ours = number(words.get(1)?)? == port;
            let inode = format!("socket:[{}]", words.get(9)?);
            (ours && held.contains(&inode)).then(|| number(words[2]))?
        })
        .collect()
}

#[test]
fn only_what_a_killed_worker_had_taken_is_lost() {
    let (ward, port) = start(APP, 3, None, &["--max-restarts", "10000"]);
    let load = Load::start(port, Style::Close, CLIENTS);
    let mut bus = ward.bus();
    let mut taken = BTreeSet::new();
    for round in 0..rounds(25) {
        load.serve_more(60);
        let victim = victim(&ward, round);
        stop_process(victim);
        // By now one more connection is on its way to it, and somebody waits for the answer.
        load.serve_more(60);
        taken.extend(held(victim, port));
        kill(victim, Signal::KILL);
        bus.wait("its return", |event| event.is_process("online"));
    }
    load.serve_more(60);
    let outcome = load.finish();
    let lost = outcome.failures;
    assert!(lost.iter().all(|failure| !failure.hung), "{lost:?}");
    let mut saved = lost.iter().filter(|failure| !taken.contains(&failure.from));
    assert!(
        saved.next().is_none(),
        "of {} served, lost although no worker had it: {lost:?}; taken: {taken:?}",
        outcome.served
    );
}

#[test]
fn nobody_hangs_when_workers_are_killed() {
    let (ward, port) = start(APP, 3, None, &["--max-restarts", "10000"]);
    let new = Load::start(port, Style::Close, CLIENTS / 2);
    let kept = Load::start(port, Style::KeepAlive(Duration::ZERO), CLIENTS / 2);
    let mut bus = ward.bus();
    let kills = rounds(25);
    for round in 0..kills {
        new.serve_more(30);
        kept.serve_more(30);
        kill(victim(&ward, round), Signal::KILL);
        bus.wait("its return", |event| event.is_process("online"));
    }
    new.serve_more(30);
    kept.serve_more(30);
    for load in [new, kept] {
        let outcome = load.finish();
        let lost = &outcome.failures;
        assert!(lost.iter().all(|failure| !failure.hung), "{lost:?}");
        assert!(
            lost.iter().all(|failure| !failure.text.contains("connect")),
            "the port stays open: {lost:?}"
        );
        // Each client has one request at a time.
        assert!(lost.len() <= kills * CLIENTS as usize / 2, "{lost:?}");
    }
}
