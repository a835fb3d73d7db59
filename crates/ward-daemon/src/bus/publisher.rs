//! The way into the queues of subscribers, for whoever publishes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use ward_wire::bus::About;

use super::queue::{self, Kind};
use super::{Bus, Shared, Subscriber};

/// The way to the bus for whoever publishes. Cheap to clone, usable on any thread.
#[derive(Clone, Debug)]
pub(crate) struct Publisher {
    pub(super) shared: Arc<Shared>,
}

impl Publisher {
    /// Whether anybody listens to anything.
    pub(crate) fn is_followed(&self) -> bool {
        self.shared.count.load(Ordering::Relaxed) > 0
    }

    /// Changes whenever the answer of [`Self::wants`] may: it is asked again only then.
    pub(crate) fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::Acquire)
    }

    /// Whether anybody wants such an event.
    pub(crate) fn wants(&self, topic: &str, about: Option<About<'_>>) -> bool {
        self.is_followed()
            && self
                .shared
                .lock()
                .subscribers
                .iter()
                .any(|it| it.choice.wants(topic, about))
    }

    /// Queues output of an app, encoded; it goes out with the next [`Self::post`].
    pub(crate) fn output(&self, topic: &str, about: About<'_>, event: &Bytes) {
        self.queue(Kind::Output, topic, Some(about), event);
    }

    pub(super) fn queue(&self, kind: Kind, topic: &str, about: Option<About<'_>>, event: &Bytes) {
        let mut members = self.shared.lock();
        let share = queue::share(members.subscribers.len());
        let held = |it: &Subscriber| it.queue.held();
        let mut all: usize = members.subscribers.iter().map(held).sum();
        for subscriber in &mut members.subscribers {
            if subscriber.choice.wants(topic, about) {
                let others = all - held(subscriber);
                let lost = subscriber.queue.push(kind, event.clone(), share, others);
                all = others + held(subscriber);
                self.shared.dropped.fetch_add(lost, Ordering::Relaxed);
                self.shared.events.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Lets the thread write what was queued.
    pub(crate) fn post(&self) {
        self.shared.wake();
    }
}

impl Bus {
    /// Publishes an event about an app; it is encoded only when somebody wants it.
    pub(crate) fn publish_encoded(
        &self,
        topic: &str,
        about: About<'_>,
        encode: impl FnOnce() -> Bytes,
    ) {
        if self.publisher.wants(topic, Some(about)) {
            let event = encode();
            self.publisher.queue(Kind::Fact, topic, Some(about), &event);
            self.publisher.post();
        }
    }
}
