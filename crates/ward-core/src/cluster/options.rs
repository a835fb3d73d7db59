//! Window, weights and limits of the workers of an app.

use core::num::NonZeroU32;
use core::ops::RangeInclusive;
use core::time::Duration;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::privileged_ports::declared_ports;
use super::{BadOption, Sched};
use crate::spec::ClusterSpec;

/// What an app declares under `sched` and `cluster`, checked and typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterOptions {
    /// How connections are spread.
    pub sched: Sched,
    /// `window`: connections a worker may have that it has not read. One is best for short delays:
    /// a worker that hangs holds up no more than these.
    pub window: usize,
    /// `weights`: how often each instance has its turn.
    pub weights: Weights,
    /// `max_connections`: so many a worker may have open; what comes beyond waits in the kernel.
    pub max_connections: Option<NonZeroU32>,
    /// `slow_start`, in ms: a fresh worker gets its full share only after this time.
    pub slow_start: Duration,
    /// `hand_over_timeout`, in ms: a worker that has not taken a connection for so long gets no
    /// others, and if it is stopped it is killed. 0, or none: however long it takes.
    #[serde(default = "hand_over_timeout")]
    pub hand_over_timeout: Option<Duration>,
    /// `privileged_ports`: ports below 1024 (as far as the kernel keeps those for root) that the app
    /// may have although its `uid` is not root.
    #[serde(default)]
    pub privileged_ports: Vec<u16>,
}

/// What `hand_over_timeout` is without a declaration.
const HAND_OVER_TIMEOUT: Duration = Duration::from_secs(2);

/// For options that were written by a ward that did not know it.
#[expect(
    clippy::unnecessary_wraps,
    reason = "it is the value of a field that may be none"
)]
const fn hand_over_timeout() -> Option<Duration> {
    Some(HAND_OVER_TIMEOUT)
}

/// How often the instances of an app have their turn, in the order of their numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weights(Vec<u32>);

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            sched: Sched::RoundRobin,
            window: 1,
            weights: Weights::default(),
            max_connections: None,
            slow_start: Duration::ZERO,
            hand_over_timeout: Some(HAND_OVER_TIMEOUT),
            privileged_ports: Vec::new(),
        }
    }
}

impl ClusterOptions {
    /// Reads a declaration. `inherited` is the value of Node's own variable for the schedule.
    ///
    /// # Errors
    ///
    /// The first value that is wrong, or that contradicts the schedule.
    pub fn of(spec: &ClusterSpec, inherited: Option<&str>) -> Result<Self, BadOption> {
        let declared = &spec.options;
        let sched = Sched::of(spec, inherited)?;
        let window = number(declared, "window", 1..=1024)?;
        let weights = if sched == Sched::Weighted {
            Weights::of(declared)?
        } else {
            Weights::default()
        };
        let max_connections = number(declared, "max_connections", 1..=u32::MAX.into())?;
        let slow_start = number(declared, "slow_start", 0..=3_600_000)?.unwrap_or(0);
        let hand_over = number(declared, "hand_over_timeout", 0..=3_600_000)?;
        let hand_over = hand_over.map_or(HAND_OVER_TIMEOUT, Duration::from_millis);
        let excluded = |key: &'static str, wanted: &str| BadOption {
            key,
            given: declared.get(key).cloned().unwrap_or_default(),
            wanted: wanted.to_owned(),
        };
        if sched.is_shared() {
            let wanted = "the workers of sched shared or slot accept connections by themselves";
            if max_connections.is_some() {
                return Err(excluded("max_connections", wanted));
            }
            if slow_start > 0 {
                return Err(excluded("slow_start", wanted));
            }
        }
        if slow_start > 0 && sched.is_sticky() {
            let wanted = "with a sticky sched each connection has a worker it belongs to";
            return Err(excluded("slow_start", wanted));
        }
        let narrow = |number: u64| u32::try_from(number).ok();
        Ok(Self {
            window: window.and_then(|it| usize::try_from(it).ok()).unwrap_or(1),
            weights,
            max_connections: max_connections.and_then(narrow).and_then(NonZeroU32::new),
            slow_start: Duration::from_millis(slow_start),
            hand_over_timeout: Some(hand_over).filter(|it| !it.is_zero()),
            privileged_ports: declared_ports(declared)?,
            sched,
        })
    }
}

impl Weights {
    fn of(declared: &BTreeMap<String, Value>) -> Result<Self, BadOption> {
        let given = declared.get("weights").cloned().unwrap_or_default();
        let weight = |value: &Value| {
            let weight = value
                .as_u64()
                .filter(|weight| (1..=1000).contains(weight))?;
            u32::try_from(weight).ok()
        };
        let weights: Option<Vec<u32>> = match &given {
            Value::Array(list) if !list.is_empty() => list.iter().map(weight).collect(),
            one => weight(one).map(|weight| vec![weight]),
        };
        weights.map(Self).ok_or_else(|| BadOption {
            key: "weights",
            given,
            wanted: "give a number from 1 to 1000, or a list of them".to_owned(),
        })
    }

