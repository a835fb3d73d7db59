//! The agent: a few lines that Node loads before the app. Only code inside the process can end
//! keep-alive and HTTP/2 connections without cutting a request, and only it can tell what goes on
//! in there. It is one file made of parts; an app that wants no instrumentation gets a shorter one.

#[cfg(test)]
mod tests;

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Drains connections when asked.
const DRAIN: &str = concat!(
    include_str!("agent/start.cjs"),
    include_str!("agent/drain.cjs"),
    include_str!("agent/settle.cjs")
);

/// Drains, and reports.
const WHOLE: &str = concat!(
    include_str!("agent/start.cjs"),
    include_str!("agent/drain.cjs"),
    include_str!("agent/settle.cjs"),
    include_str!("agent/report.cjs")
);

/// Which parts of the agent a worker loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parts {
    /// Draining alone.
    Drain,
    /// Everything.
    Whole,
}

impl Parts {
    const fn source(self) -> &'static str {
        match self {
            Self::Drain => DRAIN,
            Self::Whole => WHOLE,
        }
    }

    /// Where the agent of this version is, in a home.
    fn path(self, home: &Path) -> PathBuf {
        let name = match self {
            Self::Drain => concat!("agent-drain-", env!("CARGO_PKG_VERSION"), ".cjs"),
            Self::Whole => concat!("agent-", env!("CARGO_PKG_VERSION"), ".cjs"),
        };
        home.join(name)
    }
}

/// The number of the next draft.
static DRAFTS: AtomicU64 = AtomicU64::new(0);

/// Writes the agent into the home unless it is there.
pub(crate) fn install(home: &Path, parts: Parts) -> io::Result<PathBuf> {
    let path = parts.path(home);
    if fs::read(&path).is_ok_and(|found| found == parts.source().as_bytes()) {
        return Ok(path);
    }
    // Workers that start together are prepared by several threads: each writes a draft of its own.
    let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
    let draft = path.with_extension(format!("{}-{number}.new", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    let written = file
        .write_all(parts.source().as_bytes())
        .and_then(|()| fs::rename(&draft, &path));
    if written.is_err() {
        // A draft that cannot be removed is no worse than the disk that refused it.
        fs::remove_file(&draft).ok();
    }
    written.map(|()| path)
}

/// How many words it takes to load the agent.
pub(crate) fn words(has_agent: bool) -> usize {
    if has_agent { 2 } else { 0 }
}

/// Lets the command of a worker load the agent at `path`, before its script at place `script`. False
/// when it has to do without: under Node's permission model the file could not be read, and the app
/// would not start.
pub(crate) fn load(argv: &mut Vec<String>, script: Option<usize>, path: &Path) -> bool {
    let place = script.unwrap_or(1);
    if argv[..place]
        .iter()
        .any(|word| word.ends_with("-permission"))
    {
        return false;
    }
    argv.splice(
        place..place,
        ["--require".to_owned(), path.display().to_string()],
    );
    true
}
