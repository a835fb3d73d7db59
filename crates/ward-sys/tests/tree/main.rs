//! Whole trees: found, signalled, killed, collected. The tests share one process, and with it one sub-reaper and one
//! reaper, so they take turns.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cgroups;
#[path = "../common/mod.rs"]
mod common;
mod elusive;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use common::{PATIENCE, command, line, start};
use ward_sys::cgroup::Cgroup;
use ward_sys::proc::{Sampler, Scanner};
use ward_sys::reap::ExitStatus;
use ward_sys::signal::Signal;
use ward_sys::tree::{Life, Member};
use ward_sys::{Pid, proc, reap, tree};

const MARKER: &str = "unique_id=3c1f1a52-7c63-4b6e-9d58-2f8f7f0d2f11";

const ENV: (&str, &str) = ("unique_id", "3c1f1a52-7c63-4b6e-9d58-2f8f7f0d2f11");

fn my_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    // Before we adopt orphans: a compiler leaves some.
    common::ward_child();
    reap::become_subreaper().unwrap();
    turn
}

fn life(root: Pid, cgroup: Option<&Cgroup>) -> Life<'_> {
    Life {
        root,
        root_start_time: proc::start_time(root).ok(),
        marker: Some(MARKER.as_bytes()),
        others: &[],
        cgroup,
        seen: &[],
    }
}

fn members(life: &Life<'_>) -> Vec<Member> {
    tree::members(life, &mut Scanner::new().unwrap()).unwrap()
}

/// Kills round by round until nothing of the life is found any more. Collects none of it.
fn kill_all(life: &Life<'_>) {
    let mut scanner = Scanner::new().unwrap();
    let mut empty_scans = 0;
    // One empty scan may have missed a birth, or a process in the middle of `execve`, whose environment is not there
    // yet.
    while empty_scans < 2 {
        let members = tree::members(life, &mut scanner).unwrap();
        // One that is gone by now has no pidfd any more.
        let pidfds: Vec<_> = members
            .iter()
            .filter_map(|member| reap::pidfd_open(member.pid).ok())
            .collect();
        tree::kill_once(life, &mut scanner).unwrap();
        for pidfd in &pidfds {
            assert!(reap::ended(pidfd, PATIENCE).unwrap(), "it survives SIGKILL");
        }
        empty_scans = if members.is_empty() {
            empty_scans + 1
        } else {
            0
        };
    }
}

/// Collects one child.
fn collect(pid: Pid) -> ExitStatus {
    let pidfd = reap::pidfd_open(pid).unwrap();
    assert!(reap::ended(&pidfd, PATIENCE).unwrap());
    reap::wait_pidfd(&pidfd).unwrap().status
}

/// Collects all children, which must be dead or dying.
fn collect_all() -> BTreeMap<i32, ExitStatus> {
    let mut exits = BTreeMap::new();
    loop {
        while let Some(exited) = reap::next_exit().unwrap() {
            let pid = exited.pid.as_raw_nonzero().get();
            assert_eq!(exits.insert(pid, exited.status), None, "collected twice");
        }
        let Some(pid) = tree::own_children().unwrap().pop() else {
            return exits;
        };
        // One that is gone by now was collected by nobody but us, so it is there.
        assert!(reap::ended(reap::pidfd_open(pid).unwrap(), PATIENCE).unwrap());
    }
}

fn raw(pid: Pid) -> i32 {
    pid.as_raw_nonzero().get()
}

fn nobody(_: Pid) -> bool {
    false
}

fn pid_of(line: &str) -> Pid {
    Pid::from_raw(line.parse().unwrap()).unwrap()
}

#[test]
fn a_tree_is_found_deepest_first_and_killed() {
    let _turn = my_turn();
    let script = "pid fork pid fork pid hang";
    let (child, mut output) = start(command(script, &[ENV]));
    let pids: Vec<Pid> = (0..3).map(|_| pid_of(&line(&mut output))).collect();
    assert_eq!(pids[0], child.pid);
    let life = life(child.pid, None);
    assert!(!tree::is_empty(&life, |_| true));
    let found: Vec<Pid> = members(&life).iter().map(|member| member.pid).collect();
    assert_eq!(found, [pids[2], pids[1], pids[0]]);
    kill_all(&life);
    assert_eq!(members(&life), [], "zombies are not alive");
    // The others may have been collected by their dying parents.
    assert_eq!(
        collect_all()[&raw(pids[0])],
        ExitStatus::Signal(libc::SIGKILL, false)
    );
    assert!(tree::is_empty(&life, nobody));
}

