//! What a spawned process starts with, and each way in which a spawn fails.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    io::Read,
    mem,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::PermissionsExt,
    },
    ptr,
    time::Duration,
};

use rustix::process::{Resource, Rlimit};
use ward_sys::{
    errno::Errno,
    reap::{self, ExitStatus},
    signal::{self, Signal},
    spawn::{Command, Credentials, Limit, SpawnError, Stdio, spawn},
};

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
    signal::ignore_pipe_and_hangup().unwrap();
    signal::ignore(Signal::USR2).unwrap();
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

fn failure(command: &Command) -> SpawnError {
    let error = spawn(command).unwrap_err();
    assert_eq!(
        own_children(),
        "",
        "{error}: the half-made process must be collected"
    );
    error
}

/// Children of the calling thread only: other tests run beside this one.
fn own_children() -> String {
    let thread = rustix::thread::gettid().as_raw_nonzero();
    fs::read_to_string(format!("/proc/self/task/{thread}/children")).unwrap_or_default()
}

#[test]
fn failures_name_their_step() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, text: &str, mode: u32| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let mut command = Command::new("/bin/true");
    command.cwd = "/nowhere/at/all".into();
    let error = failure(&command);
    assert_eq!(
        error.to_string(),
        "change to directory /nowhere/at/all: No such file or directory"
    );
    let SpawnError::Directory { errno, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(errno, Errno(libc::ENOENT));

    let error = failure(&Command::new("/nowhere/program"));
    assert_eq!(
        error.to_string(),
        "execute /nowhere/program: No such file or directory"
    );

    let locked = at("locked", "#!/bin/sh\n", 0o644);
    let error = failure(&Command::new(&locked));
    assert_eq!(
        error.to_string(),
        format!("execute {}: Permission denied", locked.display())
    );

    let error = failure(&Command::new(at("text", "echo no shebang\n", 0o755)));
    assert!(matches!(error, SpawnError::Format { .. }), "{error}");

    let script = at("script", "#! /no/such/interpreter -x\n", 0o755);
    let error = failure(&Command::new(&script));
    let expected = format!(
        "execute {}: its interpreter /no/such/interpreter does not exist",
        script.display()
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn impossible_settings_name_their_step() {
    let mut command = Command::new("/bin/true");
    command.argv.push("a\0b".into());
    assert!(matches!(failure(&command), SpawnError::Unpassable { .. }));

    let mut command = Command::new("/bin/true");
    command.env.push(("A=B".into(), "c".into()));
    assert!(matches!(failure(&command), SpawnError::Unpassable { .. }));

    let mut command = Command::new("/bin/true");
    command.oom_score_adj = Some(5000);
    assert!(matches!(
        failure(&command),
        SpawnError::OomScore { score: 5000, .. }
    ));

    let mut command = Command::new("/bin/true");
    let limit = Rlimit {
        current: Some(2),
        maximum: Some(1),
    };
    command.limits.push(Limit {
        resource: Resource::Stack,
        limit,
    });
    assert_eq!(
        failure(&command).to_string(),
        "set the resource limit Stack: Invalid argument"
    );

    let mut command = Command::new("/bin/true");
    command
        .fds
        .push((fs::File::open("/dev/null").unwrap().into(), 2));
    assert!(matches!(
        failure(&command),
        SpawnError::DescriptorNumber { target: 2 }
    ));

    let mut command = Command::new("/bin/true");
    command
        .fds
        .push((fs::File::open("/dev/null").unwrap().into(), i32::MAX - 1));
    assert!(matches!(failure(&command), SpawnError::Descriptor { .. }));
}

#[test]
fn credentials_that_fail_name_their_step() {
    if !is_root() {
        return;
    }
    let mut command = Command::new("/bin/true");
    let invalid = u32::MAX;
    command.credentials = Some(Credentials {
        uid: 1,
        gid: 1,
        groups: vec![invalid],
    });
    let error = failure(&command);
    assert!(matches!(error, SpawnError::Groups { .. }), "{error}");

    let mut command = Command::new("/bin/true");
    command.credentials = Some(Credentials {
        uid: 1,
        gid: invalid,
        groups: vec![],
    });
    let error = failure(&command);
    assert!(matches!(error, SpawnError::Gid { .. }), "{error}");

    let mut command = Command::new("/bin/true");
    command.credentials = Some(Credentials {
        uid: invalid,
        gid: 1,
        groups: vec![],
    });
    let error = failure(&command);
    assert!(matches!(error, SpawnError::Uid { .. }), "{error}");
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

/// Makes `clone3` unknown to the calling thread and its children, as Docker's default seccomp profile does.
fn forbid_clone3() {
    let load_number = libc::sock_filter {
        code: 0x20,
        jt: 0,
        jf: 0,
        k: 0,
    };
    let is_clone3 = libc::sock_filter {
        code: 0x15,
        jt: 0,
        jf: 1,
        k: u32::try_from(libc::SYS_clone3).unwrap(),
    };
    let answer = |k| libc::sock_filter {
        code: 0x06,
        jt: 0,
        jf: 0,
        k,
    };
    let errno = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned();
    let mut code = [
        load_number,
        is_clone3,
        answer(errno),
        answer(libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: 4,
        filter: code.as_mut_ptr(),
    };
    rustix::thread::set_no_new_privs(true).unwrap();
    // SAFETY: `program` and its code are live; the filter is for this thread only. (rustix has no seccomp.)
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            0,
            &raw const program,
        )
    };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn without_clone3_it_still_gets_its_cgroup() {
    let Some(hierarchy) = ward_sys::cgroup::Hierarchy::create() else {
        return;
    };
    let cgroup = hierarchy.cgroup("old").unwrap();
    let mut command = shell("cat /proc/self/cgroup");
    command.cgroup = Some(cgroup.directory().unwrap());
    let thread = std::thread::spawn(|| {
        forbid_clone3();
        run(command)
    });
    let (output, exit) = thread.join().unwrap();
    assert_eq!(exit, ExitStatus::Code(0));
    let own = output
        .lines()
        .find_map(|line| line.strip_prefix("0::"))
        .unwrap();
    assert!(
        cgroup.path().ends_with(own.trim_start_matches('/')),
        "{own}"
    );
    assert!(cgroup.remove());
    hierarchy.remove();
}
