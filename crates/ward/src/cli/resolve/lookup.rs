//! Looks at files of this machine: where a program is, whether it can be executed, and what kind of
//! file one without a known extension is.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use ward_home::file;

/// How an installed node runs TypeScript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stripping {
    /// Without an option.
    Native,
    /// With the option `--experimental-strip-types`.
    ByFlag,
    /// Not at all.
    No,
}

/// The kind of a file by its first bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Text that begins with `#!program arguments`.
    Shebang(String, Vec<String>),
    /// Text without such a line.
    Text,
    /// A binary, which needs no interpreter.
    Binary,
}

/// The number of bytes that are read from the beginning of a file.
const HEAD: u64 = 512;

/// Finds a program in the folders of `PATH`.
pub(crate) fn which(program: &str, path: &str) -> Option<PathBuf> {
    path.split(':')
        .map(|folder| if folder.is_empty() { "." } else { folder })
        .map(|folder| Path::new(folder).join(program))
        .find(|file| is_executable(file))
}

/// Whether this is a file with an execute permission.
pub(crate) fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The version of a node.
pub(crate) fn node_version(node: &Path) -> Option<(u32, u32)> {
    let output = Command::new(node).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut parts = text
        .trim()
        .trim_start_matches('v')
        .split('.')
        .map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

/// How a node of this version runs TypeScript.
pub(crate) fn strips_types(version: (u32, u32)) -> Stripping {
    match version {
        (22, 18..) | (23, 6..) | (24.., _) => Stripping::Native,
        (22, 6..) | (23, _) => Stripping::ByFlag,
        _ => Stripping::No,
    }
}

/// Reads the beginning of a file. A file that cannot be read is taken for a binary.
pub(super) fn content(path: &Path) -> Content {
    let mut head = Vec::new();
    let read = file::open(path)
        .map_err(io::Error::from)
        .and_then(|file| file.take(HEAD).read_to_end(&mut head));
    if read.is_err() {
        return Content::Binary;
    }
    if let Some(words) = head.strip_prefix(b"#!") {
        let line = words
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        if let Some(shebang) = shebang(&String::from_utf8_lossy(line)) {
            return shebang;
        }
    }
    if is_binary(&head) {
        Content::Binary
    } else {
        Content::Text
    }
}

/// The command after `env`: `/usr/bin/env -S A=1 python3 -u` becomes `python3 -u`.
fn shebang(line: &str) -> Option<Content> {
    let mut words = line.split_whitespace().map(str::to_owned).peekable();
    let mut program = words.next()?;
    if program.ends_with("/env") {
        while words
            .next_if(|word| word.starts_with('-') || word.contains('='))
            .is_some()
        {}
        program = words.next()?;
    }
    Some(Content::Shebang(program, words.collect()))
}

fn is_binary(head: &[u8]) -> bool {
    if head.is_empty() || head.starts_with(&[0xef, 0xbb, 0xbf]) {
        return false;
    }
    if head.contains(&0) {
        return true;
    }
    let mut strange = 0;
    let mut rest = head;
    while let Some((&byte, after)) = rest.split_first() {
        let continues = |count: usize| {
            after.len() >= count && after[..count].iter().all(|byte| byte & 0xc0 == 0x80)
        };
        let skip = match byte {
            b'\t' | b'\n' | b'\r' | 0x08 | 0x0c | 0x1b | 0x20..=0x7e => 0,
            0xc2..=0xdf if continues(1) => 1,
            0xe0..=0xef if continues(2) => 2,
            0xf0..=0xf4 if continues(3) => 3,
            // The bytes read may end in the middle of a character.
            0xc2..=0xf4 if after.len() < 3 => 0,
            _ => {
                strange += 1;
                0
            }
        };
        rest = &after[skip..];
    }
    strange * 10 > head.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_files_are() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f");
        let shebang = |program: &str, words: &[&str]| {
            Content::Shebang(
                program.to_owned(),
                words.iter().map(|word| (*word).to_owned()).collect(),
            )
        };
        for (bytes, wanted) in [
            (&b""[..], Content::Text),
            (b"hello\n", Content::Text),
            (b"\x7fELF\0\0", Content::Binary),
            ("äöü 漢字".as_bytes(), Content::Text),
            (b"\xef\xbb\xbf\x01\x02\x03", Content::Text),
            (b"\x01\x02\x03\x04abc", Content::Binary),
            (b"#!/bin/sh\nx", shebang("/bin/sh", &[])),
            (
                b"#! /usr/bin/python3 -u\n",
                shebang("/usr/bin/python3", &["-u"]),
            ),
            (b"#!/usr/bin/env node", shebang("node", &[])),
            (
                b"#!/usr/bin/env -S A=1 deno run -A\n",
                shebang("deno", &["run", "-A"]),
            ),
            (b"#!\nx", Content::Text),
        ] {
            fs::write(&file, bytes).unwrap();
            assert_eq!(content(&file), wanted, "{}", String::from_utf8_lossy(bytes));
        }
        assert_eq!(content(Path::new("/nonexistent")), Content::Binary);
    }

    #[test]
    fn types_are_stripped_from() {
        for (version, wanted) in [
            ((20, 20), Stripping::No),
            ((22, 5), Stripping::No),
            ((22, 6), Stripping::ByFlag),
            ((22, 18), Stripping::Native),
            ((23, 5), Stripping::ByFlag),
            ((23, 6), Stripping::Native),
            ((24, 0), Stripping::Native),
        ] {
            assert_eq!(strips_types(version), wanted, "{version:?}");
        }
    }
}
