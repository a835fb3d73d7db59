//! Cuts a command line into words and separators (POSIX, Shell Command Language, section 2.3).

use core::iter::Peekable;
use core::str::CharIndices;

use super::NeedsShell;

/// One word and its byte offset in the line.
#[derive(Debug)]
pub(super) struct Word {
    pub(super) start: usize,
    /// The word without quotes; `None` if the shell has to expand it.
    pub(super) text: Option<String>,
    /// Whether the word has the form of an assignment, `NAME=…`.
    pub(super) assigns: bool,
}

/// A token of a line. The lexer skips redirections, which belong to their command.
#[derive(Debug)]
pub(super) enum Token {
    Word(Word),
    /// `&&`, `;` or the end of a line.
    Separator,
    End,
}

/// Reads a line from left to right.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    chars: Peekable<CharIndices<'a>>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let chars = text.char_indices().peekable();
        Self { text, chars }
    }

    fn peek(&mut self) -> Option<char> {
        self.chars.peek().map(|(_, c)| *c)
    }

    fn take_if(&mut self, wanted: char) -> bool {
        self.chars.next_if(|(_, c)| *c == wanted).is_some()
    }

    /// The next token of the line.
    pub(super) fn next_token(&mut self) -> Result<Token, NeedsShell> {
        loop {
            let Some((at, c)) = self.chars.peek().copied() else {
                return Ok(Token::End);
            };
            match c {
                '\n' | ';' => {
                    self.chars.next();
                    return Ok(Token::Separator);
                }
                c if c.is_whitespace() => {
                    self.chars.next();
                }
                '#' => while self.chars.next_if(|(_, c)| *c != '\n').is_some() {},
                '&' => {
                    self.chars.next();
                    return if self.take_if('&') {
                        Ok(Token::Separator)
                    } else {
                        Err(NeedsShell::Background)
                    };
                }
                '|' => {
                    self.chars.next();
                    return Err(if self.take_if('|') {
                        NeedsShell::Alternative
                    } else {
                        NeedsShell::Pipe
                    });
                }
                '(' | ')' => return Err(NeedsShell::Subshell),
                '<' | '>' => self.skip_redirection()?,
                _ => {
                    let word = self.read_word(at)?;
                    // `2>log`: the digits belong to the redirection.
                    let is_number = word.text.as_ref().is_some_and(|text| {
                        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
                    });
                    if !(is_number && matches!(self.peek(), Some('<' | '>'))) {
                        return Ok(Token::Word(word));
                    }
                }
            }
        }
    }

    fn skip_redirection(&mut self) -> Result<(), NeedsShell> {
        let reads = self.take_if('<');
        if !reads {
            self.chars.next();
        }
        if reads && self.peek() == Some('<') {
            return Err(NeedsShell::HereDocument);
        }
        while self
            .chars
            .next_if(|(_, c)| matches!(c, '>' | '&' | '|'))
            .is_some()
        {}
        while self
            .chars
            .next_if(|(_, c)| matches!(c, ' ' | '\t'))
            .is_some()
        {}
        let at = self.chars.peek().map_or(self.text.len(), |(at, _)| *at);
        self.read_word(at).map(drop)
    }

    fn read_word(&mut self, start: usize) -> Result<Word, NeedsShell> {
        let mut plain = String::new();
        let mut expands = false;
        while let Some((_, c)) = self.chars.peek().copied() {
            if c.is_whitespace() || matches!(c, ';' | '&' | '|' | '<' | '>' | '(' | ')') {
                break;
            }
            self.chars.next();
            match c {
                '\'' => self.single_quoted(&mut plain)?,
                '"' => expands |= self.double_quoted(&mut plain)?,
                '\\' => plain.extend(self.chars.next().map(|(_, c)| c).filter(|c| *c != '\n')),
                '$' | '`' => {
                    self.skip_expansion(c)?;
                    expands = true;
                }
                '*' | '?' | '[' => expands = true,
                '~' if plain.is_empty() => expands = true,
                '{' if !plain.is_empty() => expands = true,
                _ => plain.push(c),
            }
        }
        let end = self.chars.peek().map_or(self.text.len(), |(at, _)| *at);
        Ok(Word {
            start,
            assigns: is_assignment(&self.text[start..end]),
            text: (!expands).then_some(plain),
        })
    }

    fn single_quoted(&mut self, plain: &mut String) -> Result<(), NeedsShell> {
        for (_, c) in self.chars.by_ref() {
            if c == '\'' {
                return Ok(());
            }
            plain.push(c);
        }
        Err(NeedsShell::OpenQuote)
    }

    /// Reads up to the closing quote. Returns whether the shell has to expand something in between.
    fn double_quoted(&mut self, plain: &mut String) -> Result<bool, NeedsShell> {
        let mut expands = false;
        while let Some((_, c)) = self.chars.next() {
            match c {
                '"' => return Ok(expands),
                '$' | '`' => {
                    self.skip_expansion(c)?;
                    expands = true;
                }
                '\\' => match self.chars.next() {
                    Some((_, c @ ('"' | '\\' | '$' | '`'))) => plain.push(c),
                    Some((_, '\n')) => {}
                    Some((_, c)) => plain.extend(['\\', c]),
                    None => break,
                },
                _ => plain.push(c),
            }
        }
        Err(NeedsShell::OpenQuote)
    }

    /// Skips `$NAME`, `${…}`, `$(…)` or backquotes, whose first character is read already.
    fn skip_expansion(&mut self, first: char) -> Result<(), NeedsShell> {
        if first == '`' {
            while let Some((_, c)) = self.chars.next() {
                match c {
                    '`' => return Ok(()),
                    '\\' => drop(self.chars.next()),
                    _ => {}
                }
            }
            return Err(NeedsShell::OpenQuote);
        }
        let close = match self.peek() {
            Some('(') => ')',
            Some('{') => '}',
            _ => return Ok(()),
        };
        let mut closing = Vec::new();
        while let Some((_, c)) = self.chars.next() {
            match c {
                '(' => closing.push(')'),
                '{' => closing.push('}'),
                '\'' if close == ')' => self.single_quoted(&mut String::new())?,
                '"' => drop(self.double_quoted(&mut String::new())?),
                '\\' => drop(self.chars.next()),
                c if closing.last() == Some(&c) => {
                    closing.pop();
                    if closing.is_empty() {
                        return Ok(());
                    }
                }
                _ => {}
            }
        }
        Err(NeedsShell::OpenQuote)
    }
}

/// Whether the word has the form `NAME=…`.
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        name.chars().all(fits) && name.starts_with(|c: char| !c.is_ascii_digit())
    })
}
