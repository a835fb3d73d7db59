//! A home that is deleted or renamed while its daemon runs.

use std::fs;
use std::path::Path;

use rustix::process::Signal;

use crate::harness::{
    Attack, Ward, kill, look_again_until, stop_process, text_when, wait_gone, when_changed,
};

fn one_daemon(ward: &Ward) -> u32 {
    let [daemon] = ward.daemons()[..] else {
        panic!("one daemon, not {:?}", ward.daemons())
    };
    daemon
}

/// Waits until somebody listens in the home.
fn wait_for_socket(ward: &Ward) {
    let socket = ward.home().join("rpc.sock");
    when_changed(
        "socket",
        &[&ward.home(), &socket],
        || std::os::unix::net::UnixStream::connect(&socket).is_ok(),
        |connected| *connected,
    );
}

/// The next command would start a second daemon, and the apps of the first could not be reached.
#[test]
fn a_home_that_is_deleted_is_made_anew_by_its_daemon() {
    let ward = Ward::new();
    ward.run(&["start", "/bin/sleep", "--name", "app", "--", "1000"])
        .succeeds();
    let (daemon, app) = (one_daemon(&ward), ward.pid("app"));
    fs::remove_dir_all(ward.home()).unwrap();
    wait_for_socket(&ward);
    assert_eq!(ward.pid("app"), app);
    assert_eq!(one_daemon(&ward), daemon);
    let pid_file = ward.home().join("pm2.pid");
    assert_eq!(fs::read_to_string(pid_file).unwrap(), daemon.to_string());
    ward.daemon_log_when(|log| log.contains("was deleted or replaced while the daemon ran"));
    ward.run(&["save"]).succeeds();
    // What it holds now is as good as the first home was.
    ward.bus();
    fs::remove_dir_all(ward.home()).unwrap();
    wait_for_socket(&ward);
    assert_eq!(ward.pid("app"), app);
    ward.run(&["kill"]).succeeds();
    wait_gone(daemon);
    for name in ["rpc.sock", "pub.sock", "pm2.pid"] {
        assert!(!ward.home().join(name).exists(), "{name} is left");
    }
}

#[test]
fn a_socket_that_is_deleted_is_made_anew() {
    let ward = Ward::new();
    ward.run(&["ping"]).succeeds();
    let daemon = one_daemon(&ward);
    for name in ["rpc.sock", "pub.sock", "ward.lock"] {
        let path = ward.home().join(name);
        fs::remove_file(&path).unwrap();
        let file = || path.exists();
        when_changed(name, &[&ward.home()], file, |there| *there);
        wait_for_socket(&ward);
        ward.bus();
        assert_eq!(one_daemon(&ward), daemon);
    }
}

#[test]
fn a_home_that_is_renamed_is_made_anew_and_the_old_one_stays() {
    let ward = Ward::new();
    ward.run(&["start", "/bin/sleep", "--name", "app", "--", "1000"])
        .succeeds();
    ward.run(&["save"]).succeeds();
    let old = ward.root().join("old");
    fs::rename(ward.home(), &old).unwrap();
    wait_for_socket(&ward);
    assert_eq!(ward.status("app"), "online");
    assert!(old.join("dump.pm2").exists());
}

/// Whoever deletes the home again and again costs the daemon nothing that lasts.
#[test]
fn a_home_that_is_deleted_many_times_costs_no_memory_and_no_descriptors() {
    let ward = Ward::under_attack();
    ward.run(&["start", "/bin/sleep", "--name", "app", "--", "1000"])
        .succeeds();
    let (daemon, app) = (one_daemon(&ward), ward.pid("app"));
    let attack = Attack::begin(&ward);
    let descriptors = || fs::read_dir(format!("/proc/{daemon}/fd")).unwrap().count();
    let before = descriptors();
    let gone = ward.root().join("gone");
    for _ in 0..50 {
        // In one step: the daemon may still be making the rest of the last one.
        fs::rename(ward.home(), &gone).unwrap();
        wait_for_socket(&ward);
        fs::remove_dir_all(&gone).unwrap();
    }
    attack.end();
    look_again_until("as many descriptors", descriptors, |count| *count <= before);
    assert_eq!(ward.pid("app"), app);
}

/// What the daemon wrote to the log that was deleted.
fn last_words(daemon: u32) -> String {
    fs::read_to_string(format!("/proc/{daemon}/fd/2")).unwrap_or_default()
}

/// Two daemons for one path, as it was before a home was made anew: here the first one is stopped
/// while its home is deleted, so it comes too late.
#[test]
fn a_daemon_that_lost_its_home_leaves_that_of_its_successor_alone() {
    let ward = Ward::new();
    ward.run(&["start", "/bin/sleep", "--name", "app", "--", "1000"])
        .succeeds();
    let (first, app) = (one_daemon(&ward), ward.pid("app"));
    stop_process(first);
    fs::remove_dir_all(ward.home()).unwrap();
    ward.run(&["ping"]).succeeds();
    let all = ward.daemons();
    let second = *all.iter().find(|pid| **pid != first).expect("a second one");
    kill(first, Signal::CONT);
    let said = |text: &String| text.contains("a daemon runs already for this home");
    look_again_until("complaint", || last_words(first), said);
    assert!(crate::harness::alive(app), "its apps run on");
    // It takes its home again when the second is gone.
    ward.run(&["kill"]).succeeds();
    wait_gone(second);
    wait_for_socket(&ward);
    assert_eq!(ward.pid("app"), app);
    assert_eq!(one_daemon(&ward), first);
}

#[test]
fn the_end_of_a_daemon_that_lost_its_home_removes_nothing_of_its_successor() {
    let ward = Ward::new();
    ward.run(&["ping"]).succeeds();
    let first = one_daemon(&ward);
    stop_process(first);
    fs::remove_dir_all(ward.home()).unwrap();
    ward.run(&["ping"]).succeeds();
    let all = ward.daemons();
    let second = *all.iter().find(|pid| **pid != first).expect("a second one");
    // It ends as soon as it runs again: with the signal pending it never sees its home.
    kill(first, Signal::TERM);
    kill(first, Signal::CONT);
    wait_gone(first);
    ward.run(&["ping"]).succeeds().prints("pong");
    assert_eq!(one_daemon(&ward), second);
    let pid = text_when(&ward.home().join("pm2.pid"), |text| !text.is_empty());
    assert_eq!(pid, second.to_string());
    assert!(Path::new(&ward.home()).join("pub.sock").exists());
}
