//! The events that wait for one subscriber, in the order in which they were published.

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::json;
use ward_wire::bus::encode_event;

/// What may wait for one subscriber, in bytes.
const QUEUE_BYTES: usize = 4 << 20;

/// What may wait for all subscribers together, in bytes. Each may have an equal part of it; one event
/// that is larger waits only while there is room for it.
const ALL_QUEUES_BYTES: usize = 24 << 20;

/// What an event takes in a queue besides its own bytes, of which all subscribers share one copy.
const EVENT_BYTES: usize = 64;

/// How much one of so many subscribers may leave unread, in bytes.
pub(super) fn share(subscribers: usize) -> usize {
    (ALL_QUEUES_BYTES / subscribers.max(1)).min(QUEUE_BYTES)
}

/// What goes first when there is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Output of apps, which is in their log files too.
    Output,
    /// Everything else.
    Fact,
}

/// The events of one subscriber; at most its [`share`], or one event that is larger.
#[derive(Debug, Default)]
pub(super) struct Queue {
    output: VecDeque<(u64, Bytes)>,
    facts: VecDeque<(u64, Bytes)>,
    /// Number of the next event: keeps the order over both.
    next: u64,
    bytes: usize,
    /// What was taken from here last and may not be written yet, in bytes.
    pub(super) in_hand: usize,
    /// Events this subscriber lost since it was last told.
    lost: u64,
}

impl Queue {
    /// What it keeps in memory, in bytes.
    pub(super) fn held(&self) -> usize {
        self.bytes + self.in_hand
    }

    /// Adds an event; tells how many had to go, because there is room for no more than `share` bytes.
    /// `others` is what other subscribers hold.
    pub(super) fn push(&mut self, kind: Kind, event: Bytes, share: usize, others: usize) -> u64 {
        let mut lost = 0;
        self.bytes += event.len() + EVENT_BYTES;
        let queue = match kind {
            Kind::Output => &mut self.output,
            Kind::Fact => &mut self.facts,
        };
        queue.push_back((self.next, event));
        self.next += 1;
        while self.bytes > share {
            let is_single = self.output.len() + self.facts.len() == 1;
            if is_single && others + self.held() <= ALL_QUEUES_BYTES {
                break;
            }
            let oldest = self.output.pop_front().or_else(|| self.facts.pop_front());
            self.bytes -= oldest.map_or(self.bytes, |(_, event)| event.len() + EVENT_BYTES);
            lost += 1;
        }
        self.lost += lost;
        lost
    }

    /// Takes the oldest event; first of all how many were lost before it.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
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
        self.bytes -= event.len() + EVENT_BYTES;
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_goes_before_facts_and_the_order_stays() {
        let mut queue = Queue::default();
        let big = Bytes::from(vec![b'x'; QUEUE_BYTES / 4]);
        let push = |queue: &mut Queue, kind, event| queue.push(kind, event, share(1), 0);
        push(&mut queue, Kind::Fact, Bytes::from_static(b"first fact"));
        for _ in 0..6 {
            push(&mut queue, Kind::Output, big.clone());
        }
        push(&mut queue, Kind::Fact, Bytes::from_static(b"last fact"));
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

    /// A thousand that read nothing, each of which wants other events.
    #[test]
    fn all_queues_together_are_bounded() {
        let mut queues: Vec<Queue> = (0..1000).map(|_| Queue::default()).collect();
        let share = share(queues.len());
        for size in [100, 1000, 8 << 20] {
            for at in 0..queues.len() {
                let held: usize = queues.iter().map(Queue::held).sum();
                let others = held - queues[at].held();
                let event = Bytes::from(vec![b'x'; size]);
                queues[at].push(Kind::Output, event.clone(), share, others);
                queues[at].push(Kind::Fact, event, share, others);
            }
            let held: usize = queues.iter().map(Queue::held).sum();
            assert!(held <= ALL_QUEUES_BYTES, "{held} bytes");
        }
        let lost = queues[0].pop().unwrap();
        assert!(String::from_utf8_lossy(&lost).contains("ward:lost"));
    }

    #[test]
    fn one_large_event_waits_while_there_is_room() {
        let mut queue = Queue::default();
        let large = Bytes::from(vec![b'x'; 2 * QUEUE_BYTES]);
        assert_eq!(queue.push(Kind::Fact, large.clone(), QUEUE_BYTES, 0), 0);
        assert_eq!(queue.pop().unwrap().len(), large.len());
        queue.in_hand = large.len();
        let others = ALL_QUEUES_BYTES - 3 * QUEUE_BYTES;
        assert_eq!(queue.push(Kind::Fact, large, QUEUE_BYTES, others), 1);
        assert_eq!(queue.held(), queue.in_hand);
    }
}
