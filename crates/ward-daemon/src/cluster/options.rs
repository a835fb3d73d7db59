//! What an app declares under `cluster` about its workers, checked. Each text completes "cannot …".

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::Value;

use super::Sched;

/// Window, weight and limits of one worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    /// `window`: connections a worker may have that it has not read. One is best for short delays:
    /// a worker that hangs holds up no more than these.
    pub(crate) window: usize,
    /// `weights`: how often it has its turn.
    pub(crate) weight: u32,
    /// `max_connections`: so many it may have open; what comes beyond waits in the kernel.
    pub(crate) max_connections: Option<NonZeroU32>,
    /// `slow_start`, in ms: a fresh worker gets its full share only after this time.
    pub(crate) slow_start: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            window: 1,
            weight: 1,
            max_connections: None,
            slow_start: Duration::ZERO,
        }
    }
}

impl Options {
    /// Those of the instance with this number.
    pub(super) fn of(
        declared: &BTreeMap<String, Value>,
        sched: &Sched,
        number: u32,
    ) -> Result<Self, String> {
        let default = Self::default();
        let max_connections = limit(declared, "max_connections", 1..=u32::MAX.into())?;
        let slow_start = limit(declared, "slow_start", 0..=3_600_000)?.unwrap_or(0);
        if sched.is_shared() && max_connections.is_some() {
            return Err(by_itself("max_connections"));
        }
        if slow_start > 0 && sched.is_shared() {
            return Err(by_itself("slow_start"));
        }
        if slow_start > 0 && sched.is_sticky() {
            return Err(
                "use `slow_start` with a sticky sched: each connection has a worker it belongs to"
                    .to_owned(),
            );
        }
        let window = limit(declared, "window", 1..=1024)?;
        Ok(Self {
            window: window
                .and_then(|window| usize::try_from(window).ok())
                .unwrap_or(default.window),
            weight: match sched {
                Sched::Weighted => weight(declared, number)?,
                _ => default.weight,
            },
            max_connections: max_connections
                .and_then(|most| u32::try_from(most).ok())
                .and_then(NonZeroU32::new),
            slow_start: Duration::from_millis(slow_start),
        })
    }
}

fn by_itself(key: &str) -> String {
    format!("use `{key}` with sched shared or slot: their workers accept connections by themselves")
}

/// A number within bounds, if it is declared.
fn limit(
    declared: &BTreeMap<String, Value>,
    key: &str,
    bounds: std::ops::RangeInclusive<u64>,
) -> Result<Option<u64>, String> {
    let Some(value) = declared.get(key).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let number = value.as_u64().filter(|number| bounds.contains(number));
    number.map(Some).ok_or_else(|| {
        let (least, most) = (bounds.start(), bounds.end());
        format!("use a `{key}` of {value}: it must be a number from {least} to {most}")
    })
}

/// The weight of the instance with this number: one number for all, or a list in their order. A
/// list that is too short begins again.
fn weight(options: &BTreeMap<String, Value>, number: u32) -> Result<u32, String> {
    let declared = options.get("weights").cloned().unwrap_or_default();
    let weight = match &declared {
        Value::Array(list) if !list.is_empty() => &list[number as usize % list.len()],
        other => other,
    };
    let weight = weight.as_u64().filter(|weight| (1..=1000).contains(weight));
    weight
        .and_then(|weight| u32::try_from(weight).ok())
        .ok_or_else(|| {
            format!("use `weights` of {declared}: give a list of numbers from 1 to 1000")
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: Value, sched: &Sched) -> Result<Options, String> {
        let declared = serde_json::from_value(text).unwrap();
        Options::of(&declared, sched, 1)
    }

    #[test]
    fn what_is_not_declared_is_the_default() {
        assert_eq!(read(json!({}), &Sched::RoundRobin), Ok(Options::default()));
        let nulls = json!({ "window": null, "max_connections": null });
        assert_eq!(read(nulls, &Sched::Shared), Ok(Options::default()));
    }

    #[test]
    fn each_instance_has_its_weight() {
        let options = read(json!({ "weights": [3, 7] }), &Sched::Weighted).unwrap();
        assert_eq!(options.weight, 7);
        for wrong in [
            json!({}),
            json!({ "weights": [1, 0] }),
            json!({ "weights": "x" }),
        ] {
            assert!(
                read(wrong, &Sched::Weighted)
                    .unwrap_err()
                    .contains("weights")
            );
        }
    }

    #[test]
    fn limits_are_numbers_and_need_a_primary_that_accepts() {
        let all = json!({ "window": 2, "max_connections": 10, "slow_start": 5000 });
        let options = read(all.clone(), &Sched::LeastConnections).unwrap();
        assert_eq!(
            (options.window, options.max_connections.map(NonZeroU32::get)),
            (2, Some(10))
        );
        assert_eq!(options.slow_start, Duration::from_secs(5));
        for sched in [Sched::Shared, Sched::Slot] {
            assert!(
                read(all.clone(), &sched)
                    .unwrap_err()
                    .contains("by themselves")
            );
        }
        assert!(
            read(all, &Sched::StickyAddress)
                .unwrap_err()
                .contains("slow_start")
        );
        for (key, value) in [
            ("window", json!(0)),
            ("window", json!("2")),
            ("max_connections", json!(0)),
            ("slow_start", json!(-1)),
        ] {
            let error = read(json!({ key: value }), &Sched::RoundRobin).unwrap_err();
            assert!(
                error.contains(key) && error.contains("number from"),
                "{error}"
            );
        }
    }
}
