//! `logs`: the ends of the log files, then what the daemon publishes, until the reader has enough.

mod files;
mod filter;
mod printer;
mod tail;

use crate::cli::out::color::{Paint, Style};
use crate::log::date::DateFormat;

/// Lines of each file shown when nothing else is asked for.
const DEFAULT_LINES: usize = 15;
/// The time of `--timestamp` without a format.
const DEFAULT_TIME: &str = "YYYY-MM-DD-HH:mm:ss";

/// Where a line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Out,
    Err,
    Daemon,
}

impl Source {
    fn color(self) -> Style {
        match self {
            Self::Out => Style::Green,
            Self::Err => Style::Red,
            Self::Daemon => Style::Blue,
        }
    }
}

/// How streamed lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Json,
    Format,
}

/// What the command line asks for.
#[derive(Clone, Debug)]
pub(crate) struct LogOptions {
    lines: usize,
    raw: bool,
    /// One stream of the apps only.
    only: Option<Source>,
    timestamp: Option<DateFormat>,
    highlight: Option<String>,
    form: Form,
    /// Ends after the files.
    no_stream: bool,
    paint: Paint,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            lines: DEFAULT_LINES,
            raw: false,
            only: None,
            timestamp: None,
            highlight: None,
            form: Form::Text,
            no_stream: false,
            paint: Paint::PLAIN,
        }
    }
}

impl LogOptions {
    /// The daemon's lines belong to the full text output only.
    fn wants(&self, source: Source) -> bool {
        match source {
            Source::Daemon => self.only.is_none() && !self.raw,
            _ => self.only.is_none_or(|only| only == source),
        }
    }
}

/// Bytes for the two standard streams.
#[derive(Debug, Default)]
pub(crate) struct Output {
    out: Vec<u8>,
    err: Vec<u8>,
}

/// The word after `--lines`: nonsense means the default, a sign is ignored, both as PM2 does.
fn line_count(word: Option<&str>) -> usize {
    word.and_then(|word| word.trim().parse::<i64>().ok())
        .map_or(DEFAULT_LINES, |count| {
            usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX)
        })
}
