//! How a line looks in the file and on the bus: as it came, with a date before it, or as a JSON
//! record. One shape belongs to one stream of one life.

use serde_json::Value;

use ward_core::date::{DateFormat, Stamp, iso};

use super::source::Origin;

/// The form of the lines of one stream.
#[derive(Debug)]
pub(crate) enum Shape {
    /// As they came.
    Plain,
    /// `<date>: ` before each line.
    Dated(Stamp),
    /// One object per line.
    Json {
        /// The date in the asked format; ISO when none was asked.
        stamp: Option<Stamp>,
        /// What follows the timestamp.
        rest: String,
    },
}

impl Shape {
    /// The form that was declared.
    pub(crate) fn new(origin: &Origin, error: bool) -> Self {
        let stamp = origin
            .date_format
            .as_deref()
            .filter(|format| !format.is_empty())
            .map(|format| Stamp::new(DateFormat::parse(format)));
        if origin.json {
            let kind = if error { "err" } else { "out" };
            let rest = format!(
                r#","type":"{kind}","process_id":{},"app_name":{}}}"#,
                origin.pm_id,
                Value::from(origin.app_name.as_str())
            );
            return Self::Json { stamp, rest };
        }
        stamp.map_or(Self::Plain, Self::Dated)
    }

    /// Whether lines pass unchanged.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self, Self::Plain)
    }

    /// Writes one line, or a piece of one, to `out`. `inside`: an earlier piece of the same line
    /// was written. `last`: the stream ends with this piece.
    pub(crate) fn write(
        &mut self,
        piece: &[u8],
        inside: bool,
        last: bool,
        wall_ms: u64,
        out: &mut Vec<u8>,
    ) {
        match self {
            Self::Plain => out.extend_from_slice(piece),
            Self::Dated(stamp) => {
                if !inside {
                    out.extend_from_slice(stamp.at(wall_ms).as_bytes());
                    out.extend_from_slice(b": ");
                }
                out.extend_from_slice(piece);
                if last && piece.last() != Some(&b'\n') {
                    // The next line of this file begins with a date, so this one must end.
                    out.push(b'\n');
                }
            }
            Self::Json { stamp, rest } => {
                out.extend_from_slice(b"{\"message\":");
                let message = String::from_utf8_lossy(piece);
                serde_json::to_writer(&mut *out, &message).expect("a text is always JSON");
                out.extend_from_slice(b",\"timestamp\":");
                match stamp {
                    Some(stamp) => serde_json::to_writer(&mut *out, stamp.at(wall_ms)),
                    None => serde_json::to_writer(&mut *out, &iso(wall_ms)),
                }
                .expect("a text is always JSON");
                out.extend_from_slice(rest.as_bytes());
                out.push(b'\n');
            }
        }
    }
}
