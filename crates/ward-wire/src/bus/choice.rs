//! What a subscriber wants to see. PM2's subscribers choose for themselves and get everything; one of
//! ward's may say so to the daemon, which then neither encodes nor sends the rest to it.
//!
//! The choice is one frame that the subscriber sends on its connection, at any time and as often as
//! it likes; the last one holds:
//!
//! ```text
//! s:ward:subscribe  j:{"topics":["log:*"],"apps":[3,"web"],"namespaces":["shop"]}
//! ```
//!
//! Each key may be missing. `topics` are patterns, see [`Pattern`]; without any all topics are wanted.
//! `apps` are ids (numbers) or names (text); with `apps` or `namespaces`, events of other apps are
//! left out, and events that belong to no app are not. A daemon of PM2's ignores the frame.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Pattern;
use crate::amp::{Arg, Frame, RawArg};

/// The first argument of the frame.
const SUBSCRIBE: &str = "ward:subscribe";

/// What a subscriber wants to see. The default is everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Choice {
    /// Patterns of topics; none: all topics.
    pub topics: Vec<String>,
    /// Apps by id or name.
    pub apps: Vec<AppName>,
    /// Apps by namespace.
    pub namespaces: Vec<String>,
}

/// How a subscriber names an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AppName {
    /// One instance, by its `pm_id`.
    Id(u32),
    /// All instances of this name.
    Name(String),
}

/// The app an event belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About<'a> {
    /// `pm_id`.
    pub id: u32,
    /// Name of the app.
    pub name: &'a str,
    /// Its namespace, if the event tells it.
    pub namespace: Option<&'a str>,
}

impl<'a> About<'a> {
    /// The app in the `process` of a payload; nothing for events of no app, the daemon's own lines
    /// (`"pm_id": "PM2"`) among them.
    pub fn of(payload: &'a Value) -> Option<Self> {
        let process = payload.get("process")?;
        let id = process.get("pm_id")?.as_u64()?;
        Some(Self {
            id: u32::try_from(id).ok()?,
            name: process.get("name")?.as_str()?,
            namespace: process.get("namespace").and_then(Value::as_str),
        })
    }
}

impl Choice {
    /// The frame that tells the daemon.
    pub fn encode(&self) -> Vec<u8> {
        let choice = RawArg::serialize(self).expect("texts and numbers have a JSON form");
        Frame::pair(RawArg::text(SUBSCRIBE), choice).encode()
    }

    /// Reads what a subscriber sent; nothing if it is anything else.
    pub fn from_frame(frame: &Frame) -> Option<Self> {
        let [name, choice] = frame.args.as_slice() else {
            return None;
        };
        let (Ok(Arg::Text(name)), Ok(Arg::Json(choice))) = (name.decode(), choice.decode()) else {
            return None;
        };
        (name == SUBSCRIBE)
            .then(|| serde_json::from_value(choice).ok())
            .flatten()
    }

    /// Whether an event is wanted.
    pub fn wants(&self, topic: &str, about: Option<About<'_>>) -> bool {
        let topics = &self.topics;
        let chosen = |pattern: &String| pattern == topic || Pattern::new(pattern).matches(topic);
        (topics.is_empty() || topics.iter().any(chosen))
            && about.is_none_or(|about| self.wants_app(about))
    }

    fn wants_app(&self, about: About<'_>) -> bool {
        let named = |app: &AppName| match app {
            AppName::Id(id) => *id == about.id,
            AppName::Name(name) => name == about.name,
        };
        let of_namespace = |it: &String| about.namespace == Some(it.as_str());
        (self.apps.is_empty() && self.namespaces.is_empty())
            || self.apps.iter().any(named)
            || self.namespaces.iter().any(of_namespace)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::amp::Decoder;

    fn read(bytes: &[u8]) -> Option<Choice> {
        let mut decoder = Decoder::new();
        decoder.push(bytes);
        Choice::from_frame(&decoder.next().unwrap().unwrap())
    }

    #[test]
    fn a_choice_survives_the_wire() {
        let choice = Choice {
            topics: vec!["log:*".to_owned()],
            apps: vec![AppName::Id(3), AppName::Name("web".to_owned())],
            namespaces: Vec::new(),
        };
        assert_eq!(read(&choice.encode()), Some(choice));
    }

    #[test]
    fn other_frames_are_no_choice() {
        let frame = |name: &str, choice: &Value| {
            Frame::pair(RawArg::text(name), RawArg::json(choice)).encode()
        };
        assert_eq!(read(&frame(SUBSCRIBE, &json!({}))), Some(Choice::default()));
        assert_eq!(read(&frame("subscribe", &json!({}))), None);
        assert_eq!(read(&frame(SUBSCRIBE, &json!({"topics": 3}))), None);
        assert_eq!(read(&frame(SUBSCRIBE, &json!([]))), Some(Choice::default()));
    }

    #[test]
    fn events_are_chosen_by_topic_and_by_app() {
        let process = |id: u32, name: &str| json!({ "process": { "pm_id": id, "name": name, "namespace": "shop" } });
        let (web, api) = (process(3, "web"), process(4, "api"));
        let choice = |value: Value| serde_json::from_value::<Choice>(value).unwrap();
        let wants = |chosen: Value, topic: &str, payload: &Value| {
            choice(chosen).wants(topic, About::of(payload))
        };
        assert!(wants(json!({}), "anything", &web));
        assert!(wants(json!({"topics": ["log:*"]}), "log:out", &web));
        assert!(!wants(json!({"topics": ["log:*"]}), "process:event", &web));
        assert!(wants(json!({"apps": ["web"]}), "log:out", &web));
        assert!(!wants(json!({"apps": ["web"]}), "log:out", &api));
        assert!(wants(json!({"apps": [4]}), "log:out", &api));
        assert!(wants(json!({"namespaces": ["shop"]}), "log:out", &api));
        assert!(!wants(json!({"namespaces": ["other"]}), "log:out", &api));
        let daemon = json!({ "process": { "pm_id": "PM2", "name": "PM2" } });
        assert!(wants(json!({"apps": ["web"]}), "log:PM2", &daemon));
    }
}
