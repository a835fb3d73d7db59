//! Faults inside ward: how one is contained, and how tests cause one on purpose.
//!
//! A panic must not end the supervision of apps. Each plane decides at the place where it handles an
//! event whether it drops that event, says so and goes on ([`contain`]), or whether its state cannot
//! be trusted any more; then the process ends, so that a successor takes over.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A panic that was contained. `Display` is what the panic said.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Fault(String);

/// Runs `work`; a panic in it becomes an error. The panic hook has written where it happened to the
/// daemon's log by then.
///
/// Whoever calls this answers for the state `work` touched: it must be usable, or be dropped, when
/// `work` stops anywhere.
///
/// # Errors
///
/// `work` panicked.
pub(crate) fn contain<T>(work: impl FnOnce() -> T) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| Fault(said(payload.as_ref())))
}

/// What a panic said.
fn said(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a text").to_owned()
}

/// Panics if a test wants it here: `WARD_INJECT_PANIC=log.read:3,channel.message` panics in the third
/// call with `log.read` and in the first with `channel.message`. Does nothing in a release build.
#[inline]
pub(crate) fn inject(point: &str) {
    #[cfg(debug_assertions)]
    injected::pass(point);
    #[cfg(not(debug_assertions))]
    let _ = point;
}

#[cfg(debug_assertions)]
mod injected {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Points at which to panic, with the calls that are left until then.
    static WANTED: LazyLock<Vec<(String, AtomicU64)>> =
        LazyLock::new(|| wanted(&std::env::var("WARD_INJECT_PANIC").unwrap_or_default()));

    pub(super) fn pass(point: &str) {
        pass_of(&WANTED, point);
    }

    fn pass_of(wanted: &[(String, AtomicU64)], point: &str) {
        for (name, left) in wanted {
            assert!(
                name != point || left.fetch_sub(1, Ordering::Relaxed) != 1,
                "a panic that WARD_INJECT_PANIC asked for at {point}"
            );
        }
    }

    fn wanted(text: &str) -> Vec<(String, AtomicU64)> {
        let points = text.split(',').filter(|point| !point.is_empty());
        let point = |point: &str| {
            let (name, nth) = point.split_once(':').unwrap_or((point, "1"));
            (name.to_owned(), AtomicU64::new(nth.parse().unwrap_or(1)))
        };
        points.map(point).collect()
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::fault::{Fault, contain};

        #[test]
        fn the_call_that_was_asked_for_panics_and_no_other() {
            let wanted = wanted("log.read:2,watch");
            let call = |point: &str| contain(|| pass_of(&wanted, point)).is_ok();
            let calls = [call("log.read"), call("log.read"), call("log.read")];
            assert_eq!(calls, [true, false, true]);
            assert_eq!([call("watch"), call("watch")], [false, true]);
        }

        #[test]
        fn a_contained_panic_tells_its_text() {
            let fault = contain(|| panic!("no {}", "way"));
            assert_eq!(fault, Err::<(), Fault>(Fault("no way".to_owned())));
        }
    }
}
