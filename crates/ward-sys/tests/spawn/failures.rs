//! What fails says where, and a kernel without `clone3` is served, too.

use std::{fs, os::unix::fs::PermissionsExt};

use rustix::process::{Resource, Rlimit};
use ward_sys::{
    errno::Errno,
    reap::ExitStatus,
    spawn::{Command, Credentials, Limit, SpawnError, spawn},
};

use super::{is_root, run, shell};

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
