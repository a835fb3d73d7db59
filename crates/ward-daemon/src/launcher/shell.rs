//! Finds the last command of a shell's command line without running a shell. In
//! `NODE_ENV=production node server.js` and `npm run build && node server.js` that command can
//! replace the shell; a pipe, a background job or a subshell needs the shell itself.

mod lexer;

use core::fmt;

use lexer::{Lexer, Token, Word};

/// Words that begin a command only a shell can run.
const COMPOUND: [&str; 12] = [
    "if", "while", "until", "for", "case", "select", "function", "{", "}", "!", "[[", "time",
];

/// A parsed command line. `before` and `command` together are the whole line, without an `exec`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Everything before the last command: other commands and its own assignments.
    pub(super) before: &'a str,
    /// The last command with its redirections.
    pub(super) command: &'a str,
    /// The words of the last command without quotes; `None` if the shell has to expand the word.
    pub(super) words: Vec<Option<String>>,
}

/// Why no command of the line can replace the shell. The text completes "it has …".
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NeedsShell {
    Pipe,
    Alternative,
    Background,
    Subshell,
    Compound(String),
    Trap,
    HereDocument,
    OpenQuote,
    NoCommand,
}

impl fmt::Display for NeedsShell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pipe => f.write_str("a pipe (|)"),
            Self::Alternative => f.write_str("an alternative (||)"),
            Self::Background => f.write_str("a background job (&)"),
            Self::Subshell => f.write_str("a subshell"),
            Self::Compound(word) => write!(f, "a compound command ({word})"),
            Self::Trap => f.write_str("a trap"),
            Self::HereDocument => f.write_str("a here-document"),
            Self::OpenQuote => f.write_str("a quote that does not end"),
            Self::NoCommand => f.write_str("no command"),
        }
    }
}

/// Splits a command line before its last command.
pub(super) fn last_command(text: &str) -> Result<Line<'_>, NeedsShell> {
    let words = last_command_words(text)?;
    let first = words.iter().position(|word| !word.assigns);
    let first = first.ok_or(NeedsShell::NoCommand)?;
    let before = &text[..words[first].start];
    // The command replaces the shell anyway.
    let executes = words[first].text.as_deref() == Some("exec") && words.len() > first + 1;
    let words = &words[first + usize::from(executes)..];
    Ok(Line {
        before,
        command: &text[words[0].start..],
        words: words.iter().map(|word| word.text.clone()).collect(),
    })
}

/// Quotes a word for the shell.
pub(super) fn shell_quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The words of the last command of a line.
fn last_command_words(text: &str) -> Result<Vec<Word>, NeedsShell> {
    let mut lexer = Lexer::new(text);
    let mut words: Vec<Word> = Vec::new();
    let mut ended = false;
    loop {
        match lexer.next_token()? {
            Token::Word(word) => {
                if core::mem::take(&mut ended) {
                    words.clear();
                }
                if words.iter().all(|word| word.assigns) {
                    refuse_shell_keyword(&word)?;
                }
                words.push(word);
            }
            Token::Separator => ended = true,
            Token::End => return Ok(words),
        }
    }
}

fn refuse_shell_keyword(word: &Word) -> Result<(), NeedsShell> {
    match word.text.as_deref() {
        Some("trap") => Err(NeedsShell::Trap),
        Some(text) if COMPOUND.contains(&text) => Err(NeedsShell::Compound(text.to_owned())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> (String, String, Vec<String>) {
        let line = last_command(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let words = line
            .words
            .into_iter()
            .map(|word| word.unwrap_or("…".into()));
        (
            line.before.to_owned(),
            line.command.to_owned(),
            words.collect(),
        )
    }

    #[test]
    fn the_last_command_and_what_stands_before_it() {
        for (text, before, command, words) in [
            ("node a.js", "", "node a.js", &["node", "a.js"][..]),
            (
                "A=1 B='x y' node a.js",
                "A=1 B='x y' ",
                "node a.js",
                &["node", "a.js"],
            ),
            (
                "npm run build && node a.js -p 1",
                "npm run build && ",
                "node a.js -p 1",
                &["node", "a.js", "-p", "1"],
            ),
            (
                "cd dist; A=1 exec node a.js;",
                "cd dist; A=1 ",
                "node a.js;",
                &["node", "a.js"],
            ),
            (
                "node a.js --port $PORT \"${X:-a b}\"",
                "",
                "node a.js --port $PORT \"${X:-a b}\"",
                &["node", "a.js", "--port", "…", "…"],
            ),
            (
                "node \"a b.js\" 'c d' e\\ f",
                "",
                "node \"a b.js\" 'c d' e\\ f",
                &["node", "a b.js", "c d", "e f"],
            ),
            (
                "node a.js > log 2>&1",
                "",
                "node a.js > log 2>&1",
                &["node", "a.js"],
            ),
            (
                "node a.js --x=$(date +%s) `b`",
                "",
                "node a.js --x=$(date +%s) `b`",
                &["node", "a.js", "…", "…"],
            ),
            (
                "node a.js # listens",
                "",
                "node a.js # listens",
                &["node", "a.js"],
            ),
            (
                "a=b;c\nnode a#b.js",
                "a=b;c\n",
                "node a#b.js",
                &["node", "a#b.js"],
            ),
            ("node *.js", "", "node *.js", &["node", "…"]),
        ] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(
                line(text),
                (before.to_owned(), command.to_owned(), words),
                "{text}"
            );
        }
    }

    #[test]
    fn some_lines_need_the_shell() {
        for (text, wanted) in [
            ("node a.js | tee log", NeedsShell::Pipe),
            ("node a.js || node b.js", NeedsShell::Alternative),
            ("node a.js & node b.js", NeedsShell::Background),
            ("(cd x && node a.js)", NeedsShell::Subshell),
            (
                "while true; do node a.js; done",
                NeedsShell::Compound("while".to_owned()),
            ),
            (
                "A=1 if b; then node a.js; fi",
                NeedsShell::Compound("if".to_owned()),
            ),
            ("trap 'rm x' EXIT; node a.js", NeedsShell::Trap),
            ("node a.js <<END\nx\nEND", NeedsShell::HereDocument),
            ("node 'a.js", NeedsShell::OpenQuote),
            ("node $(a.js", NeedsShell::OpenQuote),
            ("A=1", NeedsShell::NoCommand),
            ("", NeedsShell::NoCommand),
        ] {
            assert_eq!(last_command(text), Err(wanted), "{text}");
        }
    }
}
