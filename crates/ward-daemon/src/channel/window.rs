//! Backpressure: how much an app may have sent that nobody has dealt with yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::poll::Waker;

/// A channel with more unprocessed bytes than this is not read.
const FULL_BYTES: usize = 1024 * 1024;

/// A paused channel is read again below this.
const LOW_BYTES: usize = FULL_BYTES / 2;

/// When all channels together have more unprocessed bytes than this, only those are read that have
/// none.
const ALL_FULL_BYTES: usize = 8 * FULL_BYTES;

/// They are read again below this.
const ALL_LOW_BYTES: usize = ALL_FULL_BYTES / 2;

/// What a message costs besides its text.
const MESSAGE_BYTES: usize = 256;

/// The unprocessed messages of all channels.
#[derive(Clone, Debug)]
pub(crate) struct Windows {
    bytes: Arc<AtomicUsize>,
    waker: Waker,
}

impl Windows {
    /// No channel yet; `waker` is called when one that is paused has room again.
    pub(crate) fn new(waker: Waker) -> Self {
        Self {
            bytes: Arc::default(),
            waker,
        }
    }

    /// The window of a new channel.
    pub(crate) fn open(&self) -> Window {
        Window {
            state: Arc::default(),
            all: self.clone(),
        }
    }
}

/// The unprocessed messages of one channel.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    state: Arc<State>,
    all: Windows,
}

#[derive(Debug, Default)]
struct State {
    bytes: AtomicUsize,
    paused: AtomicBool,
}

impl Window {
    /// Takes room for a message until the credit is dropped.
    pub(crate) fn take(&self, bytes: usize) -> Credit {
        let bytes = bytes + MESSAGE_BYTES;
        self.state.bytes.fetch_add(bytes, Ordering::SeqCst);
        self.all.bytes.fetch_add(bytes, Ordering::SeqCst);
        Credit {
            window: self.clone(),
            bytes,
        }
    }

    /// Whether reading has to stop; from then on the waker is called when it may go on.
    pub(crate) fn pause_if_full(&self) -> bool {
        let own = self.state.bytes.load(Ordering::SeqCst);
        let all = self.all.bytes.load(Ordering::SeqCst);
        if own < FULL_BYTES && (all < ALL_FULL_BYTES || own == 0) {
            return false;
        }
        self.state.paused.store(true, Ordering::SeqCst);
        // The last credit may have been dropped just before it could see the pause.
        !self.resume_if_low()
    }

    /// Whether a paused channel may be read again.
    pub(crate) fn resume_if_low(&self) -> bool {
        let own = self.state.bytes.load(Ordering::SeqCst);
        let all = self.all.bytes.load(Ordering::SeqCst);
        let low = own == 0 || own < LOW_BYTES && all < ALL_LOW_BYTES;
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
        let Window { state, all } = &self.window;
        let own = state.bytes.fetch_sub(self.bytes, Ordering::SeqCst) - self.bytes;
        let before = all.bytes.fetch_sub(self.bytes, Ordering::SeqCst);
        let is_low = own < LOW_BYTES && state.paused.load(Ordering::SeqCst);
        // Whoever waits for the others is not known here.
        let are_low = before >= ALL_LOW_BYTES && before - self.bytes < ALL_LOW_BYTES;
        if is_low || are_low {
            all.waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::Poll;

    #[test]
    fn a_full_window_is_read_again_when_half_of_it_is_dealt_with() {
        let poll = Poll::new().unwrap();
        let window = Windows::new(poll.waker()).open();
        let half = window.take(FULL_BYTES / 2);
        assert!(!window.pause_if_full());
        let rest = window.take(FULL_BYTES / 2);
        assert!(window.pause_if_full());
        assert!(!window.resume_if_low());
        drop(half);
        assert!(
            !window.resume_if_low(),
            "a message costs more than its text"
        );
        drop(rest);
        assert!(window.resume_if_low());
    }

    #[test]
    fn many_channels_share_what_there_is_and_one_that_waits_for_nothing_is_read() {
        let poll = Poll::new().unwrap();
        let windows = Windows::new(poll.waker());
        let (quiet, small) = (windows.open(), windows.open());
        let loud: Vec<Window> = (0..16).map(|_| windows.open()).collect();
        let word = small.take(1);
        assert!(!small.pause_if_full());
        let credits: Vec<Credit> = loud.iter().map(|it| it.take(FULL_BYTES / 2)).collect();
        assert!(small.pause_if_full());
        assert!(loud.iter().all(Window::pause_if_full));
        assert!(!quiet.pause_if_full());
        drop(word);
        assert!(small.resume_if_low(), "it waits for nothing any more");
        drop(credits);
        assert!(loud.iter().all(Window::resume_if_low));
    }
}
