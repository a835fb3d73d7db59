//! The conversations between workers and primaries, as they were captured from Node.

#![expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]

mod endpoints;
mod lines;
mod properties;

use std::net::IpAddr;

use bytes::Bytes;
use ward_wire::json::RawJson;
use ward_wire::node_cluster::{
    AddressType, ClusterMessage, Dialect, ListenQuery, NodeMessage, Outbox, SocketName, WorkerAct,
    handle_key,
};
use ward_wire::node_ipc::{Line, classify};

#[path = "../common/mod.rs"]
mod common;

fn node(line: &str) -> NodeMessage {
    match classify(&Bytes::copy_from_slice(line.as_bytes())) {
        Line::Internal(message) => message,
        other => panic!("{line}: {other:?}"),
    }
}

fn act(line: &str) -> WorkerAct {
    match node(line) {
        NodeMessage::Cluster(ClusterMessage { act, .. }) => act,
        other => panic!("{line}: {other:?}"),
    }
}

fn query(fields: &str) -> ListenQuery {
    let line = format!(r#"{{"cmd":"NODE_CLUSTER","act":"queryServer",{fields},"seq":1}}"#);
    match act(&line) {
        WorkerAct::QueryServer { seq: 1, query } => query,
        other => panic!("{line}: {other:?}"),
    }
}

fn written<R>(write: impl FnOnce(&mut Vec<u8>) -> R) -> String {
    let mut out = Vec::new();
    let _seq = write(&mut out);
    String::from_utf8(out).unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// One captured conversation: worker lines are read as shown, primary lines are written as shown.
fn converse(address: Option<&str>, fields: &str, key: &str, port: u16, name: SocketName) {
    let mut outbox = Outbox::new(Dialect::Node);
    assert_eq!(
        act(r#"{"cmd":"NODE_CLUSTER","act":"online","seq":0}"#),
        WorkerAct::Online
    );

    let expected = ListenQuery {
        index: 0,
        data: RawJson::null(),
        address: address.map(str::to_owned),
        port: Some(i64::from(port)),
        address_type: AddressType::Tcp4,
        fd: None,
        flags: 0,
        backlog: Some(0),
        readable_all: false,
        writable_all: false,
    };
    assert_eq!(query(fields), expected);
    assert_eq!(
        format!("{}:0", handle_key(&expected)),
        key,
        "Node 20 always appends the index"
    );

    let line = written(|out| {
        let seq = outbox.listening(out, 1, key, &RawJson::null(), Some(name));
        assert_eq!(seq, 0);
    });
    let family = if name.address.is_ipv4() {
        "IPv4"
    } else {
        "IPv6"
    };
    let SocketName { address, port } = name;
    assert_eq!(
        line,
        format!(
            "{{\"cmd\":\"NODE_CLUSTER\",\"errno\":null,\"key\":\"{key}\",\"ack\":1,\"data\":null,\"sockname\":{{\"address\":\"{address}\",\"family\":\"{family}\",\"port\":{port}}},\"seq\":0}}\n"
        )
    );

    let line = format!(r#"{{"cmd":"NODE_CLUSTER","act":"listening",{fields},"seq":2}}"#);
    assert_eq!(act(&line), WorkerAct::Listening(expected));

    let line = written(|out| assert_eq!(outbox.new_connection(out, key), 1));
    assert_eq!(
        line,
        format!(
            "{{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Native\",\"msg\":{{\"cmd\":\"NODE_CLUSTER\",\"act\":\"newconn\",\"key\":\"{key}\",\"seq\":1}}}}\n"
        )
    );
    assert_eq!(node(r#"{"cmd":"NODE_HANDLE_ACK"}"#), NodeMessage::HandleAck);
    assert_eq!(
        act(r#"{"cmd":"NODE_CLUSTER","ack":1,"accepted":true,"seq":3}"#),
        WorkerAct::Reply {
            ack: 1,
            accepted: true
        }
    );

    let line = written(|out| assert_eq!(outbox.disconnect(out), 2));
    assert_eq!(
        line,
        "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"disconnect\",\"seq\":2}\n"
    );
    let line = format!(r#"{{"cmd":"NODE_CLUSTER","act":"close","key":"{key}","seq":4}}"#);
    assert_eq!(
        act(&line),
        WorkerAct::Close {
            key: key.to_owned()
        }
    );
}

#[test]
fn captured_conversation_on_every_address() {
    converse(
        None,
        r#""index":0,"data":null,"address":null,"port":21300,"addressType":4,"backlog":0"#,
        "null:21300:4:undefined:0",
        21300,
        SocketName {
            address: ip("::"),
            port: 21300,
        },
    );
}

#[test]
fn captured_conversation_on_one_address() {
    converse(
        Some("127.0.0.1"),
        r#""index":0,"data":null,"address":"127.0.0.1","port":21170,"addressType":4,"flags":0,"backlog":0"#,
        "127.0.0.1:21170:4:undefined:0",
        21170,
        SocketName {
            address: ip("127.0.0.1"),
            port: 21170,
        },
    );
}
