//! Connections are counted from the hand-over to their end.

use std::time::Instant;

use super::{Desk, LIMIT, Worker, spread};
use crate::cluster::{ConnectionCount, WorkerConfig};
use ward_core::cluster::Sched;

/// A worker that gets connections when it has the fewest, and the gauge that shows how many.
fn worker(desk: &mut Desk, life: u32) -> (Worker, ConnectionCount) {
    let config = WorkerConfig {
        options: spread(Sched::LeastConnections),
        ..Desk::config(life)
    };
    let gauge = config.gauge.clone();
    (desk.worker_at(life, config), gauge)
}

/// Looks again after each round of the thread.
fn wait(desk: &mut Desk, gauge: &ConnectionCount, wanted: u64) {
    let until = Instant::now() + LIMIT;
    while gauge.read() != Some(wanted) {
        assert!(Instant::now() < until, "{:?}, not {wanted}", gauge.read());
        desk.settle();
    }
}

#[test]
fn a_refused_connection_counts_for_the_worker_that_took_it() {
    let mut desk = Desk::new();
    let (mut first, first_gauge) = worker(&mut desk, 1);
    let (mut second, second_gauge) = worker(&mut desk, 2);
    let client = desk.connect();
    let seq = first.offered();
    wait(&mut desk, &first_gauge, 1);
    first.answer(seq, false);
    first.fds.clear();
    let seq = second.offered();
    wait(&mut desk, &second_gauge, 1);
    wait(&mut desk, &first_gauge, 0);
    second.answer(seq, true);
    second.fds.clear();
    wait(&mut desk, &second_gauge, 0);
    drop(client);
}

#[test]
fn a_connection_a_dead_worker_had_not_taken_moves_on() {
    let mut desk = Desk::new();
    let (mut first, _) = worker(&mut desk, 1);
    let _client = desk.connect();
    first.offered();
    let (mut second, gauge) = worker(&mut desk, 2);
    wait(&mut desk, &gauge, 0);
    drop(first);
    second.offered();
    wait(&mut desk, &gauge, 1);
}

#[test]
fn nobody_counts_where_nobody_asks() {
    let mut desk = Desk::new();
    let config = Desk::config(1);
    let gauge = config.gauge.clone();
    let mut worker = desk.worker_at(1, config);
    let _client = desk.connect();
    worker.offered();
    assert_eq!(gauge.read(), None);
}
