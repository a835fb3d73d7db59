//! Lines of the protocol, one by one.

use serde_json::{Map, Value, json};
use ward_wire::json::RawJson;
use ward_wire::node_cluster::{ClusterMessage, Dialect, Handle, NodeMessage, Outbox, WorkerAct};

use super::{act, node, written};

#[test]
fn primary_lines_have_the_documented_form() {
    let mut outbox = Outbox {
        dialect: Dialect::Node,
        seq: 7,
    };
    let data = RawJson::from(&json!({"ticketKeys": "00ff"}));
    assert_eq!(
        written(|out| outbox.listening(out, 3, "/run/a \"b\"", &data, None)),
        "{\"cmd\":\"NODE_CLUSTER\",\"errno\":null,\"key\":\"/run/a \\\"b\\\"\",\"ack\":3,\"data\":{\"ticketKeys\":\"00ff\"},\"seq\":7}\n"
    );
    assert_eq!(
        written(|out| outbox.shared(out, 3, "k", &RawJson::null())),
        "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Native\",\"msg\":{\"cmd\":\"NODE_CLUSTER\",\"errno\":0,\"key\":\"k\",\"ack\":3,\"data\":null,\"seq\":8}}\n"
    );
    assert_eq!(
        written(|out| outbox.refused(out, 3, "k", &RawJson::null(), -98)),
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
    assert_eq!(
        (said.as_str(), body.field("left").unwrap().as_str()),
        ("drained", "0")
    );
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
            message: RawJson::from(message),
        }
    };
    let line = r#"{"cmd":"NODE_HANDLE","type":"net.Socket","msg":"hi","key":"k"}"#;
    assert_eq!(node(line), NodeMessage::Handle(handle(&json!("hi"))));
    assert_eq!(
        handle(&json!("hi")).user_message(),
        Some(&RawJson::from(&json!("hi")))
    );
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
