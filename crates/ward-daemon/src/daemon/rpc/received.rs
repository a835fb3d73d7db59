//! How many bytes of requests the daemon holds at once, of all clients: as frames that are being received, and as values
//! that wait for their turn. Whoever would exceed it waits in its socket.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use ward_wire::amp::{Frame, RawArg};
use ward_wire::json;

/// Frames up to this size in bytes are received at once; those of one connection are never more than one.
pub(super) const SMALL_REQUEST: usize = 8 << 10;

/// All larger frames that are being received together, in bytes. Further ones are read when there is room.
const MOST_RECEIVED: usize = 8 << 20;

/// The largest request as a value, in bytes ([`json::weight`]), and all of them together that wait for the control
/// loop. A larger one is refused; further ones wait.
const MOST_WEIGHT: usize = 24 << 20;

/// A frame that has its share is complete within this time, or its connection is closed: others wait for the share.
pub(super) const RECEIVE_TIME: Duration = Duration::from_secs(10);

/// The longest id in bytes. It is kept until the reply is written; the connection of a longer one is closed.
const MOST_ID: usize = 256;

/// What even the smallest request counts, in bytes.
const LEAST_WEIGHT: usize = 512;

/// The two shares of all connections.
#[derive(Clone, Debug)]
pub(super) struct Received {
    frames: Arc<Semaphore>,
    values: Arc<Semaphore>,
}

/// A part of the bytes all requests may have.
pub(super) type Share = OwnedSemaphorePermit;

/// A request cannot be taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Its id is too long to be kept.
    Id,
    /// It would be too large a value.
    Weight,
}

impl Received {
    pub(super) fn new() -> Self {
        Self {
            frames: Arc::new(Semaphore::new(MOST_RECEIVED)),
            values: Arc::new(Semaphore::new(MOST_WEIGHT)),
        }
    }

    /// Waits for room for a frame of which so many bytes are announced, and an id.
    pub(super) async fn frame(&self, announced: usize) -> Option<Share> {
        let wanted = announced.saturating_add(MOST_ID).min(MOST_RECEIVED);
        share(&self.frames, wanted).await
    }

    /// Waits for room for a request as a value.
    pub(super) async fn value(&self, weight: usize) -> Option<Share> {
        share(&self.values, weight.max(LEAST_WEIGHT)).await
    }
}

/// Semaphores are never closed.
async fn share(of: &Arc<Semaphore>, bytes: usize) -> Option<Share> {
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    Arc::clone(of).acquire_many_owned(bytes).await.ok()
}

/// What a request will weigh, told by its frame.
pub(super) fn weigh(frame: &Frame) -> Result<usize, Refused> {
    let [RawArg(message), .., RawArg(id)] = &frame.args[..] else {
        return Ok(LEAST_WEIGHT);
    };
    if id.len() > MOST_ID {
        return Err(Refused::Id);
    }
    let weight = json::weight(message);
    if weight > MOST_WEIGHT {
        return Err(Refused::Weight);
    }
    Ok(weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(message: &str, id: &str) -> Frame {
        Frame::pair(RawArg(message.to_owned().into()), RawArg::text(id))
    }

    #[test]
    fn a_short_text_that_would_become_large_is_refused() {
        let zeros = format!("j:[{}0]", "0,".repeat(MOST_WEIGHT / 200));
        assert_eq!(weigh(&frame(&zeros, "1")), Err(Refused::Weight));
        let text = format!("j:{{\"a\":\"{}\"}}", "x".repeat(1 << 20));
        assert!(weigh(&frame(&text, "1")).is_ok());
    }

    #[test]
    fn an_id_that_would_be_kept_is_short() {
        assert!(weigh(&frame("j:{}", "4711:12")).is_ok());
        assert_eq!(
            weigh(&frame("j:{}", &"9".repeat(MOST_ID))),
            Err(Refused::Id)
        );
    }
}
