//! Planned restarts: when the next one is due. Pure: both clocks and the time zone are arguments.

mod steps;
#[cfg(test)]
mod tests;

use core::time::Duration;

use croner::Cron;
use croner::parser::CronParser;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::time::{Mono, Now, Wall};

/// A pattern that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadPattern {
    /// The step of an `N/S` is none of its field.
    #[error("Cron pattern error: the step of \"{part}\" is not between 1 and {most}")]
    Step {
        /// The `N/S`.
        part: String,
        /// How many values the field has.
        most: usize,
    },
    /// The `N` of an `N/S` is too large for its field.
    #[error("Cron pattern error: \"{part}\" begins after the last {field}")]
    Start {
        /// The `N/S`.
        part: String,
        /// What the field counts.
        field: &'static str,
    },
    /// The parser refuses it.
    #[error("Cron pattern error: {0}")]
    Syntax(#[from] croner::errors::CronError),
}

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

/// Whether `pattern`, with or without seconds, can be used.
pub fn check(pattern: &str) -> Result<(), BadPattern> {
    parse(pattern).map(|_| ())
}

/// As PM2 reads it: where both a day of the month and one of the week are given, both must fit.
fn parse(pattern: &str) -> Result<Cron, BadPattern> {
    let spelled = steps::spelled_out(pattern)?;
    let parser = CronParser::builder().dom_and_dow(true).build();
    Ok(parser.parse(&spelled)?)
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
