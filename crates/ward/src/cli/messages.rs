//! The output of a command: results and PM2's `[PM2] …` lines on standard output, notices and
//! errors on standard error; `--silent`, colours, and readers that close the pipe.

use core::sync::atomic::{AtomicBool, Ordering};
use std::env;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ward_wire::text::printable;

use crate::exit::Failure;

/// The output streams of a command. Clones share one state.
#[derive(Clone, Debug)]
pub(crate) struct Console {
    silent: bool,
    /// Suppresses messages, but not lists (`PM2_PROGRAMMATIC`).
    quiet: bool,
    color_out: bool,
    color_err: bool,
    stdout: Arc<Stdout>,
}

/// The state of standard output.
#[derive(Debug, Default)]
struct Stdout {
    closed: AtomicBool,
    failed: Mutex<Option<io::Error>>,
}

const GREEN: &str = "32";
const CYAN: &str = "36";
const YELLOW: &str = "33";
const RED: &str = "31";

impl Console {
    /// Reads the environment. `color` is the choice of the command line, if it makes one.
    pub(crate) fn new(silent: bool, color: Option<bool>) -> Self {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let silent = silent || set("PM2_SILENT");
        Self {
            silent,
            quiet: silent || set("PM2_PROGRAMMATIC"),
            color_out: colors(color, io::stdout().is_terminal()),
            color_err: colors(color, io::stderr().is_terminal()),
            stdout: Arc::default(),
        }
    }

    /// Whether messages are suppressed.
    pub(crate) fn is_silent(&self) -> bool {
        self.silent
    }

    /// Whether standard output gets colours.
    pub(crate) fn color(&self) -> bool {
        self.color_out
    }

    /// Whether the reader of standard output has closed it, so that a stream should stop.
    pub(crate) fn is_closed(&self) -> bool {
        self.stdout.closed.load(Ordering::Relaxed)
    }

    /// A result line with PM2's prefix, `[PM2] …`.
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        self.prefixed("[PM2] ", GREEN, &printable(text.as_ref()));
    }

    /// As [`Self::say`], for a text of several lines.
    pub(crate) fn say_lines(&self, text: impl AsRef<str>) {
        self.prefixed("[PM2] ", GREEN, &printable_lines(text.as_ref()));
    }

    /// A `[PM2][WARN] …` line on standard output, where PM2 has most of them.
    pub(crate) fn warn(&self, text: impl AsRef<str>) {
        self.prefixed("[PM2][WARN] ", YELLOW, &printable(text.as_ref()));
    }

    /// A line without prefix, which `--silent` suppresses.
    pub(crate) fn line(&self, text: impl AsRef<str>) {
        if !self.quiet {
            self.data([text.as_ref(), "\n"].concat());
        }
    }

    /// Bytes of a result that are written even when silent (JSON, log lines); no newline is added.
    pub(crate) fn data(&self, text: impl AsRef<[u8]>) {
        if self.stdout.closed.load(Ordering::Relaxed) {
            return;
        }
        let mut out = io::stdout().lock();
        if let Err(error) = out.write_all(text.as_ref()).and_then(|()| out.flush()) {
            self.stdout.closed.store(true, Ordering::Relaxed);
            if error.kind() != io::ErrorKind::BrokenPipe {
                *self.failure() = Some(error);
            }
        }
    }

    /// A notice on standard error.
    pub(crate) fn notice(&self, text: impl AsRef<str>) {
        self.to_stderr("[PM2] ", CYAN, &printable(text.as_ref()));
    }

    /// A `[PM2][WARN] …` line on standard error.
    pub(crate) fn warn_aside(&self, text: impl AsRef<str>) {
        self.to_stderr("[PM2][WARN] ", YELLOW, &printable(text.as_ref()));
    }

    /// A `[PM2][ERROR] …` text on standard error, of one line or several.
    pub(crate) fn error(&self, text: impl AsRef<str>) {
        self.to_stderr("[PM2][ERROR] ", RED, text.as_ref());
    }

    /// A text on standard error without prefix, as some errors of PM2 are.
    pub(crate) fn aside(&self, text: impl AsRef<str>) {
        self.to_stderr("", RED, text.as_ref());
    }

    /// Checks that all output reached standard output. A reader that closes it early is no failure.
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        match self.failure().take() {
            None => Ok(()),
            Some(error) => Err(Failure::new(format!("cannot write the output: {error}"))),
        }
    }

    fn failure(&self) -> MutexGuard<'_, Option<io::Error>> {
        let lock = self.stdout.failed.lock();
        lock.unwrap_or_else(PoisonError::into_inner)
    }

    fn prefixed(&self, prefix: &str, color: &str, text: &str) {
        self.line(paint(prefix, color, self.color_out) + text);
    }

    fn to_stderr(&self, prefix: &str, color: &str, text: &str) {
        if self.quiet {
            return;
        }
        let line = paint(prefix, color, self.color_err) + &printable_lines(text) + "\n";
        // If standard error cannot be written, there is no other place for the report.
        io::stderr().lock().write_all(line.as_bytes()).ok();
    }
}

/// A text of several lines without escapes. Whoever quotes a name in it makes that printable himself,
/// or the name could add a line.
fn printable_lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(printable).collect();
    lines.join("\n")
}

fn paint(text: &str, color: &str, on: bool) -> String {
    if on && !text.is_empty() {
        format!("\x1b[{color}m{text}\x1b[39m")
    } else {
        text.to_owned()
    }
}

/// Whether to write colours: the command line decides first, then `FORCE_COLOR`, then `NO_COLOR`,
/// then whether the stream is a terminal.
fn colors(asked: Option<bool>, terminal: bool) -> bool {
    let of = |name: &str| env::var(name).ok();
    decide(
        asked,
        of("FORCE_COLOR").as_deref(),
        of("NO_COLOR").as_deref(),
        of("TERM").as_deref(),
        terminal,
    )
}

fn decide(
    asked: Option<bool>,
    force: Option<&str>,
    no_color: Option<&str>,
    term: Option<&str>,
    terminal: bool,
) -> bool {
    if let Some(asked) = asked {
        return asked;
    }
    match force {
        Some("0" | "false") => return false,
        Some(_) => return true,
        None => {}
    }
    terminal && no_color.is_none_or(str::is_empty) && term != Some("dumb")
}

#[cfg(test)]
mod tests {
    use super::{decide, printable_lines};

    #[test]
    fn messages_have_lines_and_no_escapes() {
        let text = "File a malformated\n  \x1b[31mred\u{9b}0m\r";
        assert_eq!(
            printable_lines(text),
            "File a malformated\n  \\x1b[31mred\\u{9b}0m\\r"
        );
    }

    #[test]
    fn colours_are_for_terminals_and_those_who_ask() {
        for (asked, force, no_color, term, terminal, wanted) in [
            (None, None, None, Some("xterm"), true, true),
            (None, None, None, Some("xterm"), false, false),
            (None, None, Some("1"), Some("xterm"), true, false),
            (None, None, Some(""), Some("xterm"), true, true),
            (None, Some("1"), None, None, false, true),
            (None, Some("1"), Some("1"), None, false, true),
            (None, Some("0"), None, Some("xterm"), true, false),
            (None, None, None, Some("dumb"), true, false),
            (Some(false), Some("1"), None, None, true, false),
            (Some(true), None, Some("1"), None, false, true),
        ] {
            assert_eq!(decide(asked, force, no_color, term, terminal), wanted);
        }
    }
}
