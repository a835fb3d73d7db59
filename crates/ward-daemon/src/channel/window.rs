//! Backpressure: how much an app may have sent that nobody has dealt with yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::poll::Waker;

/// A channel with more unprocessed bytes than this is not read.
const FULL_BYTES: usize = 1024 * 1024;

/// A paused channel is read again below this.
const LOW_BYTES: usize = FULL_BYTES / 2;

/// What a message costs besides its bytes: a parsed value is larger than its text.
const MESSAGE_BYTES: usize = 256;

/// The unprocessed messages of one channel.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    state: Arc<State>,
    waker: Waker,
}

#[derive(Debug, Default)]
struct State {
    bytes: AtomicUsize,
    paused: AtomicBool,
}

impl Window {
    /// An empty window; `waker` is called when a paused one has room again.
    pub(crate) fn new(waker: Waker) -> Self {
        Self {
            state: Arc::default(),
            waker,
        }
    }

    /// Takes room for a message until the credit is dropped.
    pub(crate) fn take(&self, bytes: usize) -> Credit {
        let bytes = bytes + MESSAGE_BYTES;
        self.state.bytes.fetch_add(bytes, Ordering::SeqCst);
        Credit {
            window: self.clone(),
            bytes,
        }
    }

    /// Whether reading has to stop; from then on the waker is called when it may go on.
    pub(crate) fn pause_if_full(&self) -> bool {
        if self.state.bytes.load(Ordering::SeqCst) < FULL_BYTES {
            return false;
        }
        self.state.paused.store(true, Ordering::SeqCst);
        // The last credit may have been dropped just before it could see the pause.
        !self.resume_if_low()
    }

    /// Whether a paused channel may be read again.
    pub(crate) fn resume_if_low(&self) -> bool {
        let low = self.state.bytes.load(Ordering::SeqCst) < LOW_BYTES;
        if low {
            self.state.paused.store(false, Ordering::SeqCst);
        }
        low
    }
}

/// Room in the window of a channel, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Credit {
    window: Window,
    bytes: usize,
}

impl Drop for Credit {
    fn drop(&mut self) {
        let state = &self.window.state;
        let before = state.bytes.fetch_sub(self.bytes, Ordering::SeqCst);
        let low = before - self.bytes < LOW_BYTES;
        if low && state.paused.load(Ordering::SeqCst) {
            self.window.waker.wake();
        }
    }
}
