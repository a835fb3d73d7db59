//! The bus: a stream of events, each a topic and a payload.
//!
//! A subscriber that says nothing gets every event, and chooses topics by itself, see [`Pattern`]. One
//! of ward's may tell the daemon what it wants, see [`Choice`].

mod choice;
mod output;

use bytes::Bytes;
use serde_json::Value;

use crate::amp::{self, Arg, ArgError, Frame, RawArg};
use crate::json::{self, RawJson};

pub use choice::{About, AppName, Choice};
pub use output::OutputEncoder;

/// What JavaScript's `.` does not match; such topics cannot be reached with wildcards.
const LINE_ENDS: [char; 4] = ['\n', '\r', '\u{2028}', '\u{2029}'];

/// One event, encoded once for all subscribers. Line ends in the topic become spaces, since
/// wildcard subscribers could never see it otherwise.
pub fn encode_event(topic: &str, payload: &Value) -> Bytes {
    let topic = topic.replace(LINE_ENDS, " ");
    encode_parts(RawArg::text(&topic), RawArg::json(payload))
}

/// A message of an app as an event: `{"at":…,KEY:MESSAGE,"process":…}`. The message is copied once and
/// never taken apart.
pub fn encode_message(
    topic: &str,
    at_ms: u64,
    (key, message): (&str, &RawJson),
    process: &Value,
) -> Bytes {
    let before = format!("j:{{\"at\":{at_ms},{}:", json::to_string(&key.into()));
    let after = format!(",\"process\":{}}}", json::to_string(process));
    let parts = [
        before.as_bytes(),
        message.as_str().as_bytes(),
        after.as_bytes(),
    ];
    let topic = topic.replace(LINE_ENDS, " ");
    amp::encode_pair(&[b"s:", topic.as_bytes()], &parts).into()
}

/// As [`encode_event`] for topics that are no strings (an app may send `type: 5`) and payloads that
/// are encoded already.
pub fn encode_parts(topic: RawArg, payload: RawArg) -> Bytes {
    Frame::pair(topic, payload).encode().into()
}

/// An event, as a subscriber receives it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Normally text; a topic that is none (an app may send `type: 5`) is shown as JSON.
    pub topic: String,
    /// The payload; null if the frame has none.
    pub payload: Value,
}

impl Event {
    /// Reads a frame of the bus.
    ///
    /// # Errors
    ///
    /// An argument is not valid JSON. Later frames are not affected.
    pub fn from_frame(frame: &Frame) -> Result<Self, ArgError> {
        let mut args = frame.args.iter().map(RawArg::decode);
        let topic = match args.next().transpose()? {
            Some(Arg::Text(text) | Arg::Json(Value::String(text))) => text,
            Some(Arg::Json(value)) => json::to_string(&value),
            Some(Arg::Raw(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
            None => String::new(),
        };
        let payload = match args.next().transpose()? {
            Some(Arg::Json(value)) => value,
            Some(Arg::Text(text)) => Value::String(text),
            Some(Arg::Raw(_)) | None => Value::Null,
        };
        Ok(Self { topic, payload })
    }
}

/// A subscriber's choice of topics: `*` stands for one or more characters, all else for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    first: String,
    /// What follows each wildcard.
    rest: Vec<String>,
}

impl Pattern {
    /// Reads a pattern such as `log:*`; every text is one.
    pub fn new(pattern: &str) -> Self {
        let mut parts = pattern.split('*').map(str::to_owned);
        let first = parts.next().unwrap_or_default();
        let rest = parts.collect();
        Self { first, rest }
    }

    /// What the wildcards stand for in `topic`, or `None` if it does not match.
    ///
    /// As in the official client's `(.+)`, earlier wildcards take as much as they can. Work is at
    /// most the product of both lengths.
    pub fn captures<'t>(&self, topic: &'t str) -> Option<Vec<&'t str>> {
        let begin = self.first.len();
        topic.strip_prefix(self.first.as_str())?;
        if self.rest.is_empty() {
            return (topic.len() == begin).then(Vec::new);
        }
        let ends = self.wildcard_ends(topic);
        let mut at = begin;
        let mut captures = Vec::with_capacity(self.rest.len());
        for (ends, literal) in ends.iter().zip(&self.rest) {
            let end = ends[at]?;
            captures.push(&topic[at..end]);
            at = end + literal.len();
        }
        Some(captures)
    }

    /// True if `topic` is chosen.
    pub fn matches(&self, topic: &str) -> bool {
        self.captures(topic).is_some()
    }

    /// For each wildcard and each place it may begin at: the last place it may end at so that the
    /// rest of the topic matches the rest of the pattern. Computed backwards, so without retries.
    fn wildcard_ends(&self, topic: &str) -> Vec<Vec<Option<usize>>> {
        let mut tables = Vec::with_capacity(self.rest.len());
        // Where what comes after the literal at hand may begin.
        let mut next: Vec<bool> = (0..=topic.len()).map(|at| at == topic.len()).collect();
        for literal in self.rest.iter().rev() {
            let fits =
                |at: usize| topic[at..].starts_with(literal.as_str()) && next[at + literal.len()];
            let mut ends = vec![None; topic.len() + 1];
            for (at, character) in topic.char_indices().rev() {
                if LINE_ENDS.contains(&character) {
                    continue;
                }
                let after = at + character.len_utf8();
                ends[at] = ends[after].or_else(|| fits(after).then_some(after));
            }
            next = ends.iter().map(Option::is_some).collect();
            tables.push(ends);
        }
        tables.reverse();
        tables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_capture_as_the_official_client_does() {
        let captures = |pattern, topic| Pattern::new(pattern).captures(topic);
        assert_eq!(captures("log:out", "log:out"), Some(vec![]));
        assert_eq!(captures("log:out", "log:outer"), None);
        assert_eq!(captures("log:*", "log:out"), Some(vec!["out"]));
        assert_eq!(captures("log:*", "log:"), None);
        assert_eq!(captures("*", "log:out"), Some(vec!["log:out"]));
        assert_eq!(captures("*", ""), None);
        assert_eq!(captures("", ""), Some(vec![]));
        assert_eq!(captures("*:*", "a:b:c"), Some(vec!["a:b", "c"]));
        assert_eq!(captures("*:*", "ab:"), None);
        assert_eq!(captures("**", "abc"), Some(vec!["ab", "c"]));
        assert_eq!(captures("**", "**"), Some(vec!["*", "*"]));
        assert_eq!(captures("*", "a\nb"), None);
        assert_eq!(captures("*é*", "aéßé✓"), Some(vec!["aéß", "✓"]));
        assert_eq!(captures("a.c", "abc"), None);
        assert_eq!(captures("*out", "log:out"), Some(vec!["log:"]));
    }

    #[test]
    fn many_wildcards_do_not_take_exponential_time() {
        let topic = "a".repeat(2000);
        assert!(!Pattern::new(&("*a".repeat(40) + "b")).matches(&topic));
    }

    #[test]
    fn line_ends_in_topics_become_spaces() {
        let bytes = encode_event("a\nb\u{2028}", &Value::Null);
        assert_eq!(&bytes[..], b"\x12\0\0\0\x06s:a b \0\0\0\x06j:null");
    }
}
