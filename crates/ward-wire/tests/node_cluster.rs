//! The conversations between workers and primaries, as they were captured from Node.

#![expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]

mod common;

use std::net::IpAddr;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use ward_wire::node_cluster::{
    AddressType, ClusterMessage, Dialect, Endpoint, Handle, Host, ListenQuery, NodeMessage, Outbox,
    SocketName, WorkerAct, handle_key,
};
use ward_wire::node_ipc::{Line, classify};

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
        data: Value::Null,
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
        let seq = outbox.listening(out, 1, key, &Value::Null, Some(name));
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

#[test]
fn primary_lines_have_the_documented_form() {
    let mut outbox = Outbox {
        dialect: Dialect::Node,
        seq: 7,
    };
    let data = json!({"ticketKeys": "00ff"});
    assert_eq!(
        written(|out| outbox.listening(out, 3, "/run/a \"b\"", &data, None)),
        "{\"cmd\":\"NODE_CLUSTER\",\"errno\":null,\"key\":\"/run/a \\\"b\\\"\",\"ack\":3,\"data\":{\"ticketKeys\":\"00ff\"},\"seq\":7}\n"
    );
    assert_eq!(
        written(|out| outbox.shared(out, 3, "k", &Value::Null)),
        "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Native\",\"msg\":{\"cmd\":\"NODE_CLUSTER\",\"errno\":0,\"key\":\"k\",\"ack\":3,\"data\":null,\"seq\":8}}\n"
    );
    assert_eq!(
        written(|out| outbox.refused(out, 3, "k", &Value::Null, -98)),
        "{\"cmd\":\"NODE_CLUSTER\",\"errno\":-98,\"key\":\"k\",\"ack\":3,\"data\":null,\"seq\":9}\n"
    );
    assert_eq!(
        written(|out| outbox.ack(out, 12)),
        "{\"cmd\":\"NODE_CLUSTER\",\"ack\":12,\"seq\":10}\n"
    );
    assert_eq!(outbox.seq, 11);
    assert_eq!(
        written(Outbox::handle_ack),
        "{\"cmd\":\"NODE_HANDLE_ACK\"}\n"
    );
    assert_eq!(
        written(Outbox::handle_nack),
        "{\"cmd\":\"NODE_HANDLE_NACK\"}\n"
    );
    assert_eq!(
        written(|out| Outbox::socket_count(out, "k\n", 0)),
        "{\"cmd\":\"NODE_SOCKET_COUNT\",\"key\":\"k\\n\",\"count\":0}\n"
    );
    assert_eq!(
        written(|out| Outbox::socket_all_closed(out, "k")),
        "{\"cmd\":\"NODE_SOCKET_ALL_CLOSED\",\"key\":\"k\"}\n"
    );
    assert_eq!(
        written(|out| Outbox::ward(out, "drain", &Map::new())),
        "{\"cmd\":\"NODE_WARD\",\"act\":\"drain\"}\n"
    );
    let fields = json!({"grace_ms": 5000, "cmd": "NODE_CLUSTER"});
    assert_eq!(
        written(|out| Outbox::ward(out, "drain", fields.as_object().unwrap())),
        "{\"cmd\":\"NODE_WARD\",\"act\":\"drain\",\"grace_ms\":5000}\n"
    );
}

