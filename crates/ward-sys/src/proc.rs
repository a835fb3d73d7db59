//! `/proc`: what the kernel says about processes, read with as few calls as possible.

mod sampler;
mod scan;
mod stat;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;
use std::{fs, io};

pub use self::sampler::{Sampler, Usage};
pub use self::scan::Scanner;
pub use self::stat::Stat;
use self::stat::parse_stat;
use crate::Pid;

/// Clock ticks of `/proc` per second.
pub fn ticks_per_second() -> u64 {
    rustix::param::clock_ticks_per_second()
}

/// Bytes of a memory page.
pub fn page_bytes() -> u64 {
    rustix::param::page_size() as u64
}

/// Time since the machine was booted, on the clock of [`Stat::start_time`].
pub fn uptime() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or(0),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
}

/// Now, on the clock of [`Stat::start_time`] and in its unit.
pub(crate) fn now_ticks() -> u64 {
    let tick = 1_000_000_000 / u128::from(ticks_per_second().max(1));
    u64::try_from(uptime().as_nanos() / tick).unwrap_or(u64::MAX)
}

/// The numbers of one process; an error if it is gone.
///
/// # Errors
///
/// The process is gone, or `/proc` is not readable.
pub fn stat(pid: Pid) -> io::Result<Stat> {
    let bytes = fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero()))?;
    parse_stat(&bytes).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// When a process was started, in ticks since boot. With the pid it names a process for all time.
///
/// # Errors
///
/// The process is gone, or `/proc` is not readable.
pub fn start_time(pid: Pid) -> io::Result<u64> {
    Ok(stat(pid)?.start_time)
}

/// The number the kernel gave out last, to a process or a thread of this pid namespace: whoever is
/// born later has another one. `None` where `/proc/loadavg` does not tell it.
pub(crate) fn newest_pid() -> Option<i32> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    let last = text.split_ascii_whitespace().nth(4)?.parse().ok()?;
    Some(last).filter(|pid| *pid > 0)
}

/// The arguments of a process; empty for kernel threads and zombies.
///
/// # Errors
///
/// The process is gone, or `/proc` is not readable.
pub fn cmdline(pid: Pid) -> io::Result<Vec<OsString>> {
    let mut bytes = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero()))?;
    if bytes.pop_if(|last| *last == 0).is_none() && bytes.is_empty() {
        return Ok(Vec::new());
    }
    Ok(bytes
        .split(|&byte| byte == 0)
        .map(|arg| OsString::from_vec(arg.to_vec()))
        .collect())
}

/// Whether the environment a process was started with holds exactly this `NAME=value`. A process we
/// may not look at does not; `None` of one that is gone.
pub(crate) fn environ_holds(pid: Pid, variable: &[u8]) -> Option<bool> {
    match fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())) {
        // One that has ended and was not collected yet has none left either.
        Ok(bytes) if bytes.is_empty() => {
            let is_alive = stat(pid).is_ok_and(|stat| !stat.is_zombie());
            is_alive.then_some(false)
        }
        Ok(bytes) => {
            let mut entries = bytes.split(|&byte| byte == 0);
            Some(entries.any(|entry| entry == variable))
        }
        Err(error) => match error.raw_os_error() {
            Some(libc::ENOENT | libc::ESRCH) => None,
            _ => Some(false),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_birth_is_told_by_the_newest_number() {
        let before = newest_pid().unwrap();
        std::thread::spawn(|| ()).join().unwrap();
        assert_ne!(newest_pid().unwrap(), before);
    }

    #[test]
    fn we_can_read_about_ourselves() {
        let pid = rustix::process::getpid();
        let own = stat(pid).unwrap();
        assert_eq!(own.pid, pid.as_raw_nonzero().get());
        assert_eq!(
            own.ppid,
            rustix::process::getppid().unwrap().as_raw_nonzero().get()
        );
        // rustix has no word for a session whose leader lives outside our pid namespace: the kernel
        // says 0. SAFETY: takes and gives plain numbers.
        assert_eq!(own.session, unsafe { libc::getsid(0) });
        let started = Duration::from_millis(own.start_time * 1000 / ticks_per_second());
        assert!(started <= uptime());
        assert_eq!(
            cmdline(pid).unwrap(),
            std::env::args_os().collect::<Vec<_>>()
        );
        let (name, value) = std::env::vars_os().next().unwrap();
        let entry = [name.as_encoded_bytes(), b"=", value.as_encoded_bytes()].concat();
        assert_eq!(environ_holds(pid, &entry), Some(true));
        assert_eq!(environ_holds(pid, &entry[..entry.len() - 1]), Some(false));
    }
}
