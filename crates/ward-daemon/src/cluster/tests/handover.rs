//! Connections and sockets on their way to workers that take, refuse or die.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Desk, served_by, spread};
use crate::cluster::WorkerConfig;
use ward_core::cluster::Sched;

#[test]
fn a_worker_has_one_connection_at_a_time_on_its_way() {
    let mut desk = Desk::new();
    let mut worker = desk.worker(1);
    let clients = [desk.connect(), desk.connect()];
    let first = worker.offered();
    worker.hears_nothing(&mut desk, "the second one waits");
    worker.answer(first, true);
    worker.fds.clear();
    worker.serve();
    let [_, second] = clients;
    assert_eq!(served_by(second), "1");
}

#[test]
fn the_next_connection_comes_when_the_last_one_has_arrived() {
    let mut desk = Desk::new();
    let mut worker = desk.worker(1);
    let _clients = [desk.connect(), desk.connect(), desk.connect()];
    let first = worker.offered();
    worker.fds.clear();
    worker.raw(r#"{"cmd":"NODE_HANDLE_ACK"}"#);
    let second = worker.offered();
    worker.fds.clear();
    worker.raw(r#"{"cmd":"NODE_HANDLE_ACK"}"#);
    worker.hears_nothing(&mut desk, "it has not taken the first");
    worker.say(json!({ "ack": first, "accepted": true }));
    worker.offered();
    worker.fds.clear();
    worker.say(json!({ "ack": second, "accepted": true }));
    worker.hears_nothing(&mut desk, "the third is on its way");
}

#[test]
fn what_arrived_and_was_not_taken_goes_to_another_one_too() {
    let mut desk = Desk::new();
    let mut first = desk.worker(1);
    let clients = [desk.connect(), desk.connect()];
    first.offered();
    first.fds.clear();
    first.raw(r#"{"cmd":"NODE_HANDLE_ACK"}"#);
    first.offered();
    let mut second = desk.worker(2);
    second.hears_nothing(&mut desk, "the first one lives");
    drop(first);
    second.serve();
    second.serve();
    for client in clients {
        assert_eq!(served_by(client), "2");
    }
}

#[test]
fn a_worker_that_speaks_of_taking_only_is_served() {
    let mut desk = Desk::new();
    let mut worker = desk.worker(1);
    for _ in 0..5 {
        let _client = desk.connect();
        let seq = worker.offered();
        worker.fds.clear();
        worker.say(json!({ "ack": seq, "accepted": true }));
    }
}

#[test]
fn a_refused_connection_goes_to_another_worker() {
    let mut desk = Desk::new();
    let mut first = desk.worker(1);
    let mut second = desk.worker(2);
    let client = desk.connect();
    let seq = first.offered();
    first.answer(seq, false);
    first.fds.clear();
    second.serve();
    assert_eq!(served_by(client), "2");
}

#[test]
fn refusals_are_not_repeated_in_a_hot_loop() {
    let mut desk = Desk::new();
    let mut worker = desk.worker(1);
    let _client = desk.connect();
    let began = Instant::now();
    for _ in 0..6 {
        let seq = worker.offered();
        worker.answer(seq, false);
        worker.fds.clear();
    }
    let pauses = Duration::from_millis(10 + 20 + 40 + 80 + 160);
    assert!(began.elapsed() >= pauses, "{:?}", began.elapsed());
}

/// Nothing else happens on the port that would make the daemon look at what waits.
#[test]
fn a_connection_refused_after_the_server_was_closed_goes_to_another_worker() {
    for dies in [false, true] {
        let mut desk = Desk::new();
        let mut first = desk.worker(1);
        let mut second = desk.worker(2);
        let client = desk.connect();
        let seq = first.offered();
        first.fds.clear();
        let key = first.key.clone();
        first.say(json!({ "act": "close", "key": key }));
        if dies {
            drop(first);
        } else {
            first.answer(seq, false);
        }
        second.serve();
        assert_eq!(served_by(client), "2");
    }
}

/// As when a worker has no descriptor left for it.
#[test]
fn a_shared_socket_is_sent_three_times_and_then_refused() {
    let mut desk = Desk::new();
    let config = WorkerConfig {
        options: spread(Sched::Shared),
        ..Desk::config(1)
    };
    let mut worker = desk.silent(1, config);
    let question = worker.ask_for(desk.port);
    for _ in 0..3 {
        let sent = worker.hear();
        assert_eq!(sent["cmd"], "NODE_HANDLE", "{sent}");
        assert_eq!(sent["msg"]["ack"], question);
        worker.raw(r#"{"cmd":"NODE_HANDLE_NACK"}"#);
    }
    let answer = worker.hear();
    assert_eq!(
        (&answer["ack"], &answer["errno"]),
        (&json!(question), &json!(-24)),
        "{answer}"
    );
}

#[test]
fn a_connection_that_was_lost_on_its_way_goes_to_another_worker() {
    let mut desk = Desk::new();
    let mut first = desk.worker(1);
    let mut second = desk.worker(2);
    let client = desk.connect();
    first.offered();
    first.raw(r#"{"cmd":"NODE_HANDLE_NACK"}"#);
    second.serve();
    assert_eq!(served_by(client), "2");
}

#[test]
fn what_a_dead_worker_did_not_take_goes_to_another_one() {
    let mut desk = Desk::new();
    let mut first = desk.worker(1);
    let client = desk.connect();
    first.offered();
    let mut second = desk.worker(2);
    second.hears_nothing(&mut desk, "the first one lives");
    drop(first);
    second.serve();
    assert_eq!(served_by(client), "2");
}

#[test]
fn connections_wait_for_the_next_worker_when_none_is_left() {
    let mut desk = Desk::new();
    let mut first = desk.worker(1);
    let clients = [desk.connect(), desk.connect(), desk.connect()];
    first.offered();
    drop(first);
    let mut second = desk.worker_at(2, Desk::config(1));
    for _ in 0..3 {
        second.serve();
    }
    for client in clients {
        assert_eq!(served_by(client), "2");
    }
}
