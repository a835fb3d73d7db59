//! The draining agent: a few lines that Node loads before the app, and that do nothing until the
//! daemon asks. Only code inside the process can end keep-alive and HTTP/2 connections without
//! cutting a request.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::Runtime;

const SOURCE: &str = include_str!("agent.cjs");

/// Where the agent of this version is, in a home.
fn path(home: &Path) -> PathBuf {
    home.join(format!("agent-{}.cjs", env!("CARGO_PKG_VERSION")))
}

/// Writes the agent into the home unless it is there.
fn install(home: &Path) -> io::Result<PathBuf> {
    let path = path(home);
    if fs::read(&path).is_ok_and(|found| found == SOURCE.as_bytes()) {
        return Ok(path);
    }
    let draft = path.with_extension("cjs.new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(SOURCE.as_bytes())?;
    fs::rename(&draft, &path)?;
    Ok(path)
}

/// Lets a worker load the agent. False when it has to do without: it is no Node, it runs as
/// somebody who cannot read our home, the home cannot be written, or files cannot be read.
pub(crate) fn preload(argv: &mut Vec<String>, script: &str, home: &Path) -> bool {
    let is_node = argv
        .first()
        .is_some_and(|it| Runtime::of(it) == Some(Runtime::Node));
    let place = argv.iter().skip(1).position(|word| word == script);
    let (true, Some(place)) = (is_node, place) else {
        return false;
    };
    // Under Node's permission model it could not be read, and the app would not start.
    if argv[..=place]
        .iter()
        .any(|word| word.ends_with("-permission"))
    {
        return false;
    }
    let Ok(path) = install(home) else {
        return false;
    };
    argv.insert(place + 1, path.display().to_string());
    argv.insert(place + 1, "--require".to_owned());
    true
}
