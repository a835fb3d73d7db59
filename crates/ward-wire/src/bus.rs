//! Events on `pub.sock`: a topic and a JSON payload, the same bytes for every subscriber. Which of
//! them a subscriber wants is its own business: wildcards are matched in the client.

use bytes::Bytes;
use serde_json::Value;

use crate::amp::{Arg, ArgError, Frame, RawArg};

/// The bytes of an event.
pub fn encode_event(topic: &str, payload: &Value) -> Bytes {
    Frame::new(vec![RawArg::text(topic), RawArg::json(payload)])
        .encode()
        .into()
}

/// An event as a subscriber sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its topic; a topic that is no text is written as JSON.
    pub topic: String,
    /// Its payload, `null` when there is none.
    pub payload: Value,
}

impl Event {
    /// Reads an event.
    ///
    /// # Errors
    ///
    /// An argument is no JSON.
    pub fn from_frame(frame: &Frame) -> Result<Self, ArgError> {
        let mut args = frame.args.iter().map(RawArg::decode);
        let topic = match args.next().transpose()? {
            Some(Arg::Text(topic)) => topic,
            Some(Arg::Json(topic)) => topic.to_string(),
            Some(Arg::Raw(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
            None => String::new(),
        };
        let payload = match args.next().transpose()? {
            Some(Arg::Json(payload)) => payload,
            Some(Arg::Text(text)) => Value::String(text),
            Some(Arg::Raw(_)) | None => Value::Null,
        };
        Ok(Self { topic, payload })
    }
}

/// Whether `topic` matches `pattern`, in which each `*` stands for one or more characters other
/// than a line end. Returns what the stars stand for, the longest to the left.
pub fn matches<'t>(pattern: &str, topic: &'t str) -> Option<Vec<&'t str>> {
    let mut stars = Vec::new();
    matches_rest(pattern, topic, &mut stars).then_some(stars)
}

fn matches_rest<'t>(pattern: &str, topic: &'t str, stars: &mut Vec<&'t str>) -> bool {
    let Some(at) = pattern.find('*') else {
        return pattern == topic;
    };
    let Some(rest) = topic.strip_prefix(&pattern[..at]) else {
        return false;
    };
    let line = &rest[..rest
        .find(['\n', '\r', '\u{2028}', '\u{2029}'])
        .unwrap_or(rest.len())];
    let ends: Vec<usize> = line
        .char_indices()
        .map(|(index, found)| index + found.len_utf8())
        .collect();
    for end in ends.into_iter().rev() {
        stars.push(&rest[..end]);
        if matches_rest(&pattern[at + 1..], &rest[end..], stars) {
            return true;
        }
        stars.pop();
    }
    false
}
