//! Log files, and the environment of an app of another user.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};

use super::{NOBODY, as_root};
use crate::harness::{Ward, text_when};

/// Says a line for each that it is told.
const ECHO: &str =
    "process.stdin.on('data', (data) => process.stdout.write(data)); console.log('here')";

#[test]
fn a_log_file_that_is_a_link_to_roots_file_is_refused() {
    let Some(world) = as_root(Ward::new()) else {
        return;
    };
    let link = world.link("out.log");
    world.declare(ECHO, &format!("out_file: {link:?}"));
    let refused = world.start().fails();
    refused.complains("the user nobody may not");
    world.ward.run(&["flush"]).succeeds();
    world.check();
}

#[test]
fn a_log_file_exchanged_for_a_link_gets_nothing_written_and_is_not_emptied() {
    let Some(world) = as_root(Ward::new()) else {
        return;
    };
    let log = world.own.join("out.log");
    world.declare(ECHO, &format!("out_file: {log:?}, error_file: '/dev/null'"));
    world.start().succeeds();
    text_when(&log, |text| text == "here\n");
    assert_eq!(fs::metadata(&log).unwrap().uid(), NOBODY);
    fs::rename(&log, world.own.join("old.log")).unwrap();
    world.link("out.log");
    world.ward.run(&["reloadLogs"]).succeeds();
    let told = world
        .ward
        .daemon_log_when(|text| text.contains("cannot reopen"));
    assert!(told.contains("the user nobody may not"), "{told}");
    world.ward.run(&["send", "0", "more"]).succeeds();
    text_when(&world.own.join("old.log"), |text| text == "here\nmore\n");
    world.ward.run(&["stop", "app"]).succeeds();
    world.ward.run(&["flush", "app"]).succeeds();
    world.check();
    // The next start fails rather than to write there.
    world.ward.run(&["restart", "app"]).fails();
    world.check();
}

/// What worked under PM2 goes on working: a file in a folder of root's, and the places ward chooses itself.
#[test]
fn root_may_give_an_app_a_log_that_its_user_cannot_open() {
    let Some(world) = as_root(Ward::new()) else {
        return;
    };
    world.declare(ECHO, "");
    world.start().succeeds();
    world.ward.log_when("app-out.log", |text| text == "here\n");
    let pid = world.ward.home().join("pids/app-0.pid");
    assert_eq!(
        fs::read_to_string(&pid).unwrap(),
        world.ward.pid("app").to_string()
    );
    world.ward.run(&["delete", "app"]).succeeds();
    assert!(!pid.exists(), "the pid file is removed");
    let folder = tempfile::tempdir_in("/root").unwrap();
    let log = folder.path().join("deep/app.log");
    world.declare(ECHO, &format!("out_file: {log:?}"));
    world.start().succeeds();
    text_when(&log, |text| text == "here\n");
    world.ward.run(&["delete", "app"]).succeeds();
    // Not where somebody else can exchange it.
    chown(folder.path().join("deep"), Some(12345), None).unwrap();
    let refused = world.start().fails();
    refused.complains("the user nobody may not, and others than root can change");
}

#[test]
fn an_app_of_another_user_has_that_users_environment() {
    let ward = Ward::new()
        .with_env("SSH_AUTH_SOCK", "/tmp/agent")
        .with_env("SUDO_UID", "1000")
        .with_env("XAUTHORITY", "/root/x")
        .with_env("XDG_RUNTIME_DIR", "/run/user/0")
        .with_env("USER", "root")
        .with_env("LOGNAME", "root");
    let Some(world) = as_root(ward) else {
        return;
    };
    world.declare(ECHO, "env: { XDG_RUNTIME_DIR: '/declared' }");
    world.start().succeeds();
    let environ = world.ward.environ("app");
    let value = |name: &str| {
        let found = environ.iter().find_map(|line| line.strip_prefix(name));
        found.and_then(|rest| rest.strip_prefix('='))
    };
    for name in ["USER", "LOGNAME", "username"] {
        assert_eq!(value(name), Some("nobody"), "{name}");
    }
    assert_ne!(value("HOME"), Some(world.ward.root().to_str().unwrap()));
    assert!(value("SHELL").is_some());
    assert_eq!(value("XDG_RUNTIME_DIR"), Some("/declared"));
    for name in ["SSH_AUTH_SOCK", "SUDO_UID", "XAUTHORITY"] {
        assert_eq!(value(name), None, "{name}");
    }
}
