//! What a spawned process starts with, and each way in which a spawn fails.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod failures;

use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;
use std::{fs, mem, ptr};

use rustix::process::{Resource, Rlimit};
use ward_sys::reap::ExitStatus;
use ward_sys::signal::Signal;
use ward_sys::spawn::{Command, Credentials, Limit, Stdio, spawn};
use ward_sys::{reap, signal};

const PATIENCE: Duration = Duration::from_secs(20);

/// Runs to the end and returns the output and how it ended.
fn run(mut command: Command) -> (String, ExitStatus) {
    let (mut reader, writer) = std::io::pipe().unwrap();
    command.stdout = Stdio::Fd(OwnedFd::from(writer));
    let child = spawn(&command).unwrap();
    drop(command);
    let mut output = String::new();
    reader.read_to_string(&mut output).unwrap();
    assert!(reap::ended(&child.pidfd, PATIENCE).unwrap());
    let exited = reap::wait_pidfd(&child.pidfd).unwrap();
    assert_eq!(exited.pid, child.pid);
    (output, exited.status)
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.argv = vec!["sh".into(), "-c".into(), script.into()];
    command.env = vec![("PATH".into(), "/usr/bin:/bin".into())];
    command
}

fn field<'a>(status: &'a str, name: &str) -> &'a str {
    status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap()
        .trim()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Holds back these signals in this thread.
fn block(signals: &[Signal]) {
    // SAFETY: a plain array of integers, for which zero is valid; it also is the empty set.
    let mut set: libc::sigset_t = unsafe { mem::zeroed() };
    for signal in signals {
        // SAFETY: `set` is initialised; a `Signal` is always a valid number.
        unsafe { libc::sigaddset(&raw mut set, signal.as_raw()) };
    }
    // SAFETY: `set` is initialised, the old mask is not asked for.
    let error = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) };
    assert_eq!(error, 0);
}

#[test]
fn signals_are_as_new() {
    signal::ignore_meaningless();
    block(&[Signal::USR1, Signal::CHILD]);
    let mut command = Command::new("/bin/cat");
    command.argv.push("/proc/self/status".into());
    let (status, exit) = run(command);
    assert_eq!(exit, ExitStatus::Code(0));
    for mask in ["SigBlk:", "SigIgn:", "SigPnd:", "ShdPnd:"] {
        assert_eq!(field(&status, mask), "0000000000000000", "{mask}");
    }
    // And ours are as they were.
    let own = fs::read_to_string("/proc/thread-self/status").unwrap();
    let ignored = u64::from_str_radix(field(&own, "SigIgn:"), 16).unwrap();
    for signal in [
        Signal::HUP,
        Signal::USR1,
        Signal::USR2,
        Signal::ALARM,
        Signal::XFSZ,
    ] {
        assert!(ignored & 1 << (signal.as_raw() - 1) != 0, "{signal:?}");
    }
    assert_eq!(
        u64::from_str_radix(field(&own, "SigBlk:"), 16).unwrap(),
        1 << 9 | 1 << 16
    );
}

#[test]
fn it_leads_its_own_session_and_group() {
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = Command::new("/bin/cat");
    command.stdin = Stdio::Fd(reader.into());
    let child = spawn(&command).unwrap();
    assert_eq!(rustix::process::getsid(Some(child.pid)).unwrap(), child.pid);
    assert_eq!(
        rustix::process::getpgid(Some(child.pid)).unwrap(),
        child.pid
    );
    assert_eq!(
        reap::pid_of(std::os::fd::AsFd::as_fd(&child.pidfd)).unwrap(),
        child.pid
    );
    drop(writer);
    assert_eq!(
        reap::wait_pidfd(&child.pidfd).unwrap().status,
        ExitStatus::Code(0)
    );
    assert!(!reap::pidfd_signal(&child.pidfd, Signal::TERM).unwrap());
}

