//! Values that mean nothing in particular. PM2 takes them without a word; files that have them work
//! here, too, and are told.

use serde_json::Value;

use super::super::fields::{Field, Kind, Unit};
use super::Check;

/// Delays for which 0 is what holds anyway.
const NO_DELAY: [&str; 2] = ["restart_delay", "exp_backoff_restart_delay"];

impl Check<'_> {
    /// Whether a value in a file is one PM2 overlooks: `false` and 0 where something else is wanted.
    pub(super) fn is_overlooked(
        &mut self,
        field: &'static Field,
        key: &str,
        value: &Value,
    ) -> bool {
        let takes = |kind: Kind| field.types.contains(&kind);
        let overlooked = match value {
            Value::Bool(false) => !takes(Kind::Flag),
            Value::Number(number) => match number.as_f64() {
                Some(0.0) if NO_DELAY.contains(&field.name) => return true,
                Some(0.0) => !takes(Kind::Number) || field.min.is_some_and(|min| min > 0),
                Some(number) => number < 0.0 && field.unit == Some(Unit::Bytes),
                None => false,
            },
            _ => false,
        };
        if overlooked {
            let more = match field.name {
                "out_file" | "error_file" => "; \"NULL\" is no file",
                _ => "",
            };
            self.remark(key, &format!("{value} is taken for nothing said{more}"));
        }
        overlooked
    }

    /// A time below zero is kept and shown as declared; it is over at once.
    pub(super) fn look_at_time(&mut self, field: &'static Field, key: &str, value: &Value) {
        if field.unit == Some(Unit::Millis) && value.as_f64().is_some_and(|time| time < 0.0) {
            self.remark(key, &format!("{value} is below zero and counts as 0"));
        }
    }

    fn remark(&mut self, key: &str, text: &str) {
        let place = self.place(key, "");
        let at = if place.is_empty() { "" } else { ": " };
        self.warnings.push(format!("{place}{at}\"{key}\" {text}"));
    }
}
