//! The starter learns what became of its daemon, without polling.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use ward_sys::daemonize::{Launch, Outcome};
use ward_sys::lock::Lock;
use ward_sys::reap::ExitStatus;
use ward_sys::signal::Signal;
use ward_sys::{daemonize, reap};

const PATIENCE: Duration = Duration::from_secs(20);

fn launch(script: &str, log: &Path, lock: Option<OwnedFd>) -> daemonize::Starting {
    let log = File::options().create(true).append(true).open(log).unwrap();
    daemonize::start(Launch {
        program: "/bin/sh".into(),
        argv: vec!["daemon".into(), "-c".into(), script.into()],
        env: vec![("PATH".into(), "/usr/bin:/bin".into())],
        log: log.into(),
        lock,
    })
    .unwrap()
}

#[test]
fn a_ready_daemon_says_so_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let script = "pwd; echo problem >&2; read nothing; echo ready $$ >&$WARD_READY_FD; exec 3>&-; \
                  exec sleep 1000";
    let starting = launch(script, &log, None);
    let pid = starting.child.pid;
    let pidfd = starting.child.pidfd.try_clone().unwrap();
    let outcome = starting.wait(PATIENCE).unwrap();
    assert_eq!(
        outcome,
        Outcome::Said(format!("ready {}", pid.as_raw_nonzero()))
    );
    assert_eq!(rustix::process::getsid(Some(pid)).unwrap(), pid);
    let mut text = String::new();
    File::open(&log).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "/\nproblem\n");
    assert!(reap::pidfd_signal(&pidfd, Signal::KILL).unwrap());
    reap::wait_pidfd(&pidfd).unwrap();
}

#[test]
fn a_dead_daemon_is_noticed_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = launch("exit 9", &folder.path().join("log"), None)
        .wait(PATIENCE)
        .unwrap();
    assert_eq!(outcome, Outcome::Died(ExitStatus::Code(9)));
}

#[test]
fn a_silent_daemon_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let starting = launch("exec sleep 1000", &folder.path().join("log"), None);
    let pidfd = starting.child.pidfd.try_clone().unwrap();
    assert_eq!(
        starting.wait(Duration::from_millis(20)).unwrap(),
        Outcome::TimedOut
    );
    reap::pidfd_signal(&pidfd, Signal::KILL).unwrap();
    reap::wait_pidfd(&pidfd).unwrap();
}

#[test]
fn the_lock_goes_over_without_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let lock = Lock::try_acquire(&path).unwrap().unwrap();
    let script = "echo up $WARD_LOCK_FD >&3; exec sleep 1000";
    let starting = launch(
        script,
        &folder.path().join("log"),
        Some(lock.share().unwrap()),
    );
    let pidfd = starting.child.pidfd.try_clone().unwrap();
    assert_eq!(
        starting.wait(PATIENCE).unwrap(),
        Outcome::Said("up 4".to_owned())
    );
    drop(lock);
    assert!(
        Lock::try_acquire(&path).unwrap().is_none(),
        "the daemon holds it"
    );
    reap::pidfd_signal(&pidfd, Signal::KILL).unwrap();
    reap::wait_pidfd(&pidfd).unwrap();
    // A child that another test is just making may have copies of our descriptors until it runs its
    // program: the lock is free a moment later.
    Lock::acquire(&path).unwrap();
}
