//! Processes that do what they can not to be found, without a cgroup.

use ward_sys::proc::Scanner;
use ward_sys::signal::Signal;
use ward_sys::tree::{self, Life};
use ward_sys::{proc, reap};

use super::{ENV, PATIENCE, collect, collect_all, command, life, line, members, my_turn, nobody};
use super::{pid_of, start};

/// It leaves the session, clears its environment and loses its parent, but was seen before the last.
#[test]
fn what_was_seen_stays_a_member() {
    let _turn = my_turn();
    let script = "fork new-session clear-env pid hang -- exit-on TERM 3 out up hang";
    let (child, mut output) = start(command(script, &[ENV]));
    let (mut first, second) = (line(&mut output), line(&mut output));
    if first == "up" {
        first = second;
    }
    let hidden = pid_of(&first);
    let unseen = life(child.pid, None);
    let seen = members(&unseen);
    assert_eq!(seen.len(), 2);
    assert_eq!(tree::signal_all(&seen[1..], Signal::TERM), 1);
    collect(child.pid);
    assert_eq!(members(&unseen), [], "nothing leads to it any more");
    let seen = Life {
        seen: &seen,
        ..unseen
    };
    assert!(!tree::is_empty(&seen, |_| true));
    let found = members(&seen);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].pid, hidden);
    let pidfd = reap::pidfd_open(hidden).unwrap();
    let killed = tree::kill_once(&seen, &mut Scanner::new().unwrap()).unwrap();
    assert_eq!(killed, found);
    assert!(reap::ended(&pidfd, PATIENCE).unwrap());
    collect_all();
}

/// By the time a scan has reached it, it is another process.
#[test]
fn what_is_another_process_all_the_time_is_stopped_and_killed() {
    let _turn = my_turn();
    let (child, _output) = start(command("orphan ignore INT hop -- hang", &[ENV]));
    let life = life(child.pid, None);
    let mut scanner = Scanner::new().unwrap();
    let mut rounds = 0;
    loop {
        tree::kill_once(&life, &mut scanner).unwrap();
        rounds += 1;
        // Of what was born by now, only what could not be stopped lives on.
        if members(&life).is_empty() {
            break;
        }
        assert!(rounds < 50, "it escapes");
        // As the daemon does it; a zombie for each process it was slows down every look.
        while reap::next_exit().unwrap().is_some() {}
    }
    collect_all();
    assert!(tree::is_empty(&life, nobody));
    assert!(proc::stat(child.pid).is_err());
}

/// Whoever ends its children finds them begun anew by what it has not reached yet.
#[test]
fn what_starts_its_children_again_is_stopped_first() {
    let _turn = my_turn();
    let mut shell = ward_sys::spawn::Command::new("/bin/sh");
    let script = "(trap '' INT TERM; while :; do setsid -w sleep 1000; done) & \
                  (trap '' INT TERM; while :; do setsid -w sleep 1000; done) & wait";
    shell.argv = vec!["sh".into(), "-c".into(), script.into()];
    shell.env = vec![
        ("PATH".into(), "/usr/bin:/bin".into()),
        (ENV.0.into(), ENV.1.into()),
    ];
    let (child, _output) = start(shell);
    let life = life(child.pid, None);
    while members(&life).len() < 5 {
        std::thread::yield_now();
    }
    let mut scanner = Scanner::new().unwrap();
    let killed = tree::kill_once(&life, &mut scanner).unwrap();
    assert!(killed.len() >= 5, "{killed:?}");
    for member in &killed {
        if let Ok(pidfd) = reap::pidfd_open(member.pid) {
            assert!(reap::ended(&pidfd, PATIENCE).unwrap());
        }
    }
    assert_eq!(members(&life), [], "one round was enough");
    collect_all();
}
