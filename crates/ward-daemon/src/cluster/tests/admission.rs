//! Who may listen, who gets connections, and what nonsense does.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;

use serde_json::json;
use ward_core::id::{InstanceId, Life};

use super::{Desk, LIMIT, Worker, served_by};
use crate::cluster::{WorkerConfig, WorkerEvent};

#[test]
fn a_retired_instance_closes_what_only_it_had() {
    let mut desk = Desk::new();
    let first = desk.worker(1);
    let mut second = desk.worker(2);
    drop(first);
    desk.handle.retire(InstanceId(1));
    let client = desk.connect();
    second.serve();
    assert_eq!(served_by(client), "2");
    desk.handle.close(second.life);
    desk.handle.retire(InstanceId(2));
    desk.acknowledged();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, desk.port));
    TcpStream::connect(address).expect_err("the port is closed");
}

#[test]
fn a_worker_that_asked_for_a_socket_is_about_to_listen() {
    const SETTLED: &str = r#"{"cmd":"NODE_WARD","act":"settled"}"#;
    let mut desk = Desk::new();
    let news = |event: &WorkerEvent| matches!(event, WorkerEvent::Online | WorkerEvent::Settled);
    let mut asking = desk.silent(1, Desk::config(1));
    assert_eq!(desk.event(news).1, WorkerEvent::Online);
    asking.ask_for(desk.port);
    asking.raw(SETTLED);
    asking.say(json!({ "act": "online" }));
    assert_eq!(desk.event(news).1, WorkerEvent::Online);
    let mut resting = desk.silent(2, Desk::config(2));
    assert_eq!(desk.event(news).1, WorkerEvent::Online);
    resting.raw(SETTLED);
    assert_eq!(desk.event(news), (resting.life, WorkerEvent::Settled));
}

#[test]
fn a_draining_worker_gets_nothing_and_is_told_when_all_has_arrived() {
    let mut desk = Desk::new();
    let mut old = desk.worker(1);
    let client = desk.connect();
    let seq = old.offered();
    desk.handle.drain(old.life);
    old.hears_nothing(&mut desk, "one is still on its way");
    old.answer(seq, true);
    let message = old.hear();
    assert_eq!(message, json!({ "cmd": "NODE_WARD", "act": "drain" }));
    let mut new = desk.worker_at(2, Desk::config(1));
    let later = desk.connect();
    new.serve();
    assert_eq!(served_by(later), "2");
    old.raw(r#"{"cmd":"NODE_WARD","act":"drained"}"#);
    let (life, _) = desk.event(|event| matches!(event, WorkerEvent::Drained));
    assert_eq!(life, old.life);
    drop(client);
}

#[test]
fn a_worker_that_waits_for_ready_gets_nothing_before() {
    let mut desk = Desk::new();
    let config = WorkerConfig {
        wait_ready: true,
        ..Desk::config(1)
    };
    let mut worker = desk.worker_at(1, config);
    let client = desk.connect();
    worker.hears_nothing(&mut desk, "it is not ready");
    worker.raw("\"ready\"");
    worker.serve();
    assert_eq!(served_by(client), "1");
}

#[test]
fn the_same_port_twice_in_one_worker_is_in_use() {
    let mut desk = Desk::new();
    let mut worker = desk.worker(1);
    let answer = worker.listen(desk.port);
    assert_eq!(answer["errno"], -98);
}

#[test]
fn ticket_keys_of_the_first_worker_are_given_to_all() {
    let desk = Desk::new();
    let mut keys = Vec::new();
    for life in 1..=2 {
        let end = desk.handle.open(Life(life), Some(Desk::config(1))).unwrap();
        let mut worker = Worker {
            life: Life(life),
            socket: UnixStream::from(end),
            bytes: Vec::new(),
            fds: Vec::new(),
            seq: 0,
            key: String::new(),
        };
        worker.say(json!({
            "act": "queryServer", "index": 0, "data": { "ticketKeys": format!("{life}") },
            "address": null, "port": desk.port, "addressType": 4,
        }));
        keys.push(worker.hear()["data"]["ticketKeys"].clone());
    }
    assert_eq!(keys, ["1", "1"]);
}

#[test]
fn nonsense_harms_nobody() {
    let mut desk = Desk::new();
    let mut good = desk.worker(1);
    let mut bad = desk.worker(2);
    for line in [
        r#"{"cmd":"NODE_CLUSTER","act":"queryServer","seq":7}"#,
        r#"{"cmd":"NODE_CLUSTER","act":"queryServer","seq":8,"fd":99999}"#,
        r#"{"cmd":"NODE_CLUSTER","act":"queryServer","seq":9,"fd":0}"#,
        r#"{"cmd":"NODE_CLUSTER","act":"queryServer","seq":9,"port":-4,"addressType":4}"#,
        r#"{"cmd":"NODE_CLUSTER","act":"queryServer","seq":9,"address":"nowhere","port":4,"addressType":4}"#,
        r#"{"cmd":"NODE_CLUSTER","act":"queryServer","seq":9,"address":"/no/such/folder/s","port":-1,"addressType":-1}"#,
        r#"{"cmd":"NODE_CLUSTER","act":"queryServer","seq":9,"address":"fe80::1%nothing","port":4,"addressType":6}"#,
        r#"{"cmd":"NODE_CLUSTER","act":"close","key":"none"}"#,
        r#"{"cmd":"NODE_CLUSTER","ack":999,"accepted":true,"seq":1}"#,
        r#"{"cmd":"NODE_CLUSTER","ack":999,"accepted":false,"seq":1}"#,
        r#"{"cmd":"NODE_CLUSTER","act":"listening","port":1}"#,
        r#"{"cmd":"NODE_CLUSTER"}"#,
        r#"{"cmd":"NODE_HANDLE_NACK"}"#,
        r#"{"cmd":"NODE_HANDLE_ACK"}"#,
        r#"{"cmd":"NODE_HANDLE_ACK"}"#,
        r#"{"cmd":"NODE_WARD","act":"drained"}"#,
        r#"{"cmd":"NODE_HANDLE","type":"net.Socket","msg":null}"#,
        "",
        "null",
        "{",
    ] {
        bad.raw(line);
    }
    // The first connection goes to whoever has its turn; both must be able to serve.
    let clients = [desk.connect(), desk.connect()];
    good.serve();
    bad.socket.set_read_timeout(Some(LIMIT)).unwrap();
    let offered = loop {
        let message = bad.hear();
        if message["msg"]["act"] == "newconn" {
            break message["msg"]["seq"].as_u64().unwrap();
        }
    };
    bad.answer(offered, true);
    let mut stream = TcpStream::from(bad.fds.pop().unwrap());
    stream.write_all(b"2\n").unwrap();
    drop(stream);
    let mut all = String::new();
    for mut client in clients {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        all.push(char::from(byte[0]));
    }
    assert_eq!(all, "12");
}
