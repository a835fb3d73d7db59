//! Real apps from npm as cluster workers, just as they are: each sees itself as Node's own workers
//! do, all of them get work, and they end in good order.

mod http;
mod next;
mod runtimes;
mod secure;
mod site;
mod sockets;
mod versions;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Everything but Next and Node itself, in versions that run on Node 20 and newer.
const PACKAGES: [&str; 12] = [
    "express@5.3.0",
    "fastify@5.12.8",
    "koa@3.3.0",
    "@nestjs/common@11.2.10",
    "@nestjs/core@11.2.10",
    "@nestjs/platform-express@11.2.10",
    "reflect-metadata@0.2.2",
    "rxjs@7.8.2",
    "ws@8.23.0",
    "socket.io@4.8.4",
    "socket.io-client@4.8.4",
    "selfsigned@5.5.0",
];

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The process that answered.
fn pid(answer: &Value) -> u64 {
    answer["pid"].as_u64().expect("a pid")
}

/// Answers of one connection: all of one process, which is told by the first.
fn same_worker(answers: &Value) -> Value {
    let all = answers.as_array().expect("answers");
    assert!(!all.is_empty());
    let pids: BTreeSet<u64> = all.iter().map(pid).collect();
    assert_eq!(pids.len(), 1, "one connection, one worker: {pids:?}");
    all[0].clone()
}

/// Likewise for each of many connections; the answers are checked one by one.
fn by_connection(all: &Value, check: impl Fn(usize, &Value)) -> Vec<Value> {
    let connections = all.as_array().expect("connections").iter();
    connections
        .map(|answers| {
            for (index, answer) in answers.as_array().expect("answers").iter().enumerate() {
                check(index, answer);
            }
            same_worker(answers)
        })
        .collect()
}

/// How often each process answered.
fn spread(answers: &[Value]) -> BTreeMap<u64, usize> {
    let mut spread = BTreeMap::new();
    for answer in answers {
        *spread.entry(pid(answer)).or_default() += 1;
    }
    spread
}
