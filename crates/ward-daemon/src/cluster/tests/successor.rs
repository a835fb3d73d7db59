//! All that the thread holds goes to another one, as in a live upgrade: workers and clients notice
//! nothing.

use std::io::Write as _;

use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;
use ward_core::cluster::Sched;
use ward_core::id::InstanceId;

use super::{Desk, served_by, spread};
use crate::cluster::{WorkerConfig, WorkerEvent};
use crate::worker_loop::{ChannelEvent, ChannelThread, DescriptorRole, Exported};

impl Desk {
    /// The next daemon, which gets the state as text.
    fn succeed(self) -> Self {
        let exported = self.handle.export().expect("everything");
        let text = serde_json::to_string(&exported.state).unwrap();
        let (sender, events) = unbounded_channel();
        let exported = Exported {
            state: serde_json::from_str(&text).unwrap(),
            descriptors: exported.descriptors,
        };
        Self {
            handle: ChannelThread::resume(sender, exported).expect("a successor"),
            events,
            port: self.port,
            bystander: None,
        }
    }
}

#[test]
fn connections_in_every_state_go_on() {
    let mut desk = Desk::new();
    let mut worker = desk.worker(1);
    let clients = [desk.connect(), desk.connect(), desk.connect()];
    let first = worker.offered();
    let mut taken = std::net::TcpStream::from(worker.fds.remove(0));
    // The first one is on its way, the others wait in the kernel.
    let mut desk = desk.succeed();
    worker.answer(first, true);
    taken.write_all(b"before\n").unwrap();
    drop(taken);
    worker.serve();
    worker.serve();
    assert_eq!(clients.map(served_by), ["before", "1", "1"]);
    // Listeners are found again under their keys.
    let mut second = desk.worker(2);
    let client = [desk.connect(), desk.connect()];
    worker.serve();
    second.serve();
    let mut served = client.map(served_by);
    served.sort();
    assert_eq!(served, ["1", "2"]);
}

#[test]
fn what_a_worker_had_not_taken_is_given_to_another_one_when_it_dies() {
    let mut desk = Desk::new();
    let mut first = desk.worker(1);
    let clients = [desk.connect(), desk.connect()];
    first.offered();
    first.raw(r#"{"cmd":"NODE_HANDLE_ACK"}"#);
    first.fds.clear();
    first.offered();
    let mut desk = desk.succeed();
    let mut second = desk.worker(2);
    second.hears_nothing(&mut desk, "the first one lives");
    drop(first);
    second.serve();
    second.serve();
    assert_eq!(clients.map(served_by), ["2", "2"]);
}

#[test]
fn connections_nobody_can_take_wait_for_a_worker_of_the_successor() {
    let mut desk = Desk::new();
    let mut first = desk.worker(1);
    let client = desk.connect();
    first.offered();
    drop(first);
    loop {
        let event = desk.events.blocking_recv().expect("the thread");
        if let ChannelEvent::Closed { .. } = event {
            break;
        }
    }
    let mut desk = desk.succeed();
    let mut second = desk.worker_at(2, Desk::config(1));
    second.serve();
    assert_eq!(served_by(client), "2");
}

#[test]
fn no_message_is_lost_or_doubled() {
    let mut desk = Desk::new();
    let mut worker = desk.silent(1, Desk::config(1));
    desk.event(|event| *event == WorkerEvent::Online);
    worker.socket.write_all(b"[1]\n[2").unwrap();
    // One that does not read: most of this waits, and the line it broke off in goes on later.
    let long = "x".repeat(1 << 20);
    for number in 0..3 {
        desk.handle.send(worker.life, &json!([number, long]));
    }
    let value = |desk: &mut Desk| loop {
        let event = desk.events.blocking_recv().expect("the thread");
        if let ChannelEvent::Message { value, .. } = event {
            return value.value().unwrap();
        }
    };
    assert_eq!(value(&mut desk), json!([1]));
    desk.acknowledged();
    let mut desk = desk.succeed();
    worker.socket.write_all(b",3]\n[4]\n").unwrap();
    assert_eq!(value(&mut desk), json!([2, 3]));
    assert_eq!(value(&mut desk), json!([4]));
    desk.handle.send(worker.life, &json!("last"));
    for number in 0..3 {
        assert_eq!(worker.hear(), json!([number, long]));
    }
    assert_eq!(worker.hear(), json!("last"));
}

#[test]
fn sessions_pauses_and_counts_stay() {
    let mut desk = Desk::new();
    let config = |instance| WorkerConfig {
        options: spread(Sched::LeastConnections),
        ..Desk::config(instance)
    };
    let mut first = desk.worker_at(1, config(1));
    let client = desk.connect();
    let seq = first.offered();
    first.answer(seq, true);
    let held = first.fds.remove(0);
    desk.handle.pause(InstanceId(2), true);
    desk.acknowledged();
    let mut desk = desk.succeed();
    let mut paused = desk.worker_at(2, config(2));
    let _other = desk.connect();
    let seq = first.offered();
    first.answer(seq, true);
    first.fds.clear();
    desk.handle.pause(InstanceId(2), false);
    desk.acknowledged();
    // The first one still has the connection it had before; the second one has none.
    let third = desk.connect();
    paused.serve();
    assert_eq!(served_by(third), "2");
    drop((held, client));
}

#[test]
fn each_descriptor_has_its_role_once() {
    let mut desk = Desk::new();
    let mut worker = desk.worker(1);
    let _clients = [desk.connect(), desk.connect()];
    worker.offered();
    let exported = desk.handle.export().expect("everything");
    let roles: Vec<_> = exported.descriptors.iter().map(|(role, _)| *role).collect();
    let channels = roles
        .iter()
        .filter(|it| matches!(it, DescriptorRole::Channel(_)));
    assert_eq!((channels.count(), roles.len()), (1, 3), "{roles:?}");
    let (sender, _events) = unbounded_channel();
    let broken = Exported {
        state: exported.state,
        descriptors: Vec::new(),
    };
    let error = ChannelThread::resume(sender, broken).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the descriptor of Channel(Life(1)) is missing"
    );
}
