//! The events that wait for one subscriber, in the order in which they were published.

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::json;
use ward_wire::bus::encode_event;

/// What may wait for one subscriber.
const QUEUE_BYTES: usize = 4 << 20;

/// What goes first when there is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Output of apps, which is in their log files too.
    Output,
    /// Everything else.
    Fact,
}

/// The events of one subscriber; at most [`QUEUE_BYTES`], or one event that is larger.
#[derive(Debug, Default)]
pub(super) struct Queue {
    output: VecDeque<(u64, Bytes)>,
    facts: VecDeque<(u64, Bytes)>,
    /// Number of the next event: keeps the order over both.
    next: u64,
    bytes: usize,
    /// Events this subscriber lost since it was last told.
    lost: u64,
}

impl Queue {
    /// Adds an event; tells how many older ones had to go.
    pub(super) fn push(&mut self, kind: Kind, event: Bytes) -> u64 {
        let mut lost = 0;
        self.bytes += event.len();
        let queue = match kind {
            Kind::Output => &mut self.output,
            Kind::Fact => &mut self.facts,
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
        self.bytes -= event.len();
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
        queue.push(Kind::Fact, Bytes::from_static(b"first fact"));
        for _ in 0..6 {
            queue.push(Kind::Output, big.clone());
        }
        queue.push(Kind::Fact, Bytes::from_static(b"last fact"));
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