#[test]
fn bun_lines_are_prefixed_and_have_no_envelope() {
    let mut outbox = Outbox::new(Dialect::Bun);
    assert_eq!(
        written(|out| outbox.new_connection(out, "k")),
        "\u{2}{\"act\":\"newconn\",\"key\":\"k\",\"$hasHandle\":true,\"seq\":0}\n"
    );
    assert_eq!(
        written(|out| outbox.disconnect(out)),
        "\u{2}{\"cmd\":\"NODE_CLUSTER\",\"act\":\"disconnect\",\"seq\":1}\n"
    );
    for line in [
        "\u{2}{\"cmd\":\"NODE_CLUSTER\",\"act\":\"online\",\"seq\":0}",
        "\u{2}{\"act\":\"online\",\"seq\":0}",
    ] {
        let dialect = Dialect::Bun;
        let act = WorkerAct::Online;
        assert_eq!(
            node(line),
            NodeMessage::Cluster(ClusterMessage { dialect, act })
        );
    }
    assert_eq!(
        act("\u{2}{\"ack\":1,\"accepted\":false,\"seq\":3}"),
        WorkerAct::Reply {
            ack: 1,
            accepted: false
        }
    );
    // Its own servers report a port they bound themselves, without a number.
    let line = "\u{2}{\"act\":\"listening\",\"address\":null,\"port\":80,\"addressType\":4}";
    assert!(matches!(act(line), WorkerAct::Listening(_)));
}