    /// The weight of the instance with this number. A list that is too short begins again; without
    /// any, all weigh the same.
    pub fn of_instance(&self, number: u32) -> u32 {
        match self.0.len() {
            0 => 1,
            count => self.0[number as usize % count],
        }
    }
}

/// A number within bounds, if it is declared.
fn number(
    declared: &BTreeMap<String, Value>,
    key: &'static str,
    bounds: RangeInclusive<u64>,
) -> Result<Option<u64>, BadOption> {
    let Some(value) = declared.get(key).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let number = value.as_u64().filter(|number| bounds.contains(number));
    number.map(Some).ok_or_else(|| BadOption {
        key,
        given: value.clone(),
        wanted: format!(
            "it must be a number from {} to {}",
            bounds.start(),
            bounds.end()
        ),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(sched: &str, options: Value) -> Result<ClusterOptions, BadOption> {
        let spec = ClusterSpec {
            sched: Some(sched.to_owned()),
            options: serde_json::from_value(options).unwrap(),
            ..ClusterSpec::default()
        };
        ClusterOptions::of(&spec, None)
    }

    #[test]
    fn what_is_not_declared_is_the_default() {
        assert_eq!(read("rr", json!({})), Ok(ClusterOptions::default()));
        let nulls = json!({ "window": null, "max_connections": null });
        assert_eq!(read("rr", nulls), Ok(ClusterOptions::default()));
    }

    #[test]
    fn nodes_own_variable_counts_when_nothing_is_declared() {
        let spec = ClusterSpec::default();
        let sched = |inherited| ClusterOptions::of(&spec, inherited).unwrap().sched;
        assert_eq!(sched(Some("none")), Sched::Shared);
        assert_eq!(sched(Some("nonsense")), Sched::RoundRobin);
        assert_eq!(sched(None), Sched::RoundRobin);
    }

    #[test]
    fn each_instance_has_its_weight() {
        let weights = read("weighted", json!({ "weights": [3, 7] }))
            .unwrap()
            .weights;
        assert_eq!(
            [0, 1, 2].map(|number| weights.of_instance(number)),
            [3, 7, 3]
        );
        for wrong in [
            json!({}),
            json!({ "weights": [1, 0] }),
            json!({ "weights": [] }),
            json!({ "weights": "x" }),
        ] {
            assert_eq!(read("weighted", wrong).unwrap_err().key, "weights");
        }
    }

    #[test]
    fn limits_are_numbers_and_need_a_primary_that_accepts() {
        let all = json!({ "window": 2, "max_connections": 10, "slow_start": 5000 });
        let options = read("least-conn", all.clone()).unwrap();
        assert_eq!(options.window, 2);
        assert_eq!(options.max_connections.map(NonZeroU32::get), Some(10));
        assert_eq!(options.slow_start, Duration::from_secs(5));
        assert_eq!(options.hand_over_timeout, Some(Duration::from_secs(2)));
        for sched in ["shared", "slot"] {
            let error = read(sched, all.clone()).unwrap_err();
            assert!(error.to_string().contains("by themselves"), "{error}");
        }
        assert_eq!(read("sticky-ip", all).unwrap_err().key, "slow_start");
        for (key, value) in [
            ("window", json!(0)),
            ("window", json!("2")),
            ("max_connections", json!(0)),
            ("slow_start", json!(-1)),
            ("hand_over_timeout", json!("2s")),
        ] {
            let error = read("rr", json!({ key: value })).unwrap_err();
            assert_eq!(error.key, key);
            assert!(error.wanted.contains("number from"), "{error}");
        }
    }

    #[test]
    fn a_hand_over_may_take_as_long_as_it_takes() {
        let timeout = |value| {
            let options = read("shared", json!({ "hand_over_timeout": value }));
            options.unwrap().hand_over_timeout
        };
        assert_eq!(timeout(0), None);
        assert_eq!(timeout(250), Some(Duration::from_millis(250)));
    }

    #[test]
    fn an_error_names_key_value_and_what_is_allowed() {
        let error = read("rr", json!({ "window": 0 })).unwrap_err();
        let text = "\"cluster.window\" cannot be 0: it must be a number from 1 to 1024";
        assert_eq!(error.to_string(), text);
        let error = read("sticky-cookie", json!({})).unwrap_err();
        let text =
            "\"cluster.cookie\" is missing: name the cookie, as in cluster: { cookie: 'sid' }";
        assert_eq!(error.to_string(), text);
        assert_eq!(read("fair", json!({})).unwrap_err().key, "sched");
    }
}
