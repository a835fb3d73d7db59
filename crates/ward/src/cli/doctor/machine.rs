//! The daemon's process, and what the kernel offers it.

use std::fs;
use std::os::unix::fs::MetadataExt;

use ward_home::Paths;
use ward_sys::Pid;

use super::Report;

/// With fewer descriptors a few dozen apps are the most; each takes about six.
const FEW_FILES: u64 = 1024;

/// Looks at the daemon, if one runs.
pub(super) fn examine(report: &mut Report, paths: &Paths, daemon: Option<u64>) {
    let user = rustix::process::geteuid().as_raw();
    report.fact("user", user.to_string());
    match daemon {
        None => report.fact("daemon", "none runs, or it does not answer"),
        Some(pid) => examine_daemon(report, paths, pid),
    }
    let ports = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
    if let Ok(first) = fs::read_to_string(ports) {
        report.fact("ports for everybody", format!("from {}", first.trim()));
    }
}

fn examine_daemon(report: &mut Report, paths: &Paths, pid: u64) {
    let Some(owner) = user_of(Some(pid)) else {
        return;
    };
    report.fact("daemon", format!("process {pid}, user {owner}"));
    if let Ok(home) = paths.home.metadata()
        && home.uid() != owner
    {
        report.problem(
            format!(
                "the daemon runs as user {owner}, its home belongs to user {}",
                home.uid()
            ),
            format!("sudo chown -R {owner} {}", paths.home.display()),
        );
    }
    let known = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let cgroups = known.is_some_and(ward_sys::cgroup::has_lives);
    report.fact(
        "cgroups",
        if cgroups {
            "one for each app"
        } else {
            "not available"
        },
    );
    if !cgroups {
        report.note(
            "without cgroups, a process of an app that leaves its session, loses its parent and clears its \
             environment can outlive the app",
            "let the daemon write to its cgroup (v2): Delegate=yes in a unit of systemd".to_owned(),
        );
    }
    if let Some(files) = open_files(pid) {
        report.fact("open files", files.to_string());
        if files < FEW_FILES {
            report.note(
                format!("the daemon may open {files} files only, and each app takes about six"),
                "raise `ulimit -n` or LimitNOFILE= before the daemon starts".to_owned(),
            );
        }
    }
}

/// The user of a process.
pub(super) fn user_of(process: Option<u64>) -> Option<u32> {
    let about = fs::metadata(format!("/proc/{}", process?)).ok()?;
    Some(about.uid())
}

/// The limit on open files of a process (`/proc/PID/limits`, proc(5)); the hard one, to which the
/// daemon may raise its own.
fn open_files(process: u64) -> Option<u64> {
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