#[test]
fn worker_lines_beside_the_captured_ones() {
    assert_eq!(
        node(r#"{"cmd":"NODE_HANDLE_NACK"}"#),
        NodeMessage::HandleNack
    );
    let key = "k".to_owned();
    assert_eq!(
        node(r#"{"cmd":"NODE_SOCKET_GET_COUNT","key":"k"}"#),
        NodeMessage::SocketGetCount { key: key.clone() }
    );
    assert_eq!(
        node(r#"{"cmd":"NODE_SOCKET_NOTIFY_CLOSE","key":"k"}"#),
        NodeMessage::SocketNotifyClose { key: key.clone() }
    );
    let NodeMessage::Ward { act: said, body } =
        node(r#"{"cmd":"NODE_WARD","act":"drained","left":0}"#)
    else {
        panic!("not ours")
    };
    assert_eq!((said.as_str(), &body["left"]), ("drained", &json!(0)));
    assert_eq!(
        act(r#"{"cmd":"NODE_CLUSTER","act":"exitedAfterDisconnect","seq":5}"#),
        WorkerAct::ExitedAfterDisconnect { seq: 5 }
    );
    let cmd = "NODE_DEBUG_ENABLED".to_owned();
    assert_eq!(
        node(r#"{"cmd":"NODE_DEBUG_ENABLED"}"#),
        NodeMessage::Other { cmd }
    );

    let handle = |message: &Value| {
        let kind = "net.Socket".to_owned();
        let key = Some(key.clone());
        Handle {
            kind,
            key,
            message: message.clone(),
        }
    };
    let line = r#"{"cmd":"NODE_HANDLE","type":"net.Socket","msg":"hi","key":"k"}"#;
    assert_eq!(node(line), NodeMessage::Handle(handle(&json!("hi"))));
    assert_eq!(handle(&json!("hi")).user_message(), Some(&json!("hi")));
    assert_eq!(handle(&json!({"cmd": "NODE_X"})).user_message(), None);
}

#[test]
fn broken_cluster_messages_are_not_understood_and_harmless() {
    for body in [
        r#""act":"queryServer","address":null,"port":80,"addressType":4"#,
        r#""act":"exitedAfterDisconnect""#,
        r#""act":"close","key":5,"seq":1"#,
        r#""act":5,"seq":1"#,
        r#""ack":-1,"seq":1"#,
        r#""ack":99999999999999999999999,"accepted":true,"seq":1"#,
    ] {
        assert_eq!(
            act(&format!("{{\"cmd\":\"NODE_CLUSTER\",{body}}}")),
            WorkerAct::Unknown
        );
    }
}

#[test]
fn keys_follow_nodes_rule() {
    for (fields, key) in [
        (
            r#""address":null,"port":80,"addressType":4,"index":0"#,
            "null:80:4:undefined",
        ),
        (
            r#""address":null,"port":80,"addressType":4,"index":1"#,
            "null:80:4:undefined",
        ),
        (
            r#""address":"::1","port":0,"addressType":6,"index":1"#,
            "::1:0:6:undefined:1",
        ),
        (
            r#""address":"/a.sock","port":-1,"addressType":-1"#,
            "/a.sock:-1:-1:undefined",
        ),
        (
            r#""address":null,"port":null,"addressType":null,"fd":9"#,
            "null:null:null:9",
        ),
        (
            r#""address":"0.0.0.0","addressType":"udp4","fd":-1"#,
            "0.0.0.0:null:udp4:-1:0",
        ),
    ] {
        assert_eq!(handle_key(&query(fields)), key);
    }
}

#[test]
fn endpoints_follow_the_listen_matrix() {
    let endpoint = |fields: &str| query(fields).endpoint();
    let host = |address, zone: Option<&str>| {
        let address = ip(address);
        let zone = zone.map(str::to_owned);
        Some(Host { address, zone })
    };
    let tcp = |host, port, ipv6_only| {
        Ok(Endpoint::Tcp {
            host,
            port,
            ipv6_only,
        })
    };
    assert_eq!(
        endpoint(r#""address":null,"port":80,"addressType":4,"flags":0"#),
        tcp(None, 80, false)
    );
    assert_eq!(
        endpoint(r#""address":"::","port":80,"addressType":6,"flags":1"#),
        tcp(host("::", None), 80, true)
    );
    assert_eq!(
        endpoint(r#""address":"fe80::1%lo","port":80,"addressType":6,"flags":0"#),
        tcp(host("fe80::1", Some("lo")), 80, false)
    );
    assert_eq!(
        endpoint(r#""address":"/w/a.sock","port":-1,"addressType":-1"#),
        Ok(Endpoint::Path("/w/a.sock".to_owned()))
    );
    assert_eq!(
        endpoint(r#""address":"/w/\u0000x","port":-1,"addressType":-1"#),
        Ok(Endpoint::Abstract("x".to_owned()))
    );
    assert_eq!(
        endpoint(r#""address":null,"port":null,"addressType":null,"fd":9"#),
        Ok(Endpoint::Descriptor(9))
    );
    assert_eq!(
        endpoint(r#""address":"0.0.0.0","port":"53","addressType":"udp4","fd":-1,"flags":4"#),
        Ok(Endpoint::Udp {
            host: host("0.0.0.0", None),
            ipv6: false,
            port: 53,
            ipv6_only: false,
            reuse_addr: true
        })
    );
    for broken in [
        r#""address":"localhost","port":80,"addressType":4"#,
        r#""address":null,"port":65536,"addressType":4"#,
        r#""address":null,"port":-1,"addressType":-1"#,
        r#""address":null,"addressType":null"#,
        r#""address":null,"addressType":null,"fd":4294967296"#,
        r#""address":null,"port":80,"addressType":5"#,
        r#""address":[],"port":80,"addressType":4"#,
        r#""address":null,"port":"http","addressType":"udp4""#,
    ] {
        assert_eq!(endpoint(broken).unwrap_err().errno(), -22, "{broken}");
    }
}

#[test]
fn odd_values_of_apps_are_read_as_javascript_reads_them() {
    // Sent by Node 20 for `listen(80, "127.0.0.1", callback)`.
    let seen = query(
        r#""index":0,"data":null,"address":"127.0.0.1","port":80,"addressType":4,"flags":0,"backlog":false"#,
    );
    assert_eq!((seen.backlog(), seen.port), (511, Some(80)));
    // Sent by Node 20 and Bun for `readableAll: 1`.
    let seen = query(r#""address":"/a.sock","port":-1,"addressType":-1,"readableAll":1"#);
    assert_eq!((seen.readable_all, seen.writable_all), (true, false));
}

#[test]
fn backlogs_default_and_stay_in_range() {
    let backlog = |text: &str| query(&format!(r#""port":80,"addressType":4{text}"#)).backlog();
    assert_eq!(backlog(""), 511);
    assert_eq!(backlog(r#","backlog":0"#), 511);
    assert_eq!(backlog(r#","backlog":77"#), 77);
    assert_eq!(backlog(r#","backlog":"77""#), 77);
    assert_eq!(backlog(r#","backlog":1.5"#), 1);
    assert_eq!(backlog(r#","backlog":true"#), 1);
    assert_eq!(backlog(r#","backlog":{}"#), 511);
    assert_eq!(backlog(r#","backlog":99999999999"#), i32::MAX);
    assert_eq!(backlog(r#","backlog":-99999999999"#), -1);
}

proptest! {
    #![proptest_config(common::config())]
    #[test]
    fn any_question_is_understood_so_that_it_can_be_answered(
        names in proptest::sample::subsequence(
            vec!["index", "data", "address", "port", "addressType", "fd", "flags", "backlog"], 0..=8),
        values in proptest::collection::vec(
            proptest::sample::select(vec!["null", "false", "-1", "4", "1e30", "\"udp4\"", "{}", "\"\\u0000\""]), 8),
    ) {
        let fields = names.iter().zip(&values).map(|(name, value)| format!("\"{name}\":{value},"));
        let fields = fields.collect::<Vec<_>>().concat();
        let line = format!("{{\"cmd\":\"NODE_CLUSTER\",\"act\":\"queryServer\",{fields}\"seq\":1}}");
        let WorkerAct::QueryServer { seq: 1, query } = act(&line) else { panic!("{line}") };
        prop_assert!(!handle_key(&query).is_empty());
        if let Err(error) = query.endpoint() {
            prop_assert_eq!(error.errno(), -22);
        }
    }

    #[test]
    fn the_fast_path_agrees_with_the_slow_one(ack: u64, accepted: bool, seq: u64, cut in 0..64usize) {
        let fast = format!(r#"{{"cmd":"NODE_CLUSTER","ack":{ack},"accepted":{accepted},"seq":{seq}}}"#);
        let slow = fast.replacen(':', ": ", 1);
        prop_assert_eq!(act(&fast), WorkerAct::Reply { ack, accepted });
        prop_assert_eq!(act(&slow), act(&fast));
        // Nothing but the whole line is taken for one.
        let part = Bytes::copy_from_slice(&fast.as_bytes()[..cut.min(fast.len() - 1)]);
        prop_assert!(matches!(classify(&part), Line::Junk(_)));
        let more = Bytes::from(format!("{fast}}}"));
        prop_assert!(matches!(classify(&more), Line::Junk(_)));
    }

    #[test]
    fn what_the_primary_writes_is_one_json_line(key in ".*", ack: u64, seq in 0..u64::MAX - 9, bun: bool) {
        let dialect = if bun { Dialect::Bun } else { Dialect::Node };
        let mut outbox = Outbox { dialect, seq };
        let data = json!({ "data": &key });
        let name = Some(SocketName { address: ip("::1"), port: 1 });
        let mut out = Vec::new();
        outbox.new_connection(&mut out, &key);
        outbox.listening(&mut out, ack, &key, &data, name);
        outbox.shared(&mut out, ack, &key, &data);
        outbox.refused(&mut out, ack, &key, &data, -98);
        outbox.disconnect(&mut out);
        outbox.ack(&mut out, ack);
        let text = String::from_utf8(out).unwrap();
        prop_assert!(text.ends_with('\n'));
        let lines: Vec<&str> = text.lines().collect();
        prop_assert_eq!(lines.len(), 6);
        for (number, line) in (seq..).zip(lines) {
            let json = if bun { line.strip_prefix('\u{2}').unwrap() } else { line };
            let value: Value = serde_json::from_str(json).unwrap();
            let message = value.get("msg").unwrap_or(&value);
            prop_assert_eq!(&message["seq"], &json!(number));
            if message.get("key").is_some() {
                prop_assert_eq!(&message["key"], &json!(&key));
            }
        }
    }
}
