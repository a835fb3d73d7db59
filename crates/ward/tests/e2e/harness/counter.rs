//! What threads of a test tell each other.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::DEADLINE;

/// A number that only grows, and can be waited for.
#[derive(Default)]
pub(crate) struct Counter {
    value: Mutex<u64>,
    grown: Condvar,
}

impl Counter {
    pub(crate) fn increment(&self) {
        *self.locked() += 1;
        self.grown.notify_all();
    }

    pub(crate) fn value(&self) -> u64 {
        *self.locked()
    }

    /// Waits until the number is at least this.
    pub(crate) fn wait_for(&self, goal: u64, what: &str) {
        let value = self.locked();
        let is_low = |value: &mut u64| *value < goal;
        let (value, waited) = self
            .grown
            .wait_timeout_while(value, DEADLINE, is_low)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.timed_out(), "{what}: {value}, not {goal}");
    }

    fn locked(&self) -> MutexGuard<'_, u64> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something that happens once.
#[derive(Default)]
pub(crate) struct Flag {
    raised: Mutex<bool>,
    changed: Condvar,
}

impl Flag {
    pub(crate) fn raise(&self) {
        *self.locked() = true;
        self.changed.notify_all();
    }

    pub(crate) fn is_raised(&self) -> bool {
        *self.locked()
    }

    /// Lets time pass, as somebody does who thinks before the next request, but not after the flag was raised.
    pub(crate) fn pause(&self, time: Duration) {
        let raised = self.locked();
        let passed = self
            .changed
            .wait_timeout_while(raised, time, |raised| !*raised);
        drop(passed.unwrap_or_else(PoisonError::into_inner));
    }

    fn locked(&self) -> MutexGuard<'_, bool> {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
