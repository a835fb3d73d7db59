//! The daemon's own log, `pm2.log`, in the form tools parse: `<date>: PM2 log: <text>`.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::sink::{LogPlace, open};
use ward_core::date::{DateFormat, Stamp};
use ward_wire::text::printable;

/// Format of the date before each line (`PM2_LOG_DATE_FORMAT`); empty: none.
pub(crate) fn date_format() -> String {
    std::env::var("PM2_LOG_DATE_FORMAT").unwrap_or_else(|_| "YYYY-MM-DDTHH:mm:ss".to_owned())
}

/// The longest line of the log, in bytes of its text; the rest of a longer one is left out.
const LINE_BYTES: usize = 4 << 10;

/// A message as one line. Names, paths and versions in it come from apps and clients: whatever they
/// hold, they neither begin a line nor act on a terminal, and no message is longer than 4 KiB.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    let cut = |text: Cow<'_, str>| {
        let end = text.floor_char_boundary(LINE_BYTES);
        format!("{}…", &text[..end])
    };
    if text.len() <= LINE_BYTES {
        let shown = printable(text);
        return match shown.len() {
            0..=LINE_BYTES => shown,
            _ => cut(shown).into(),
        };
    }
    let end = text.floor_char_boundary(LINE_BYTES);
    cut(printable(&text[..end])).into()
}

/// The file, if there is one.
#[derive(Debug)]
pub(crate) struct DaemonLog {
    path: Option<PathBuf>,
    file: Option<File>,
    /// No prefix without it.
    stamp: Option<Stamp>,
    /// Lines on their way to the file.
    waiting: String,
}

impl DaemonLog {
    /// Opens the file for appending; without a path all lines are dropped.
    pub(crate) fn open(path: Option<PathBuf>) -> io::Result<Self> {
        let file = path.clone().map(LogPlace::own);
        let file = file.as_ref().map(open).transpose()?;
        let format = date_format();
        let stamp = (!format.is_empty()).then(|| Stamp::new(DateFormat::parse(&format)));
        Ok(Self {
            path,
            file,
            stamp,
            waiting: String::new(),
        })
    }

    /// Appends one line; it is in the file after the next [`Self::write`].
    pub(crate) fn line(&mut self, error: bool, text: &str, wall_ms: u64) {
        let kind = if error { "error" } else { "log" };
        if let Some(stamp) = &mut self.stamp {
            self.waiting.push_str(stamp.at(wall_ms));
            self.waiting.push_str(": ");
        }
        for part in ["PM2 ", kind, ": ", &one_line(text), "\n"] {
            self.waiting.push_str(part);
        }
    }

    /// Writes what was said since the last time. There is nowhere left to report a failure to.
    pub(crate) fn write(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let lines = core::mem::take(&mut self.waiting);
        if let Some(file) = &mut self.file {
            file.write_all(lines.as_bytes()).ok();
        }
    }

    /// Where it is, if it is a file.
    pub(super) fn path(&self) -> Option<&PathBuf> {
        self.path.as_ref()
    }

    /// Takes the file that was opened anew after the old one was renamed.
    pub(super) fn replace(&mut self, file: File) {
        self.write();
        self.file = Some(file);
    }
}

impl Drop for DaemonLog {
    fn drop(&mut self) {
        self.write();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_whatever_it_says() {
        let forged = "App [x\n2026-01-01T00:00:00: PM2 log: all is well\x1b[2K:0]";
        let line = one_line(forged);
        assert_eq!(
            line,
            "App [x\\n2026-01-01T00:00:00: PM2 log: all is well\\x1b[2K:0]"
        );
        assert!(matches!(one_line("plain ü"), Cow::Borrowed("plain ü")));
        assert_eq!(one_line(&line), line, "escaped once");
    }

    #[test]
    fn a_long_message_is_cut() {
        for text in ["x", "ü", "\x1b"] {
            let line = one_line(&text.repeat(1 << 20)).into_owned();
            assert!(line.len() <= LINE_BYTES + '…'.len_utf8(), "{}", line.len());
            assert!(line.ends_with('…'));
        }
    }
}
