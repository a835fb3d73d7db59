//! The bus: each event is encoded once and queued for every subscriber. A subscriber that does not
//! read loses its oldest events; it can neither block the daemon nor make it grow.

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
    events: VecDeque<Bytes>,
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
        for subscriber in &self.subscribers {
            let lost = subscriber.queue.borrow_mut().push(event.clone());
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
    fn push(&mut self, event: Bytes) -> u64 {
        let mut lost = 0;
        self.bytes += event.len();
        self.events.push_back(event);
        while self.bytes > QUEUE_BYTES && self.events.len() > 1 {
            if let Some(oldest) = self.events.pop_front() {
                self.bytes -= oldest.len();
                lost += 1;
            }
        }
        self.lost += lost;
        lost
    }

    fn pop(&mut self) -> Option<Bytes> {
        if self.lost > 0 {
            let lost = std::mem::take(&mut self.lost);
            return Some(encode_event("ward:lost", &json!({ "events": lost })));
        }
        let event = self.events.pop_front()?;
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
