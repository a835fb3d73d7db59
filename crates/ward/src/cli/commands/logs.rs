//! `logs`: prints the ends of the log files, then the log events of the daemon until the reader
//! closes the output.

mod files;
mod filter;
mod follow;
mod printer;
mod tail;

use std::io::{self, Write as _};

use serde_json::Value;
use ward_core::date::DateFormat;
use ward_wire::text::printable;

use self::filter::Filter;
use self::follow::Follower;
use self::printer::Printer;
use crate::cli::args::Invocation;
use crate::cli::messages::Console;
use crate::cli::out::color::{Paint, Style};
use crate::cli::out::screen;
use crate::exit::Failure;

pub(crate) use self::tail::last_lines;

/// The default number of lines of each file.
const DEFAULT_LINES: usize = 15;
/// The format of `--timestamp` without a value.
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

/// The format of streamed lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Json,
    Format,
}

/// The options of the command.
#[derive(Clone, Debug)]
pub(crate) struct LogOptions {
    lines: usize,
    raw: bool,
    /// One stream of the apps only.
    only: Option<Source>,
    timestamp: Option<DateFormat>,
    highlight: Option<String>,
    form: Form,
    /// Whether the command ends after the files.
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
    fn read(invocation: &Invocation) -> Self {
        let only = match (invocation.is_set("out"), invocation.is_set("err")) {
            (true, false) => Some(Source::Out),
            (false, true) => Some(Source::Err),
            _ => None,
        };
        let form = if invocation.is_set("json") {
            Form::Json
        } else if invocation.is_set("format") {
            Form::Format
        } else {
            Form::Text
        };
        let time = invocation.text("timestamp").unwrap_or(DEFAULT_TIME);
        let timestamp = invocation.is_set("timestamp");
        Self {
            lines: line_count(invocation.text("lines")),
            raw: invocation.is_set("raw"),
            only,
            timestamp: timestamp.then(|| DateFormat::parse(time)),
            highlight: invocation.text("highlight").map(str::to_owned),
            form,
            no_stream: invocation.is_set("nostream"),
            paint: Paint {
                on: invocation.console.color(),
            },
        }
    }

    /// Files come first in text only; without a stream they are all there is.
    fn shows_files(&self) -> bool {
        self.lines > 0 && (self.no_stream || self.form == Form::Text)
    }

    /// The daemon's lines belong to the full text output only.
    fn wants(&self, source: Source) -> bool {
        match source {
            Source::Daemon => self.only.is_none(),
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

/// Shows the logs of what the first word selects, of everything without one.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let mut client = super::connect(invocation)?;
    let options = LogOptions::read(invocation);
    // Before the call whose answer says that it is heard, and before the files are read, so that no
    // line falls between them and the stream.
    let socket = &invocation.paths.pub_socket;
    let follower = (!options.no_stream).then(|| Follower::subscribe(socket));
    let records = client.records()?;
    show(invocation, &records, follower, &options)
}

/// Streams the logs of these instances until the reader has enough: `--attach` of other commands.
pub(crate) fn attach(invocation: &Invocation, ids: &[u32]) {
    let ids = ids.iter().copied().map(i64::from).collect();
    follow(invocation, Filter::Ids(ids));
}

/// Streams all logs until the reader has enough: `--no-daemon`.
pub(crate) fn follow_all(invocation: &Invocation) {
    follow(invocation, Filter::All);
}

fn follow(invocation: &Invocation, filter: Filter) {
    let console = &invocation.console;
    let options = LogOptions {
        paint: Paint {
            on: console.color(),
        },
        ..LogOptions::default()
    };
    let mut follower = Follower::subscribe(&invocation.paths.pub_socket);
    follower.choose(filter.choice(&options));
    follower.follow(&mut Printer::new(options, filter), 0, |output| {
        write(console, &output)
    });
}

fn show(
    invocation: &Invocation,
    records: &[Value],
    mut follower: Option<Follower>,
    options: &LogOptions,
) -> Result<(), Failure> {
    let (console, word) = (&invocation.console, invocation.target());
    let since_ms = u64::try_from(screen::now_ms()).unwrap_or(0);
    if options.shows_files() {
        console.data(files::announcement(word, options.lines, options.paint));
    }
    let filter = Filter::resolve(word, records)
        .map_err(|error| Failure::new(format!("cannot read the pattern: {error}")))?;
    let Some(filter) = filter else {
        let word = word.unwrap_or_default();
        let text = format!("Process or Namespace {} not found", printable(word));
        // What is asked for once can be nothing; to follow nothing for ever is a mistake.
        if options.no_stream {
            console.warn_aside(text);
            return Ok(());
        }
        return Err(Failure::new(text));
    };
    if let Some(follower) = &mut follower {
        follower.choose(filter.choice(options));
    }
    if options.shows_files() {
        let daemon_log = &invocation.paths.daemon_log;
        for file in files::files(records, &filter, options, daemon_log) {
            if !write(console, &files::block(&file, options)) {
                return Ok(());
            }
        }
    }
    if let Some(follower) = follower {
        let mut printer = Printer::new(options.clone(), filter);
        follower.follow(&mut printer, since_ms, |output| write(console, &output));
    }
    Ok(())
}

/// Writes both streams; whether anybody still reads.
fn write(console: &Console, output: &Output) -> bool {
    if !output.out.is_empty() {
        console.data(&output.out);
    }
    let err = io::stderr().lock().write_all(&output.err);
    !console.is_closed() && err.is_ok()
}

/// The word after `--lines`: nonsense means the default, a sign is ignored, both as PM2 does.
fn line_count(word: Option<&str>) -> usize {
    word.and_then(|word| word.trim().parse::<i64>().ok())
        .map_or(DEFAULT_LINES, |count| {
            usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX)
        })
}
