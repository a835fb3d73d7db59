//! The bus: each event is encoded once and queued for every subscriber. A subscriber that does not
//! read loses its oldest events, output before facts; it can neither block the daemon nor make it
//! grow.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::WriteHalf;
use tokio::sync::Notify;
use ward_wire::bus::encode_event;

/// What may wait for one subscriber.
const QUEUE_BYTES: usize = 4 << 20;

/// All subscribers.
#[derive(Debug, Default)]
pub(super) struct Bus {
    subscribers: Vec<Rc<Subscriber>>,
    dropped: Rc<RefCell<u64>>,
}

#[derive(Debug, Default)]
struct Subscriber {
    queue: RefCell<Queue>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    /// Output of apps, which is in their log files too: goes first when there is too much.
    output: VecDeque<(u64, Bytes)>,
    /// Everything else.
    facts: VecDeque<(u64, Bytes)>,
    /// Number of the next event: keeps the order over both.
    next: u64,
    bytes: usize,
    /// Events this subscriber lost since it was last told.
    lost: u64,
    closed: bool,
}

impl Bus {
    /// Adds a subscriber. It sees what is published from now on.
    pub(super) fn subscribe(&mut self, stream: UnixStream) {
        let subscriber = Rc::new(Subscriber::default());
        self.subscribers.push(Rc::clone(&subscriber));
        tokio::task::spawn_local(serve(stream, subscriber));
    }

    /// Whether anybody listens; drops those that left.
    pub(super) fn is_followed(&mut self) -> bool {
        self.subscribers
            .retain(|subscriber| !subscriber.queue.borrow().closed);
        !self.subscribers.is_empty()
    }

    /// How many listen.
    pub(super) fn subscribers(&self) -> usize {
        self.subscribers.len()
    }

    /// How many events were lost by slow subscribers, all together.
    pub(super) fn dropped(&self) -> u64 {
        *self.dropped.borrow()
    }

    /// Publishes an event.
    pub(super) fn publish(&mut self, topic: &str, payload: &Value) {
        if !self.is_followed() {
            return;
        }
        let event = encode_event(topic, payload);
        let is_output = topic == "log:out" || topic == "log:err";
        for subscriber in &self.subscribers {
            let lost = subscriber.queue.borrow_mut().push(is_output, event.clone());
            *self.dropped.borrow_mut() += lost;
            subscriber.wake.notify_one();
        }
    }

    /// Ends all subscriptions once what is queued was written.
    pub(super) fn close(&mut self) {
        for subscriber in self.subscribers.drain(..) {
            subscriber.queue.borrow_mut().closed = true;
            subscriber.wake.notify_one();
        }
    }
}

impl Queue {
    /// Adds an event; tells how many older ones had to go.
    fn push(&mut self, is_output: bool, event: Bytes) -> u64 {
        let mut lost = 0;
        self.bytes += event.len();
        let queue = if is_output {
            &mut self.output
        } else {
            &mut self.facts
        };
        queue.push_back((self.next, event));
        self.next += 1;
        while self.bytes > QUEUE_BYTES && self.output.len() + self.facts.len() > 1 {
            let oldest = self.output.pop_front().or_else(|| self.facts.pop_front());
            self.bytes -= oldest.map_or(0, |(_, event)| event.len());
            lost += 1;
        }
        self.lost += lost;
        lost
    }

    fn pop(&mut self) -> Option<Bytes> {
        if self.lost > 0 {
            let lost = std::mem::take(&mut self.lost);
            return Some(encode_event("ward:lost", &json!({ "events": lost })));
        }
        let number =
            |queue: &VecDeque<(u64, Bytes)>| queue.front().map_or(u64::MAX, |(number, _)| *number);
        let output_is_older = number(&self.output) < number(&self.facts);
        let queue = if output_is_older {
            &mut self.output
        } else {
            &mut self.facts
        };
        let (_, event) = queue.pop_front()?;
        self.bytes -= event.len();
        Some(event)
    }
}

/// Writes the queue of one subscriber until it leaves or the bus closes. What a subscriber sends
/// is read and dropped; it has nothing to say here.
async fn serve(mut stream: UnixStream, subscriber: Rc<Subscriber>) {
    let (mut reader, mut writer) = stream.split();
    let mut ignored = [0; 512];
    let mut reading = true;
    loop {
        let next = subscriber.queue.borrow_mut().pop();
        if let Some(event) = next {
            if writer.write_all(&event).await.is_err() {
                break;
            }
            continue;
        }
        if subscriber.queue.borrow().closed {
            break;
        }
        tokio::select! {
            () = subscriber.wake.notified() => {}
            read = reader.read(&mut ignored), if reading => match read {
                // A half-closed subscriber still wants its events.
                Ok(0) if is_gone(&writer) => break,
                Ok(0) => reading = false,
                Ok(_) => {}
                Err(_) => break,
            },
        }
    }
    subscriber.queue.borrow_mut().closed = true;
}

/// Whether nobody will ever read what is written: the other end is closed, not only half of it.
fn is_gone(writer: &WriteHalf<'_>) -> bool {
    let stream: &UnixStream = writer.as_ref();
    let mut watched = [PollFd::new(stream, PollFlags::empty())];
    let now = Timespec::default();
    rustix::event::poll(&mut watched, Some(&now)).is_ok()
        && watched[0]
            .revents()
            .intersects(PollFlags::HUP | PollFlags::ERR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_goes_before_facts_and_the_order_stays() {
        let mut queue = Queue::default();
        let big = Bytes::from(vec![b'x'; QUEUE_BYTES / 4]);
        queue.push(false, Bytes::from_static(b"first fact"));
        for _ in 0..6 {
            queue.push(true, big.clone());
        }
        queue.push(false, Bytes::from_static(b"last fact"));
        assert!(queue.bytes <= QUEUE_BYTES);
        let told = queue.pop().unwrap();
        assert!(String::from_utf8_lossy(&told).contains("\"events\":3"));
        assert_eq!(queue.pop().unwrap(), "first fact");
        for _ in 0..3 {
            assert_eq!(queue.pop().unwrap(), big);
        }
        assert_eq!(queue.pop().unwrap(), "last fact");
        assert_eq!((queue.pop(), queue.bytes), (None, 0));
    }
}
