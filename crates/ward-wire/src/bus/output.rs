//! Output of apps as events, encoded without a detour over [`serde_json::Value`]: everything but the
//! time and the text is the same in all events of one stream.

use bytes::Bytes;
use serde_json::json;

use crate::amp::{Frame, RawArg};
use crate::json;

/// Encodes the output of one stream of one app.
#[derive(Debug, Clone)]
pub struct OutputEncoder {
    topic: &'static str,
    /// The payload up to the time.
    head: String,
}

impl OutputEncoder {
    /// For standard output or, with `error`, standard error.
    pub fn new(error: bool, id: u32, name: &str, namespace: &str) -> Self {
        let process = json!({ "pm_id": id, "name": name, "rev": null, "namespace": namespace });
        Self {
            topic: Self::topic(error),
            head: format!("j:{{\"process\":{},\"at\":", json::to_string(&process)),
        }
    }

    /// `log:out` or `log:err`.
    pub fn topic(error: bool) -> &'static str {
        if error { "log:err" } else { "log:out" }
    }

    /// One event: `text` was read `at_ms` milliseconds after the epoch.
    pub fn encode(&self, at_ms: u64, text: &str) -> Bytes {
        let mut payload = Vec::with_capacity(self.head.len() + text.len() + text.len() / 8 + 40);
        payload.extend_from_slice(self.head.as_bytes());
        payload.extend_from_slice(at_ms.to_string().as_bytes());
        payload.extend_from_slice(b",\"data\":");
        json::write(&mut payload, text).expect("a text is always JSON");
        payload.push(b'}');
        Frame::pair(RawArg::text(self.topic), RawArg(payload.into()))
            .encode()
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::encode_event;

    #[test]
    fn the_bytes_are_those_of_any_other_event() {
        let process = json!({ "pm_id": 3, "name": "a \"b\"", "rev": null, "namespace": "ns" });
        let encoder = OutputEncoder::new(true, 3, "a \"b\"", "ns");
        for text in ["line\n", "", "\u{1}\"\\é\u{2028}🦀"] {
            let payload = json!({ "process": process, "at": 1_700_000_000_123_u64, "data": text });
            assert_eq!(
                encoder.encode(1_700_000_000_123, text),
                encode_event("log:err", &payload)
            );
        }
    }
}
