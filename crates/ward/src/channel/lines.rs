//! Newline-delimited JSON as Node's channel speaks it: bytes in, lines out, however they were cut.

use memchr::memchr;

/// Node has no limit; this one is above everything real apps send (profiles, some megabytes).
const LONGEST_LINE: usize = 16 * 1024 * 1024;

/// Memory a channel may keep between messages.
const KEPT_BYTES: usize = 64 * 1024;

/// What was received and is no whole line yet.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    bytes: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// Up to here there is no line end.
    searched: usize,
    /// So many bytes of an overlong line were thrown away; its end is still to come.
    skipped: usize,
}

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// Without its end.
    Whole(&'a [u8]),
    /// Thrown away because it was longer than allowed; so many bytes.
    Overlong(usize),
}

impl Lines {
    /// Adds what was read.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole line.
    pub(crate) fn next(&mut self) -> Option<Line<'_>> {
        let Some(at) = memchr(b'\n', &self.bytes[self.searched..]) else {
            self.compact();
            return None;
        };
        let end = self.searched + at;
        let start = core::mem::replace(&mut self.start, end + 1);
        self.searched = end + 1;
        if self.skipped > 0 {
            let all = core::mem::take(&mut self.skipped) + (end - start);
            return Some(Line::Overlong(all));
        }
        let line = &self.bytes[start..end];
        Some(Line::Whole(line.strip_suffix(b"\r").unwrap_or(line)))
    }

    fn compact(&mut self) {
        self.bytes.drain(..self.start);
        self.start = 0;
        if self.skipped > 0 || self.bytes.len() > LONGEST_LINE {
            self.skipped += self.bytes.len();
            self.bytes = Vec::new();
        }
        self.searched = self.bytes.len();
        if self.bytes.len() < KEPT_BYTES {
            self.bytes.shrink_to(KEPT_BYTES);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_however_they_are_cut() {
        let text = b"\"one\"\n{\"two\":2}\r\n\nnull\nrest";
        for cut in 0..text.len() {
            let mut lines = Lines::default();
            let mut found = Vec::new();
            for part in [&text[..cut], &text[cut..]] {
                lines.push(part);
                while let Some(line) = lines.next() {
                    let Line::Whole(line) = line else {
                        panic!("no line is overlong")
                    };
                    found.push(String::from_utf8(line.to_vec()).unwrap());
                }
            }
            assert_eq!(
                found,
                ["\"one\"", "{\"two\":2}", "", "null"],
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn an_overlong_line_is_thrown_away_and_the_next_one_is_found() {
        let mut lines = Lines::default();
        let piece = vec![b'x'; 1024 * 1024];
        let mut pushed = 0;
        while pushed <= 2 * LONGEST_LINE {
            lines.push(&piece);
            pushed += piece.len();
            assert_eq!(lines.next(), None);
            assert!(lines.bytes.len() <= LONGEST_LINE, "memory stays bounded");
        }
        lines.push(b"\n1\n");
        assert_eq!(lines.next(), Some(Line::Overlong(pushed)));
        assert_eq!(lines.next(), Some(Line::Whole(b"1")));
        assert_eq!(lines.next(), None);
    }
}
