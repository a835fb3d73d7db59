//! Laws that hold for any message.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use ward_wire::json::RawJson;
use ward_wire::node_cluster::{Dialect, Outbox, SocketName, WorkerAct, handle_key};
use ward_wire::node_ipc::{Line, classify};

use super::{act, ip};
use crate::common;

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
        let data = RawJson::from(&json!({ "data": &key }));
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
