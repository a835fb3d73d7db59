//! Pipes in the place of files, files that others left, and a home with a long path.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{CWD, Mode, mkfifoat};

use crate::harness::Ward;

fn pipe(path: &Path) {
    fs::remove_file(path).ok();
    mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap();
}

/// Whoever opens a pipe for reading waits until somebody writes to it.
#[test]
fn a_pipe_in_the_place_of_a_file_is_an_error_and_no_wait() {
    let ward = Ward::new();
    ward.run(&["start", "/bin/sleep", "--name", "app", "--", "1000"])
        .succeeds();
    for name in ["dump.pm2", "dump.pm2.bak"] {
        pipe(&ward.home().join(name));
        ward.run(&["resurrect"])
            .fails()
            .complains("it is a pipe, not a regular file");
        fs::remove_file(ward.home().join(name)).unwrap();
    }
    pipe(&ward.home().join("dump.pm2"));
    ward.run(&["save"])
        .fails()
        .complains("it is a pipe, not a regular file");
    pipe(&ward.home().join("reload.lock"));
    ward.run(&["reload", "app"])
        .fails()
        .complains("it is a pipe, not a regular file");
    pipe(&ward.home().join("module_conf.json"));
    ward.run(&["start", "/bin/sleep", "--name", "b", "--", "1000"])
        .succeeds()
        .complains("module_conf.json cannot be read and is ignored: it is a pipe");
    for name in ["eco.json", "eco.yaml", "eco.config.js"] {
        pipe(&ward.dir().join(name));
        ward.run(&["start", name])
            .fails()
            .complains("it is a pipe, not a regular file");
    }
    symlink("/dev/zero", ward.dir().join("zero.json")).unwrap();
    ward.run(&["start", "zero.json"])
        .fails()
        .complains("it is a device, not a regular file");
    pipe(&ward.dir().join("script"));
    ward.run(&["start", "./script"]);
    pipe(&ward.home().join("pm2.log"));
    ward.run(&["report"]).succeeds();
    ward.run(&["logs", "--nostream"]).succeeds();
    ward.run(&["flush"]);
    ward.run(&["kill"]).succeeds();
    ward.run(&["ping"])
        .fails()
        .complains("it is a pipe that nobody reads, not a regular file");
}

#[test]
fn what_killed_saves_left_is_removed_by_the_next() {
    let ward = Ward::new();
    ward.run(&["start", "/bin/sleep", "--", "1000"]).succeeds();
    let left = ["dump.pm2.4711.tmp", "dump.pm2.0123456789abcdef.tmp"];
    for name in left {
        let file = File::create(ward.home().join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_hours(1))
            .unwrap();
    }
    ward.run(&["save"]).succeeds();
    for name in left {
        assert!(!ward.home().join(name).exists(), "{name} is still there");
    }
}

#[test]
fn a_reload_is_not_blocked_by_a_time_from_the_future_or_by_junk() {
    let ward = Ward::new();
    ward.run(&["start", "/bin/sleep", "--name", "app", "--", "1000"])
        .succeeds();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let future = (now + Duration::from_hours(24)).as_millis().to_string();
    for (text, why) in [
        (future.as_str(), "its time has not come yet"),
        ("junk\u{1b}[2J", "it does not hold a time"),
    ] {
        fs::write(ward.home().join("reload.lock"), text).unwrap();
        ward.run(&["reload", "app"]).succeeds().complains(why);
    }
    // One that PM2 has begun just now still counts.
    fs::write(ward.home().join("reload.lock"), now.as_millis().to_string()).unwrap();
    ward.run(&["reload", "app"])
        .fails()
        .complains("Reload already in progress");
}

/// An address of a Unix socket has room for 107 bytes.
#[test]
fn a_home_may_have_a_long_path() {
    let mut ward = Ward::new();
    let home = ward.root().join("d".repeat(100)).join("e".repeat(100));
    ward.set_env("WARD_HOME", &home.display().to_string());
    ward.run(&["start", "/bin/sleep", "--name", "app", "--", "1000"])
        .succeeds();
    ward.run(&["ls"]).succeeds().prints("online");
    let logs = ward.command(&["logs", "--nostream"]).output().unwrap();
    assert!(logs.status.success());
    ward.run(&["restart", "app"]).succeeds();
    ward.run(&["kill"]).succeeds();
    ward.set_env(
        "PM2_DAEMON_RPC_PORT",
        &home.join("s".repeat(150)).display().to_string(),
    );
    ward.run(&["ping"]).fails().complains("room for 107");
}

#[test]
fn an_app_may_be_called_like_an_option() {
    let ward = Ward::new();
    ward.run(&["start", "/bin/sleep", "--name", "--force", "--", "1000"])
        .succeeds();
    let pid = ward.pid("--force");
    for words in [
        &["restart", "--", "--force"][..],
        &["describe", "--", "--force"],
        &["stop", "--", "--force"],
        &["restart", "--", "--force", "--", "2000"],
        &["delete", "--", "--force"],
    ] {
        ward.run(words).succeeds();
        if words[0] == "restart" {
            assert_ne!(ward.pid("--force"), pid);
        }
    }
    assert!(ward.list().is_empty());
}
