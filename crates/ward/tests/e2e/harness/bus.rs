//! A subscriber with a decoder of its own: an independent reading of the bytes on the bus.

use std::collections::VecDeque;
use std::io::{Read, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use super::{DEADLINE, readable};

/// A connection to `pub.sock`.
pub(crate) struct Bus {
    stream: UnixStream,
    bytes: Vec<u8>,
    ready: VecDeque<Event>,
}

/// One event.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) topic: String,
    pub(crate) payload: Value,
}

impl Event {
    /// `process:event` with this name.
    pub(crate) fn is_process(&self, event: &str) -> bool {
        self.topic == "process:event" && self.payload["event"] == event
    }

    /// Output of this app that contains the text.
    pub(crate) fn is_output(&self, app: &str, text: &str) -> bool {
        (self.topic == "log:out" || self.topic == "log:err")
            && self.payload["process"]["name"] == app
            && self.payload["data"]
                .as_str()
                .is_some_and(|data| data.contains(text))
    }
}

impl Bus {
    pub(super) fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).expect("pub.sock accepts");
        Self {
            stream,
            bytes: Vec::new(),
            ready: VecDeque::new(),
        }
    }

    /// Tells the daemon what is wanted from now on: the JSON of `ward:subscribe`.
    pub(crate) fn choose(&mut self, choice: &str) {
        let choice = format!("j:{choice}");
        let frame = super::frame(&[b"s:ward:subscribe", choice.as_bytes()]);
        self.stream.write_all(&frame).expect("the bus reads");
    }

    /// The next event, whatever it is.
    pub(crate) fn next(&mut self, what: &str) -> Event {
        self.next_by(Instant::now() + DEADLINE, what)
    }

    /// Likewise. Where others are dropped the whole wait has one deadline: some apps never keep
    /// silent.
    pub(super) fn next_by(&mut self, until: Instant, what: &str) -> Event {
        assert!(Instant::now() < until, "waited too long for {what}");
        loop {
            if let Some(event) = self.ready.pop_front() {
                return event;
            }
            assert!(readable(&self.stream, until), "waited in vain for {what}");
            let mut buffer = [0; 8192];
            let count = self.stream.read(&mut buffer).expect("the bus can be read");
            assert!(count > 0, "the bus was closed while waiting for {what}");
            self.bytes.extend_from_slice(&buffer[..count]);
            while let Some((frame, rest)) = super::rpc::take_frame(&self.bytes) {
                self.bytes = rest;
                let [topic, payload] = &frame[..] else {
                    panic!("an event has two arguments")
                };
                let topic = topic
                    .strip_prefix(b"s:")
                    .map(String::from_utf8_lossy)
                    .unwrap_or_default()
                    .into_owned();
                let payload = payload.strip_prefix(b"j:").expect("a JSON payload");
                let payload = serde_json::from_slice(payload).expect("valid JSON");
                self.ready.push_back(Event { topic, payload });
            }
        }
    }

    /// The first event that is wanted; others are dropped.
    pub(crate) fn wait(&mut self, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        let until = Instant::now() + DEADLINE;
        loop {
            let event = self.next_by(until, what);
            if wanted(&event) {
                return event;
            }
        }
    }

    /// All events up to and with the first that is wanted.
    pub(crate) fn collect_until(
        &mut self,
        what: &str,
        wanted: impl Fn(&Event) -> bool,
    ) -> Vec<Event> {
        let until = Instant::now() + DEADLINE;
        let mut events = Vec::new();
        loop {
            events.push(self.next_by(until, what));
            if events.last().is_some_and(&wanted) {
                return events;
            }
        }
    }

    /// Waits for output of an app.
    pub(crate) fn wait_output(&mut self, app: &str, text: &str) -> Event {
        self.wait(&format!("{text:?} from {app}"), |event| {
            event.is_output(app, text)
        })
    }
}
