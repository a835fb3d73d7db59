//! Dates in log lines, in the notation of day.js, which is what users of PM2 write in
//! `log_date_format`. The time zone is the machine's.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// A parsed format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateFormat {
    parts: Vec<Part>,
    /// Whether two moments of one second can look different.
    has_millis: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(&'static str),
}

/// All fields, the longer before the shorter of the same letter.
const FIELDS: [&str; 28] = [
    "YYYY", "YY", "MMMM", "MMM", "MM", "M", "DD", "Do", "D", "dddd", "ddd", "dd", "d", "HH", "H",
    "hh", "h", "mm", "m", "ss", "s", "SSS", "A", "a", "ZZ", "Z", "X", "x",
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

impl DateFormat {
    /// Reads a format. Every text is one: what is no field stands for itself.
    pub fn parse(format: &str) -> Self {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = format;
        while let Some(first) = rest.chars().next() {
            if let Some((escaped, after)) = rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
                text.push_str(escaped);
                rest = after;
            } else if let Some(field) = FIELDS.iter().find(|field| rest.starts_with(**field)) {
                if !text.is_empty() {
                    parts.push(Part::Text(core::mem::take(&mut text)));
                }
                parts.push(Part::Field(field));
                rest = &rest[field.len()..];
            } else {
                text.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        let has_millis = parts
            .iter()
            .any(|part| matches!(part, Part::Field("SSS" | "x")));
        Self { parts, has_millis }
    }

    /// The moment in this format.
    pub fn format(&self, wall_ms: u64) -> String {
        self.format_in(wall_ms, TimeZone::system())
    }

    fn format_in(&self, wall_ms: u64, zone: TimeZone) -> String {
        let moment = i64::try_from(wall_ms)
            .ok()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok())
            .unwrap_or(Timestamp::MAX)
            .to_zoned(zone);
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Field(field) => write_field(&mut out, field, &moment),
            }
        }
        out
    }
}

fn write_field(out: &mut String, field: &str, moment: &Zoned) {
    let month = MONTHS[usize::from(moment.month().unsigned_abs()) - 1];
    let weekday = moment.weekday().to_sunday_zero_offset();
    let day = DAYS[usize::from(weekday.unsigned_abs())];
    let hour = moment.hour();
    let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
    let written = match field {
        "YYYY" => write!(out, "{:04}", moment.year()),
        "YY" => write!(out, "{:02}", moment.year() % 100),
        "MMMM" => write!(out, "{month}"),
        "MMM" => write!(out, "{}", &month[..3]),
        "MM" => write!(out, "{:02}", moment.month()),
        "M" => write!(out, "{}", moment.month()),
        "DD" => write!(out, "{:02}", moment.day()),
        "Do" => write!(out, "{}{}", moment.day(), ordinal(moment.day())),
        "D" => write!(out, "{}", moment.day()),
        "dddd" => write!(out, "{day}"),
        "ddd" => write!(out, "{}", &day[..3]),
        "dd" => write!(out, "{}", &day[..2]),
        "d" => write!(out, "{weekday}"),
        "HH" => write!(out, "{hour:02}"),
        "H" => write!(out, "{hour}"),
        "hh" => write!(out, "{hour12:02}"),
        "h" => write!(out, "{hour12}"),
        "mm" => write!(out, "{:02}", moment.minute()),
        "m" => write!(out, "{}", moment.minute()),
        "ss" => write!(out, "{:02}", moment.second()),
        "s" => write!(out, "{}", moment.second()),
        "SSS" => write!(out, "{:03}", moment.millisecond()),
        "A" => write!(out, "{}", if hour < 12 { "AM" } else { "PM" }),
        "a" => write!(out, "{}", if hour < 12 { "am" } else { "pm" }),
        "ZZ" => write_offset(out, moment, ""),
        "Z" => write_offset(out, moment, ":"),
        "X" => write!(out, "{}", moment.timestamp().as_second()),
        _ => write!(out, "{}", moment.timestamp().as_millisecond()),
    };
    written.expect("writing to a String cannot fail");
}

fn write_offset(out: &mut String, moment: &Zoned, colon: &str) -> std::fmt::Result {
    let seconds = moment.offset().seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    write!(out, "{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60)
}

fn ordinal(day: i8) -> &'static str {
    match day {
        11..=13 => "th",
        _ => match day % 10 {
            1 => "st",
            2 => "nd",
            3 => "rd",
            _ => "th",
        },
    }
}

/// A format with the text of the latest second: most lines of a busy app fall into one.
#[derive(Clone, Debug)]
pub struct Stamp {
    format: DateFormat,
    moment: Option<u64>,
    text: String,
}

impl Stamp {
    /// Nothing remembered yet.
    pub fn new(format: DateFormat) -> Self {
        Self {
            format,
            moment: None,
            text: String::new(),
        }
    }

    /// The moment in the format.
    pub fn at(&mut self, wall_ms: u64) -> &str {
        let moment = if self.format.has_millis {
            wall_ms
        } else {
            wall_ms / 1000
        };
        if self.moment != Some(moment) {
            self.moment = Some(moment);
            self.text = self.format.format(wall_ms);
        }
        &self.text
    }
}

/// The moment as JavaScript's `toISOString` writes it.
pub fn iso(wall_ms: u64) -> String {
    DateFormat::parse("YYYY-MM-DDTHH:mm:ss.SSS[Z]").format_in(wall_ms, TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use jiff::tz::{Offset, TimeZone};

    use super::*;

    // 2026-03-01T13:04:05.067Z, a Sunday.
    const MOMENT: u64 = 1_772_370_245_067;

    fn utc(format: &str) -> String {
        DateFormat::parse(format).format_in(MOMENT, TimeZone::UTC)
    }

    #[test]
    fn all_fields() {
        assert_eq!(utc("YYYY YY MMMM MMM MM M"), "2026 26 March Mar 03 3");
        assert_eq!(utc("DD D Do dddd ddd dd d"), "01 1 1st Sunday Sun Su 0");
        assert_eq!(utc("HH H hh h mm m ss s"), "13 13 01 1 04 4 05 5");
        assert_eq!(
            utc("SSS A a Z ZZ X x"),
            "067 PM pm +00:00 +0000 1772370245 1772370245067"
        );
        assert_eq!(iso(MOMENT), "2026-03-01T13:04:05.067Z");
    }

    #[test]
    fn what_is_no_field_stands_for_itself() {
        assert_eq!(utc("[at] YYYY-MM-DDTHH:mm"), "at 2026-03-01T13:04");
        assert_eq!(utc("[YYYY]"), "YYYY");
        assert_eq!(utc("[open é"), "[open é");
        assert_eq!(utc(""), "");
    }

    #[test]
    fn offsets_have_signs_and_minutes() {
        let zone = TimeZone::fixed(Offset::from_seconds(-(3 * 3600 + 30 * 60)).unwrap());
        let text = DateFormat::parse("HH:mm Z ZZ").format_in(MOMENT, zone);
        assert_eq!(text, "09:34 -03:30 -0330");
    }

    #[test]
    fn a_stamp_changes_when_the_text_does() {
        let mut stamp = Stamp::new(DateFormat::parse("x"));
        assert_eq!(stamp.at(1000), "1000");
        assert_eq!(stamp.at(1001), "1001");
        let mut stamp = Stamp::new(DateFormat::parse("X"));
        assert_eq!(stamp.at(1999), "1");
        assert_eq!(stamp.at(2000), "2");
    }
}
