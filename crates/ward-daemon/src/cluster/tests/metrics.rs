//! What the counters say about connections and messages.

use super::{Desk, served_by};
use crate::cluster::WorkerEvent;
use crate::worker_loop::{ChannelEvent, WorkerMetrics};

impl Desk {
    pub(super) fn metrics(&self) -> WorkerMetrics {
        self.handle.metrics().blocking_recv().expect("the thread")
    }
}

#[test]
fn connections_are_counted_for_their_listener_and_for_all() {
    let mut desk = Desk::new();
    let mut first = desk.worker(1);
    let client = desk.connect();
    let seq = first.offered();
    first.answer(seq, false);
    first.fds.clear();
    first.serve();
    assert_eq!(served_by(client), "1");
    let _waiting = [desk.connect(), desk.connect()];
    first.offered();
    let metrics = desk.metrics().cluster;
    let [listener] = &metrics.listeners[..] else {
        panic!("one listener: {metrics:?}");
    };
    assert_eq!((metrics.workers, metrics.in_flight), (1, 1));
    assert_eq!(metrics.connections, listener.connections);
    let counts = listener.connections;
    assert_eq!(
        (counts.dispatched, counts.redispatched, counts.refused),
        (3, 1, 1)
    );
    assert_eq!(counts.accepted, 2, "the last one waits in the kernel");
    assert_eq!(
        (listener.app.as_str(), listener.workers, listener.waiting),
        ("app", 1, 0)
    );
}

#[test]
fn messages_and_junk_are_counted() {
    let mut desk = Desk::new();
    let mut worker = desk.silent(1, Desk::config(1));
    desk.event(|event| *event == WorkerEvent::Online);
    let before = desk.metrics().channels;
    worker.raw("{\"a\":1}");
    worker.raw("junk");
    // When this one is known, the others are.
    worker.raw(r#"{"cmd":"NODE_WARD","act":"settled"}"#);
    desk.event(|event| *event == WorkerEvent::Settled);
    let after = desk.metrics().channels;
    assert_eq!((after.channels, after.paused), (1, 0));
    assert_eq!(after.messages_in - before.messages_in, 3);
    assert_eq!(after.junk - before.junk, 1);
    let bytes = "{\"a\":1}\njunk\n{\"cmd\":\"NODE_WARD\",\"act\":\"settled\"}\n".len() as u64;
    assert_eq!(after.bytes_in - before.bytes_in, bytes);
}

#[test]
fn the_acknowledgement_comes_after_what_was_asked_before() {
    let mut desk = Desk::new();
    let worker = desk.worker(1);
    desk.handle.close(worker.life);
    assert!(desk.handle.acknowledge(7));
    let mut closed = false;
    loop {
        match desk.events.blocking_recv().expect("the thread") {
            ChannelEvent::Closed { .. } => closed = true,
            ChannelEvent::Acknowledged { number } => {
                assert_eq!((number, closed), (7, true));
                return;
            }
            _ => {}
        }
    }
}