#[test]
fn it_has_the_given_descriptors_and_no_others() {
    // One that is not close-on-exec, as if the daemon had inherited it.
    let (leak, _other) = std::io::pipe().unwrap();
    rustix::io::fcntl_setfd(&leak, rustix::io::FdFlags::empty()).unwrap();
    let (_reader, writer) = std::io::pipe().unwrap();
    let mut command = shell(
        "for fd in $(seq 0 99); do test -e /proc/$$/fd/$fd && printf '%s ' $fd; done; echo
        readlink /proc/self/fd/3; echo $A",
    );
    command.fds.push((OwnedFd::from(writer), 3));
    command
        .env
        .push(("A".into(), "a value with = and spaces".into()));
    let (output, _) = run(command);
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines[0], "0 1 2 3 ");
    assert!(lines[1].starts_with("pipe:"), "{output}");
    assert_eq!(lines[2], "a value with = and spaces");
}

#[test]
fn targets_may_collide_with_sources() {
    // Sources get the lowest free numbers, targets are those very numbers, crosswise.
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for name in ["a", "b", "c"] {
        fs::write(folder.path().join(name), name).unwrap();
        files.push(OwnedFd::from(
            fs::File::open(folder.path().join(name)).unwrap(),
        ));
    }
    let numbers: Vec<i32> = files.iter().map(AsRawFd::as_raw_fd).collect();
    let mut command = shell(&format!(
        "cd /proc/self/fd; cat {} {} {}",
        numbers[1], numbers[2], numbers[0]
    ));
    for (file, target) in files.into_iter().zip([numbers[1], numbers[2], numbers[0]]) {
        command.fds.push((file, target));
    }
    let (output, _) = run(command);
    assert_eq!(output, "abc");
}

#[test]
fn settings_arrive() {
    let mut command = shell("umask; nice; ulimit -n; ulimit -c; pwd; cat /proc/self/oom_score_adj");
    command.umask = Some(0o027);
    command.nice = Some(7);
    command.oom_score_adj = Some(321);
    command.cwd = "/usr".into();
    command.limits = vec![
        Limit {
            resource: Resource::Nofile,
            limit: Rlimit {
                current: Some(99),
                maximum: Some(100),
            },
        },
        Limit {
            resource: Resource::Core,
            limit: Rlimit {
                current: Some(0),
                maximum: None,
            },
        },
    ];
    let (output, _) = run(command);
    assert_eq!(
        output.lines().collect::<Vec<_>>(),
        ["0027", "7", "99", "0", "/usr", "321"]
    );
}

#[test]
fn credentials_are_taken_on() {
    if !is_root() {
        return;
    }
    let mut command = shell("id -u; id -g; id -G; cat /proc/self/status");
    command.credentials = Some(Credentials {
        uid: 65534,
        gid: 65533,
        groups: vec![7, 8],
    });
    let (output, exit) = run(command);
    assert_eq!(exit, ExitStatus::Code(0));
    assert_eq!(
        output.lines().take(3).collect::<Vec<_>>(),
        ["65534", "65533", "65533 7 8"]
    );
    assert_eq!(field(&output, "Uid:"), "65534\t65534\t65534\t65534");
    assert_eq!(field(&output, "CapEff:"), "0000000000000000");
    // The daemon is not affected: its memory can still be looked at by itself.
    assert!(fs::File::open("/proc/self/environ").is_ok());
}

#[test]
fn signals_end_it() {
    let mut command = Command::new("/bin/sleep");
    command.argv.push("1000".into());
    let child = spawn(&command).unwrap();
    assert!(reap::pidfd_signal(&child.pidfd, Signal::TERM).unwrap());
    assert!(reap::ended(&child.pidfd, PATIENCE).unwrap());
    let status = reap::wait_pidfd(&child.pidfd).unwrap().status;
    assert_eq!(status, ExitStatus::Signal(libc::SIGTERM, false));
}

#[test]
fn many_threads_spawn_at_once() {
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            std::thread::spawn(move || {
                for round in 0..25 {
                    let (output, exit) =
                        run(shell(&format!("echo {thread} {round}; exit {thread}")));
                    assert_eq!(output, format!("{thread} {round}\n"));
                    assert_eq!(exit, ExitStatus::Code(thread));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}
