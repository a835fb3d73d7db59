//! Processes, as the kernel shows them.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Instant;

use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use super::DEADLINE;
use super::wait::{look_again_until, readable};

fn known(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("not 0")
}

/// Sends a signal to a process.
pub(crate) fn kill(pid: u32, signal: Signal) {
    kill_process(known(pid), signal).ok();
}

/// Waits until a process has ended.
pub(crate) fn wait_gone(pid: u32) {
    let Ok(pidfd) = pidfd_open(known(pid), PidfdFlags::empty()) else {
        return;
    };
    let gone = readable(&pidfd, Instant::now() + DEADLINE);
    assert!(gone, "process {pid} is still there");
}

/// Stops a process, and waits until it stands still.
pub(crate) fn stop_process(pid: u32) {
    kill(pid, Signal::STOP);
    let what = format!("process {pid} that stands still");
    look_again_until(&what, || state_of(pid), |state| *state == Some('T'));
}

/// Waits for a moment in which no thread of a process has anything to do. One that spins never has such a moment.
pub(crate) fn wait_at_rest(pid: u32) {
    let states = || -> String {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("the process is there");
        threads.filter_map(|it| state(&it.ok()?.path())).collect()
    };
    let is_at_rest = |states: &String| states.chars().all(|state| state == 'S');
    look_again_until(&format!("rest of process {pid}"), states, is_at_rest);
}

/// Whether a process exists and is no zombie.
pub(crate) fn alive(pid: u32) -> bool {
    state_of(pid).is_some_and(|state| state != 'Z')
}

fn state_of(pid: u32) -> Option<char> {
    state(Path::new(&format!("/proc/{pid}")))
}

/// The letter for the state of a process or a thread (`/proc/PID/stat`, proc(5)), if there is one.
fn state(folder: &Path) -> Option<char> {
    let stat = fs::read_to_string(folder.join("stat")).ok()?;
    stat.rsplit(')').next()?.trim_start().chars().next()
}

/// All process ids.
pub(crate) fn processes() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// What ward says to `--uid NAME` when nobody has that name. An ordinary user may not give any.
pub(crate) fn unknown_user(name: &str) -> String {
    if rustix::process::geteuid().is_root() {
        format!("User {name} cannot be found")
    } else {
        "To use UID and GID please run PM2 as root".to_owned()
    }
}

/// The environment of a process, as `NAME=value`; nothing if it has ended or belongs to another user.
pub(crate) fn environ_of(pid: u32) -> Vec<String> {
    let read = || fs::read(format!("/proc/{pid}/environ"));
    // Within an exec (of a shell that becomes the app) the kernel shows nothing.
    let is_known = |read: &io::Result<Vec<u8>>| match read {
        Ok(bytes) => !bytes.is_empty() || !alive(pid),
        Err(_) => true,
    };
    let bytes =
        look_again_until(&format!("environment of {pid}"), read, is_known).unwrap_or_default();
    bytes
        .split(|byte| *byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect()
}
