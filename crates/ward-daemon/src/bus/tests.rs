//! The bus with real sockets.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ward_wire::amp::Decoder;
use ward_wire::bus::{About, AppName, Choice, Event, OutputEncoder};

use super::Bus;

const LIMIT: Duration = Duration::from_secs(20);

/// One end of a subscription.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) stream: UnixStream,
    decoder: Decoder,
}

impl Reader {
    pub(crate) fn new(bus: &Bus) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        bus.subscribe(theirs).unwrap();
        ours.set_read_timeout(Some(LIMIT)).unwrap();
        Self {
            stream: ours,
            decoder: Decoder::new(),
        }
    }

    /// The next event, or nothing when the bus has closed the connection.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let mut buffer = [0; 8192];
        loop {
            if let Some(frame) = self.decoder.next().unwrap() {
                return Some(Event::from_frame(&frame).unwrap());
            }
            match self.stream.read(&mut buffer).expect("events come in time") {
                0 => return None,
                count => self.decoder.push(&buffer[..count]),
            }
        }
    }
}

fn process(id: u32, name: &str) -> Value {
    json!({ "process": { "pm_id": id, "name": name, "namespace": "default" } })
}

/// Waits until the bus has taken note of what subscribers did.
fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn who_says_nothing_gets_everything_in_order() {
    let bus = Bus::start().unwrap();
    let mut readers = [Reader::new(&bus), Reader::new(&bus)];
    for number in 0..1000 {
        bus.publish("any:topic", &json!(number));
    }
    for reader in &mut readers {
        for number in 0..1000 {
            let event = reader.next().unwrap();
            assert_eq!(
                (event.topic.as_str(), event.payload),
                ("any:topic", json!(number))
            );
        }
    }
}

#[test]
fn who_chooses_gets_only_that_and_nobody_pays_for_the_rest() {
    let bus = Bus::start().unwrap();
    let publisher = bus.publisher();
    let mut reader = Reader::new(&bus);
    let choice = Choice {
        topics: vec!["log:*".to_owned()],
        apps: vec![AppName::Name("web".to_owned())],
        ..Choice::default()
    };
    reader.stream.write_all(&choice.encode()).unwrap();
    wait_until("the choice is heard", || !bus.wants_process_events());
    let about = |id, name| {
        Some(About {
            id,
            name,
            namespace: Some("default"),
        })
    };
    assert!(publisher.wants("log:out", about(1, "web")));
    assert!(!publisher.wants("log:out", about(2, "api")));
    bus.publish("process:event", &process(1, "web"));
    bus.publish("log:out", &process(2, "api"));
    assert_eq!(bus.metrics().events, 0);
    bus.publish("log:out", &process(1, "web"));
    let event = reader.next().unwrap();
    assert_eq!(
        (event.topic.as_str(), &event.payload["process"]["pm_id"]),
        ("log:out", &json!(1))
    );
    // A later choice replaces the earlier one.
    let everything = Choice::default().encode();
    let (first, second) = everything.split_at(7);
    reader.stream.write_all(first).unwrap();
    reader.stream.write_all(second).unwrap();
    wait_until("the new choice is heard", || bus.wants_process_events());
    bus.publish("process:event", &process(2, "api"));
    assert_eq!(reader.next().unwrap().topic, "process:event");
}

#[test]
fn nonsense_from_a_subscriber_changes_nothing() {
    let bus = Bus::start().unwrap();
    let mut reader = Reader::new(&bus);
    reader.stream.write_all(&vec![0xFF; 20_000]).unwrap();
    bus.publish("fact", &json!(1));
    assert_eq!(reader.next().unwrap().payload, json!(1));
}

#[test]
fn a_half_closed_subscriber_gets_its_events_and_a_closed_one_is_forgotten() {
    let bus = Bus::start().unwrap();
    let mut reader = Reader::new(&bus);
    reader.stream.shutdown(Shutdown::Write).unwrap();
    bus.publish("fact", &json!(1));
    assert_eq!(reader.next().unwrap().payload, json!(1));
    assert!(bus.is_followed());
    drop(reader);
    wait_until("it is forgotten", || !bus.is_followed());
}

#[test]
fn a_slow_subscriber_loses_output_before_facts_and_is_told() {
    let bus = Bus::start().unwrap();
    let publisher = bus.publisher();
    let mut slow = Reader::new(&bus);
    let encoder = OutputEncoder::new(false, 3, "web", "default");
    let about = About {
        id: 3,
        name: "web",
        namespace: Some("default"),
    };
    bus.publish("fact", &json!("first"));
    let event = encoder.encode(1, &"x".repeat(100_000));
    for _ in 0..80 {
        publisher.output("log:out", about, &event);
        publisher.post();
    }
    bus.publish("fact", &json!("last"));
    assert!(bus.metrics().dropped_events > 0);
    let (mut told, mut output, mut facts) = (0, 0, Vec::new());
    while facts.last() != Some(&json!("last")) {
        let event = slow.next().unwrap();
        match event.topic.as_str() {
            "ward:lost" => told += event.payload["events"].as_u64().unwrap(),
            "log:out" => output += 1,
            _ => facts.push(event.payload),
        }
    }
    assert_eq!(facts, [json!("first"), json!("last")]);
    assert_eq!((told, told + output), (bus.metrics().dropped_events, 80));
}

#[test]
fn who_reads_gets_all_when_the_bus_closes() {
    let bus = Bus::start().unwrap();
    let mut reader = Reader::new(&bus);
    let text = "x".repeat(10_000);
    for _ in 0..300 {
        bus.publish("fact", &json!(text));
    }
    let closed = bus.close(LIMIT);
    for _ in 0..300 {
        assert_eq!(reader.next().unwrap().payload, json!(text));
    }
    assert_eq!(reader.next(), None);
    closed.blocking_recv().unwrap_err();
}

#[test]
fn who_does_not_read_delays_the_end_no_longer_than_stated() {
    let bus = Bus::start().unwrap();
    let _silent = Reader::new(&bus);
    for _ in 0..300 {
        bus.publish("fact", &json!("x".repeat(10_000)));
    }
    let begin = Instant::now();
    bus.close(Duration::from_millis(50))
        .blocking_recv()
        .unwrap_err();
    assert!((Duration::from_millis(50)..LIMIT).contains(&begin.elapsed()));
}
