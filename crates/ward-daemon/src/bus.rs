//! The bus plane: owns the connections of subscribers and writes to them on a thread of its own. The
//! control loop publishes facts and the log plane output, both straight into the queues of those who
//! want them: an event nobody wants is not even encoded.
//!
//! A subscriber that does not read loses its oldest events, output before facts, and is told; it can
//! neither block a publisher nor make the daemon grow.

mod connection;
mod publisher;
mod queue;
#[cfg(test)]
pub(crate) mod tests;
mod thread;

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::oneshot;
use ward_wire::bus::{About, Choice, encode_event};

use crate::poll::{Poll, Waker};
pub(crate) use publisher::Publisher;
use queue::{Kind, Queue};

/// The core describes processes in these; nothing is described while nobody wants it.
const PROCESS_EVENT: &str = "process:event";

/// Writing to sockets takes few and shallow frames.
const STACK_BYTES: usize = 256 * 1024;

/// The bus. Its thread ends with it, or when [`Bus::close`] has flushed.
#[derive(Debug)]
pub(crate) struct Bus {
    publisher: Publisher,
    thread: Option<JoinHandle<()>>,
}

/// What the bus has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct BusMetrics {
    /// Subscribers at present.
    pub(crate) subscribers: usize,
    /// Events queued, once per subscriber that wanted them.
    pub(crate) events: u64,
    /// Events that slow subscribers lost.
    pub(crate) dropped_events: u64,
    /// Choices that subscribers made.
    pub(crate) choices: u64,
    /// Bytes written to subscribers.
    pub(crate) bytes_written: u64,
    /// Panics while a connection was served; each ended that connection.
    pub(crate) faults: u64,
}

#[derive(Debug)]
struct Shared {
    members: Mutex<Members>,
    /// Counts changes of `members` and of what they want.
    generation: AtomicU64,
    count: AtomicUsize,
    wants_process_events: AtomicBool,
    waker: Waker,
    /// The thread was woken and has not looked yet.
    woken: AtomicBool,
    events: AtomicU64,
    dropped: AtomicU64,
    choices: AtomicU64,
    bytes_written: AtomicU64,
    faults: AtomicU64,
}

/// What the lock protects. It is held for a few comparisons and never while anything waits.
#[derive(Debug, Default)]
struct Members {
    subscribers: Vec<Subscriber>,
    /// Connections on their way to the thread; as many as descriptors at most.
    arrivals: Vec<(u64, UnixStream)>,
    next_number: u64,
    closing: Option<Closing>,
}

#[derive(Debug)]
struct Subscriber {
    number: u64,
    choice: Choice,
    queue: Queue,
}

/// The end of the bus.
#[derive(Debug)]
struct Closing {
    /// Who has not read its events by then loses them.
    deadline: Instant,
    /// Completes when it is dropped.
    _done: oneshot::Sender<()>,
}

impl Bus {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// The kernel refuses a thread or a descriptor.
    pub(crate) fn start() -> io::Result<Self> {
        let poll = Poll::new()?;
        let shared = Arc::new(Shared {
            members: Mutex::default(),
            generation: AtomicU64::new(1),
            count: AtomicUsize::new(0),
            wants_process_events: AtomicBool::new(false),
            waker: poll.waker(),
            woken: AtomicBool::new(false),
            events: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            choices: AtomicU64::new(0),
            bytes_written: AtomicU64::new(0),
            faults: AtomicU64::new(0),
        });
        let to_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("bus".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || thread::run(poll, &to_thread))?;
        Ok(Self {
            publisher: Publisher { shared },
            thread: Some(thread),
        })
    }

    /// Another way in, for the log plane.
    pub(crate) fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// Adds a subscriber. It sees what is published from now on.
    ///
    /// # Errors
    ///
    /// The stream cannot be made non-blocking.
    pub(crate) fn subscribe(&self, stream: UnixStream) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        let shared = &self.publisher.shared;
        let mut members = shared.lock();
        let number = members.next_number;
        members.next_number += 1;
        members.subscribers.push(Subscriber {
            number,
            choice: Choice::default(),
            queue: Queue::default(),
        });
        members.arrivals.push((number, stream));
        shared.changed(&members);
        drop(members);
        shared.wake();
        Ok(())
    }

    /// Whether anybody listens to anything.
    pub(crate) fn is_followed(&self) -> bool {
        self.publisher.is_followed()
    }

    /// Whether anybody wants `process:event`.
    pub(crate) fn wants_process_events(&self) -> bool {
        let wants = &self.publisher.shared.wants_process_events;
        wants.load(Ordering::Relaxed)
    }

    /// Publishes a fact.
    pub(crate) fn publish(&self, topic: &str, payload: &Value) {
        let (publisher, about) = (&self.publisher, About::of(payload));
        if publisher.wants(topic, about) {
            let event = encode_event(topic, payload);
            publisher.queue(Kind::Fact, topic, about, &event);
            publisher.post();
        }
    }

    /// What it has done so far.
    pub(crate) fn metrics(&self) -> BusMetrics {
        let shared = &self.publisher.shared;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        BusMetrics {
            subscribers: shared.count.load(Ordering::Relaxed),
            events: read(&shared.events),
            dropped_events: read(&shared.dropped),
            choices: read(&shared.choices),
            bytes_written: read(&shared.bytes_written),
            faults: read(&shared.faults),
        }
    }

    /// Ends all subscriptions once what is queued was written. Who reads gets everything that is
    /// written within `limit`. The receiver completes when the last one has, or at the limit.
    pub(crate) fn close(&self, limit: Duration) -> oneshot::Receiver<()> {
        let (done, closed) = oneshot::channel();
        let shared = &self.publisher.shared;
        let mut members = shared.lock();
        members.closing.get_or_insert(Closing {
            deadline: Instant::now() + limit,
            _done: done,
        });
        drop(members);
        shared.wake();
        closed
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        // Completes at once unless it was closed patiently before.
        drop(self.close(Duration::ZERO));
        if let Some(thread) = self.thread.take() {
            // The panic hook has told of a panic there.
            thread.join().ok();
        }
    }
}

impl Shared {
    /// A panic while it was held leaves at worst one event incomplete in a queue, never a broken
    /// queue, so a poisoned lock is as good as any.
    fn lock(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what is true of all members together.
    fn changed(&self, members: &Members) {
        let subscribers = &members.subscribers;
        let wants = subscribers
            .iter()
            .any(|it| it.choice.wants(PROCESS_EVENT, None));
        self.count.store(subscribers.len(), Ordering::Relaxed);
        self.wants_process_events.store(wants, Ordering::Relaxed);
        self.generation.fetch_add(1, Ordering::Release);
    }

    fn wake(&self) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
    }
}
