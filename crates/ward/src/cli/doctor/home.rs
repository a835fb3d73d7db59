//! The home: its owner, who can change it, and who can read what is in it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ward_home::dump::{self, Entry};
use ward_home::{Paths, file};

use super::Report;
use super::access::{is_public, is_reachable, threat_above};

/// Mode bits of group and others with which they can connect to a socket.
const CONNECT: u32 = 0o022;

/// The most log files that are named.
const SHOWN: usize = 3;

/// Looks at folders, sockets and logs.
pub(super) fn examine(report: &mut Report, paths: &Paths) {
    let Ok(about) = paths.home.metadata() else {
        report.fact("home", format!("{} (not there)", paths.home.display()));
        return;
    };
    let (home, owner) = (paths.home.display(), about.uid());
    report.fact(
        "home",
        format!("{home} (user {owner}, mode {:o})", about.mode() & 0o7777),
    );
    if let Err(error) = paths.check() {
        report.problem(error.to_string(), error.hint());
    }
    let user = rustix::process::geteuid().as_raw();
    if owner != user {
        report.problem(
            format!("the home belongs to user {owner}, who can change all that user {user} starts from it"),
            format!("set WARD_HOME to a folder of user {user}, or: sudo chown -R {user} {home}"),
        );
    }
    if let Some(threat) = threat_above(&paths.home, &[owner]) {
        let text = format!("the home can be replaced by others: {}", threat.text());
        report.problem(text, threat.mend());
    }
    for socket in [&paths.rpc_socket, &paths.pub_socket] {
        examine_socket(report, socket);
    }
    let mut logs = public_in(&paths.logs);
    logs.extend(Some(paths.daemon_log.clone()).filter(|log| is_public(log)));
    if let Some(first) = logs.first() {
        let names: Vec<String> = logs
            .iter()
            .take(SHOWN)
            .map(|log| log.display().to_string())
            .collect();
        let text = format!(
            "every user can read {} log files: {} …",
            logs.len(),
            names.join(", ")
        );
        let folder = first.parent().unwrap_or(first).display();
        report.note(text, format!("chmod -R go-rwx {folder}"));
    }
}

/// Whoever can connect to a socket controls all apps, or reads their output.
fn examine_socket(report: &mut Report, socket: &Path) {
    let Ok(about) = fs::symlink_metadata(socket) else {
        return;
    };
    if about.mode() & CONNECT != 0 && is_reachable(socket) {
        report.problem(
            format!(
                "others can connect to {} (mode {:o}) and control all apps",
                socket.display(),
                about.mode() & 0o777
            ),
            format!("chmod 600 {}", socket.display()),
        );
    }
    let owner = about.uid();
    if owner != 0
        && socket
            .metadata()
            .is_ok_and(|socket| socket.uid() != rustix::process::geteuid().as_raw())
    {
        let text = format!(
            "user {owner} can connect to {} and control all apps",
            socket.display()
        );
        report.note(text, None);
    }
}

fn public_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| is_public(path))
        .collect()
}

/// The saved lists, the newest first, as far as they can be read.
pub(super) fn saved(paths: &Paths) -> Vec<(PathBuf, Vec<Entry>)> {
    let older = (1..=dump::GENERATIONS).map(|number| dump::generation(paths, number));
    let files = [paths.dump.clone(), paths.dump_backup.clone()];
    let read = |path: PathBuf| {
        let text = file::read(&path, file::LARGEST_DUMP).ok()?;
        Some((path, dump::decode(&text).ok()?))
    };
    files.into_iter().chain(older).filter_map(read).collect()
}
