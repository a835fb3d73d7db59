//! Workers without our agent finish.

use serde_json::json;
use ward_core::id::Life;

use super::{Desk, WITHOUT_AGENT, Worker, spread};
use crate::cluster::{WorkerConfig, WorkerEvent, WorkerReport};
use crate::worker_loop::ChannelEvent;
use ward_core::cluster::Sched;
use ward_core::event::{Taken, Tally};

/// A worker without agent. It is this very process, and so are its connections.
fn worker(desk: &mut Desk, sched: Sched) -> Worker {
    let config = WorkerConfig {
        protocol: WITHOUT_AGENT,
        options: spread(sched),
        ..Desk::config(1)
    };
    let worker = desk.worker_at(1, config);
    desk.handle.born(worker.life, std::process::id());
    worker
}

/// Nothing says that it has finished.
fn has_not_finished(desk: &mut Desk, worker: &mut Worker) {
    worker.hears_nothing(desk, "it has not finished");
    while let Ok(event) = desk.events.try_recv() {
        let drained = matches!(
            event,
            ChannelEvent::Worker(WorkerReport {
                event: WorkerEvent::Drained,
                ..
            })
        );
        assert!(!drained, "it has not finished");
    }
}

/// What became of its connections, told when its channel is closed.
fn tally(desk: &mut Desk, life: Life) -> Tally {
    let (whose, event) = desk.event(|event| matches!(event, WorkerEvent::Finished(_)));
    assert_eq!(whose, life);
    match event {
        WorkerEvent::Finished(tally) => tally,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn its_connections_are_waited_for_and_counted() {
    let mut desk = Desk::new();
    let mut worker = worker(&mut desk, Sched::RoundRobin);
    let mut clients = Vec::new();
    for _ in 0..2 {
        clients.push(desk.connect());
        let seq = worker.offered();
        worker.answer(seq, true);
        // It keeps them elsewhere: each message is to bring one descriptor.
        clients.push(worker.fds.remove(0).into());
    }
    desk.handle.drain(worker.life);
    has_not_finished(&mut desk, &mut worker);
    clients.clear();
    desk.event(|event| matches!(event, WorkerEvent::Drained));
    let life = worker.life;
    drop(worker);
    let expected = Tally {
        redispatched: 0,
        taken: Some(Taken { drained: 2, cut: 0 }),
    };
    assert_eq!(tally(&mut desk, life), expected);
}

#[test]
fn what_it_has_when_it_ends_is_cut() {
    let mut desk = Desk::new();
    let mut worker = worker(&mut desk, Sched::RoundRobin);
    let _client = desk.connect();
    let seq = worker.offered();
    worker.answer(seq, true);
    let _kept = worker.fds.remove(0);
    desk.handle.drain(worker.life);
    has_not_finished(&mut desk, &mut worker);
    let life = worker.life;
    drop(worker);
    let taken = tally(&mut desk, life).taken;
    assert_eq!(taken.map(|taken| taken.cut), Some(1));
}

#[test]
fn one_that_accepts_by_itself_is_told_to_stop_that_first() {
    let mut desk = Desk::new();
    let mut worker = worker(&mut desk, Sched::Shared);
    desk.handle.drain(worker.life);
    assert_eq!(worker.hear()["act"], "disconnect");
    has_not_finished(&mut desk, &mut worker);
    let key = worker.key.clone();
    worker.say(json!({ "act": "close", "key": key }));
    desk.event(|event| matches!(event, WorkerEvent::Drained));
}

#[test]
fn one_that_was_told_and_leaves_has_finished() {
    let mut desk = Desk::new();
    let mut worker = worker(&mut desk, Sched::Shared);
    let client = desk.connect();
    let listener = std::net::TcpListener::from(worker.fds.remove(0));
    let taken = loop {
        // What it shares with the daemon does not block.
        if let Ok((taken, _)) = listener.accept() {
            break taken;
        }
    };
    desk.handle.drain(worker.life);
    assert_eq!(worker.hear()["act"], "disconnect");
    has_not_finished(&mut desk, &mut worker);
    // Node closes the channel behind the last connection, sooner than anybody looks again.
    let life = worker.life;
    drop((taken, client, worker));
    desk.event(|event| matches!(event, WorkerEvent::Drained));
    let told = tally(&mut desk, life);
    assert_eq!(told.taken, Some(Taken { drained: 1, cut: 0 }));
}

#[test]
fn one_that_leaves_while_others_are_being_counted_was_counted_too() {
    let mut desk = Desk::new();
    let mut first = worker(&mut desk, Sched::Shared);
    let config = WorkerConfig {
        protocol: WITHOUT_AGENT,
        options: spread(Sched::Shared),
        ..Desk::config(2)
    };
    let mut second = desk.worker_at(2, config);
    desk.handle.born(second.life, std::process::id());
    desk.handle.drain(first.life);
    assert_eq!(first.hear()["act"], "disconnect");
    desk.handle.drain(second.life);
    assert_eq!(second.hear()["act"], "disconnect");
    let life = second.life;
    drop(second);
    assert!(tally(&mut desk, life).taken.is_some());
}

#[test]
fn it_is_said_when_a_worker_is_told_to_finish_which_is_after_all_has_arrived() {
    let mut desk = Desk::new();
    let mut worker = worker(&mut desk, Sched::RoundRobin);
    let _client = desk.connect();
    let seq = worker.offered();
    desk.handle.drain(worker.life);
    desk.settle();
    while let Ok(event) = desk.events.try_recv() {
        let told = matches!(
            event,
            ChannelEvent::Worker(WorkerReport {
                event: WorkerEvent::Draining,
                ..
            })
        );
        assert!(!told, "one is on its way");
    }
    worker.answer(seq, true);
    let (whose, _) = desk.event(|event| *event == WorkerEvent::Draining);
    assert_eq!(whose, worker.life);
}
