//! Planned restarts: when the next one is due. Pure: both clocks and the time zone are arguments.

use core::time::Duration;

use croner::Cron;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::time::{Mono, Now, Wall};

/// A pattern that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Cron pattern error: {0}")]
pub struct BadPattern(String);

/// The next planned restart of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// The pattern it comes from.
    pub pattern: String,
    /// When it is due on the calendar.
    pub due: Wall,
    /// When to look at the calendar.
    pub at: Mono,
}

/// Whether `pattern` can be used.
pub fn check(pattern: &str) -> Result<(), BadPattern> {
    parse(pattern).map(|_| ())
}

fn parse(pattern: &str) -> Result<Cron, BadPattern> {
    pattern
        .parse::<Cron>()
        .map_err(|error| BadPattern(error.to_string()))
}

impl Planned {
    /// The first restart after `now`; none without a pattern (absent, `0`, `"0"`) or when the
    /// pattern never comes true again.
    pub(crate) fn next(
        cron: Option<&Value>,
        now: Now,
        zone: &TimeZone,
    ) -> Result<Option<Self>, BadPattern> {
        let Some(Value::String(pattern)) = cron else {
            return Ok(None);
        };
        if pattern == "0" {
            return Ok(None);
        }
        let cron = parse(pattern)?;
        let millis = i64::try_from(now.wall.0).unwrap_or(i64::MAX);
        let Ok(start) = Timestamp::from_millisecond(millis) else {
            return Ok(None);
        };
        let start = start.to_zoned(zone.clone());
        let Ok(next) = cron.find_next_occurrence(&start, false) else {
            return Ok(None);
        };
        let due = Wall(u64::try_from(next.timestamp().as_millisecond()).unwrap_or(0));
        let mut planned = Self {
            pattern: pattern.clone(),
            due,
            at: now.mono,
        };
        planned.look_again(now);
        Ok(Some(planned))
    }

    /// Whether it is time. The calendar decides: when the wall clock was set back meanwhile, the
    /// look is put off.
    pub(crate) fn is_due(&mut self, now: Now) -> bool {
        if self.at > now.mono {
            return false;
        }
        if self.due <= now.wall {
            return true;
        }
        self.look_again(now);
        false
    }

    fn look_again(&mut self, now: Now) {
        self.at = now.mono + Duration::from_millis(self.due.0.saturating_sub(now.wall.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    fn at(millis: u64) -> Now {
        Now {
            mono: Mono(millis * 1_000_000),
            wall: Wall(millis),
        }
    }

    fn next(pattern: &str, now: Now) -> Option<Planned> {
        Planned::next(Some(&pattern.into()), now, &TimeZone::UTC).expect("a good pattern")
    }

    #[test]
    fn the_next_full_hour() {
        let planned = next("0 * * * *", at(HOUR / 2)).expect("it comes");
        assert_eq!(planned.due, Wall(HOUR));
        assert_eq!(planned.at, Mono(HOUR * 1_000_000));
    }

    #[test]
    fn six_fields_begin_with_seconds() {
        let planned = next("*/2 * * * * *", at(500)).expect("it comes");
        assert_eq!(planned.due, Wall(2_000));
    }

    #[test]
    fn zero_and_nothing_plan_nothing() {
        assert_eq!(next("0", at(0)), None);
        assert_eq!(Planned::next(None, at(0), &TimeZone::UTC), Ok(None));
        let zero = Value::from(0);
        assert_eq!(Planned::next(Some(&zero), at(0), &TimeZone::UTC), Ok(None));
    }

    #[test]
    fn a_bad_pattern_says_so() {
        let error = check("abc").unwrap_err().to_string();
        assert!(error.starts_with("Cron pattern error: "), "{error}");
    }

    #[test]
    fn a_clock_set_back_puts_the_restart_off() {
        let mut planned = next("0 * * * *", at(HOUR / 2)).expect("it comes");
        let early = Now {
            mono: Mono(HOUR * 1_000_000),
            wall: Wall(HOUR - 60_000),
        };
        assert!(!planned.is_due(early));
        assert_eq!(planned.at, Mono((HOUR + 60_000) * 1_000_000));
    }
}