#[test]
fn an_orphan_with_its_own_session_is_found_after_its_root_died() {
    let _turn = my_turn();
    let script = "orphan new-session pid fork pid hang -- exit 7";
    let (child, mut output) = start(command(script, &[ENV]));
    let life = life(child.pid, None);
    let orphans = [pid_of(&line(&mut output)), pid_of(&line(&mut output))];
    assert_eq!(collect(child.pid), ExitStatus::Code(7));
    assert!(
        tree::own_children().unwrap().contains(&orphans[0]),
        "we are the sub-reaper"
    );
    assert!(!tree::is_empty(&life, nobody), "an unknown child is ours");
    let found: Vec<(Pid, u32)> = members(&life).iter().map(|m| (m.pid, m.depth)).collect();
    assert_eq!(found, [(orphans[1], 1), (orphans[0], 0)]);
    kill_all(&life);
    assert_eq!(
        collect_all()[&raw(orphans[0])],
        ExitStatus::Signal(libc::SIGKILL, false)
    );
    assert!(tree::is_empty(&life, nobody));
}

#[test]
fn strangers_are_left_alone() {
    let _turn = my_turn();
    let other = ("unique_id", "another");
    let (stranger, mut output) = start(command("orphan new-session pid hang", &[other]));
    let orphan = pid_of(&line(&mut output));
    let (child, mut output) = start(command("out up hang", &[ENV]));
    line(&mut output);
    let life = life(child.pid, None);
    kill_all(&life);
    collect(stranger.pid);
    collect(child.pid);
    // Not by the cheap look, which cannot know whose orphan it is; by the scan.
    assert!(!tree::is_empty(&life, nobody));
    assert_eq!(members(&life), []);
    let start_time = proc::start_time(orphan).unwrap();
    let member = Member {
        pid: orphan,
        start_time,
        depth: 0,
    };
    assert_eq!(tree::signal_all(&[member], Signal::KILL), 1);
    assert_eq!(collect(orphan), ExitStatus::Signal(libc::SIGKILL, false));
    assert_eq!(collect_all().len(), 0);
}

#[test]
fn a_reused_pid_is_not_hit() {
    let _turn = my_turn();
    let (child, mut output) = start(command("exit-on TERM 5 out up hang", &[]));
    line(&mut output);
    let start_time = proc::start_time(child.pid).unwrap();
    let earlier = Member {
        pid: child.pid,
        start_time: start_time - 1,
        depth: 0,
    };
    assert_eq!(tree::signal_all(&[earlier], Signal::TERM), 0);
    let old = Life {
        root_start_time: Some(start_time - 1),
        ..life(child.pid, None)
    };
    assert_eq!(members(&old), [], "the session is of another life");
    let now = Member {
        start_time,
        ..earlier
    };
    assert_eq!(tree::signal_all(&[now], Signal::TERM), 1);
    assert_eq!(collect(child.pid), ExitStatus::Code(5));
}

#[test]
fn every_exit_is_collected_once() {
    let _turn = my_turn();
    let mut expected = BTreeMap::new();
    let mut pidfds = Vec::new();
    for code in 1..=8 {
        let (child, _output) = start(command(&format!("exit {code}"), &[]));
        expected.insert(raw(child.pid), ExitStatus::Code(code));
        pidfds.push(child.pidfd);
    }
    for pidfd in &pidfds {
        assert!(reap::ended(pidfd, PATIENCE).unwrap());
    }
    assert_eq!(collect_all(), expected);
}

#[test]
fn a_stubborn_forking_crowd_is_killed() {
    let _turn = my_turn();
    let hang = "ignore TERM ignore INT orphan ignore TERM new-session orphan ignore HUP pid hang";
    let (child, mut output) = start(command(hang, &[ENV]));
    let life = life(child.pid, None);
    let last = pid_of(&line(&mut output));
    // The parents of the last one may be on their way out; it ignores nothing but HUP, INT and TERM.
    tree::signal_all(&members(&life), Signal::TERM);
    kill_all(&life);
    assert!(proc::stat(last).map_or(true, |stat| stat.is_zombie()));
    collect_all();
    assert!(tree::is_empty(&life, nobody));
}

#[test]
fn usage_is_that_of_the_tree() {
    let _turn = my_turn();
    let (child, mut output) = start(command(
        "alloc 20 fork alloc 30 burn 60 out up hang",
        &[ENV],
    ));
    line(&mut output);
    let usage = Sampler::new().unwrap().tree_usage(&[child.pid]).unwrap()[&child.pid];
    assert!(usage.rss_bytes > 50 << 20, "{usage:?}");
    assert_eq!(usage.processes, 2);
    let burnt = Duration::from_millis(usage.cpu_ticks * 1000 / proc::ticks_per_second());
    assert!(burnt >= Duration::from_millis(20), "{burnt:?}");
    let args = proc::cmdline(child.pid).unwrap();
    assert_eq!(args[1..3], ["alloc", "20"]);
    kill_all(&life(child.pid, None));
    collect_all();
    assert!(
        Sampler::new()
            .unwrap()
            .tree_usage(&[child.pid])
            .unwrap()
            .is_empty()
    );
}
