//! Bytes of which many hold some and which are limited in total.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What all hold together, in bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Total(Arc<AtomicUsize>);

impl Total {
    /// The share of a new holder.
    pub(super) fn share(&self) -> Share {
        Share {
            total: self.clone(),
            own: 0,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one holds, in bytes; given back when this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    total: Total,
    own: usize,
}

impl Share {
    /// It holds so much now.
    pub(super) fn set(&mut self, bytes: usize) {
        self.total.0.fetch_add(bytes, Ordering::Relaxed);
        self.total.0.fetch_sub(self.own, Ordering::Relaxed);
        self.own = bytes;
    }

    pub(super) fn own(&self) -> usize {
        self.own
    }

    /// What all hold together.
    pub(super) fn all(&self) -> usize {
        self.total.bytes()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}
