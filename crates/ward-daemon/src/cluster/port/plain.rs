//! A second kind of worker, for tests: it speaks no word of Node. A line of JSON is a message:
//! `{"listen": <port>}`, `{"took": <number>}`, `{"left": <number>}` from the worker, and
//! `{"listening": <port>}`, `{"connection": <number>}`, `{"finish": true}` to it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use ward_wire::json::RawJson;
use ward_wire::node_cluster::{AddressType, ListenQuery, SocketName};

use super::{Delivery, Said, Words, WorkerPort};

#[derive(Debug, Default, Serialize, Deserialize)]
pub(in crate::cluster) struct PlainPort {
    next: u64,
}

fn line(value: &Value) -> Vec<u8> {
    format!("{value}\n").into_bytes()
}

impl WorkerPort for PlainPort {
    fn hear(&mut self, words: Words<'_>) -> Option<Said> {
        let Words::Value(value) = words else {
            return None;
        };
        let value = value.value()?;
        let number = |key: &str| value.get(key).and_then(Value::as_u64);
        if let Some(port) = number("listen") {
            let query = Box::new(ListenQuery {
                index: 0,
                data: RawJson::null(),
                address: Some("127.0.0.1".to_owned()),
                port: i64::try_from(port).ok(),
                address_type: AddressType::Tcp4,
                fd: None,
                flags: 0,
                backlog: None,
                readable_all: false,
                writable_all: false,
            });
            let key = port.to_string();
            return Some(match value.get("begun") {
                Some(_) => Said::Listening { key, query },
                None => Said::Asks {
                    question: port,
                    key,
                    query,
                },
            });
        }
        let answered = |key: &str, accepted| {
            let delivery = Delivery(number(key)?);
            Some(Said::Answered { delivery, accepted })
        };
        answered("took", true).or_else(|| answered("left", false))
    }

    fn connection(&mut self, _key: &str) -> (Delivery, Vec<u8>) {
        let number = self.next;
        self.next += 1;
        (Delivery(number), line(&json!({ "connection": number })))
    }

    fn listen(&mut self, question: u64, _: &str, _: &RawJson, _: Option<SocketName>) -> Vec<u8> {
        line(&json!({ "listening": question }))
    }

    fn share(&mut self, question: u64, _: &str, _: &RawJson) -> (Delivery, Vec<u8>) {
        let number = self.next;
        self.next += 1;
        (Delivery(number), line(&json!({ "accept": question })))
    }

    fn refuse(&mut self, question: u64, _: &str, _: &RawJson, errno: i32) -> Vec<u8> {
        line(&json!({ "refused": question, "errno": errno }))
    }

    fn leave(&mut self, question: u64) -> Vec<u8> {
        line(&json!({ "leave": question }))
    }

    fn disconnect(&mut self) -> Vec<u8> {
        line(&json!({ "finish": true }))
    }

    fn drain(&mut self) -> Option<Vec<u8>> {
        None
    }

    fn tells_when_drained(&self) -> bool {
        false
    }

    fn is_up_at_birth(&self) -> bool {
        true
    }

    fn save(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }
}
