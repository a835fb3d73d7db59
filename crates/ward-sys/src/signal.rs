//! Signals: numbers, groups, dispositions. Their names are the table of `ward-core`.

use std::io;

pub use rustix::process::Signal;

use crate::Pid;

/// The signal with this number, real-time ones included; `None` for 0 and for numbers libc keeps
/// for itself.
pub fn from_number(number: i32) -> Option<Signal> {
    if let Some(signal) = Signal::from_named_raw(number) {
        return Some(signal);
    }
    if !(libc::SIGRTMIN()..=libc::SIGRTMAX()).contains(&number) {
        return None;
    }
    // SAFETY: the number is a real-time signal that libc leaves to programs, and so not zero.
    // (rustix has no safe way for them, as it does not know libc's reserve.)
    Some(unsafe { Signal::from_raw_unchecked(number) })
}

/// Sends a signal to every process of a group. `Ok(false)` if the group has no process.
///
/// # Errors
///
/// The kernel refuses, mostly with `EPERM`.
pub fn kill_group(group: Pid, signal: Signal) -> io::Result<bool> {
    match rustix::process::kill_process_group(group, signal) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::SRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether a group has any process, zombies included.
pub(crate) fn group_exists(group: Pid) -> bool {
    rustix::process::test_kill_process_group(group) != Err(rustix::io::Errno::SRCH)
}

/// Whether a process is in this group. One that is gone is not; nor is one whose group was made
/// outside our pid namespace, for which the kernel has no number (and rustix, which assumes one, an
/// assertion).
pub fn in_group(pid: Pid, group: Pid) -> bool {
    // SAFETY: takes and gives plain numbers.
    unsafe { libc::getpgid(pid.as_raw_nonzero().get()) == group.as_raw_nonzero().get() }
}

/// Makes this process ignore a signal. Spawned apps start with the default again.
///
/// # Errors
///
/// The signal cannot be ignored: SIGKILL and SIGSTOP.
pub fn ignore(signal: Signal) -> io::Result<()> {
    dispose(signal, libc::SIG_IGN)
}

/// Gives a signal its default action back.
///
/// # Errors
///
/// The signal has no disposition that can be set: SIGKILL and SIGSTOP.
pub fn restore_default(signal: Signal) -> io::Result<()> {
    dispose(signal, libc::SIG_DFL)
}

fn dispose(signal: Signal, action: libc::sighandler_t) -> io::Result<()> {
    // SAFETY: the action is no function of ours but one of the two constants, so nothing can run at
    // a bad time. (rustix leaves dispositions to libc.)
    let before = unsafe { libc::signal(signal.as_raw(), action) };
    if before == libc::SIG_ERR {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Signals of which [`ignore_meaningless`] leaves the disposition alone: faults of the program and
/// the request for its core, the end of a child, job control (which the kernel does not apply to a
/// session without a terminal), and what asks a daemon to end, which it may only have a handler for
/// later.
const MEANT: &[Signal] = &[
    Signal::ILL,
    Signal::TRAP,
    Signal::ABORT,
    Signal::BUS,
    Signal::FPE,
    Signal::SEGV,
    Signal::SYS,
    Signal::CHILD,
    Signal::CONT,
    Signal::TSTP,
    Signal::TTIN,
    Signal::TTOU,
    Signal::KILL,
    Signal::STOP,
    Signal::TERM,
    Signal::INT,
    Signal::QUIT,
];

/// Ignores every signal that has no meaning for a daemon: SIGPIPE and SIGXFSZ, which are error
/// values of a write; SIGHUP, since a closed terminal must not end it; and SIGUSR1, SIGALRM, timers,
/// real-time signals and the rest, whose default action is to end the process. A handler registered
/// later takes its signal back. To be called before threads start, as libc uses two of the numbers
/// for its own threads and registers its handlers with the first one.
pub fn ignore_meaningless() {
    for number in 1..=LAST {
        if !MEANT.iter().any(|signal| signal.as_raw() == number) {
            ignore_raw(number);
        }
    }
}

/// The highest number of a signal.
const LAST: i32 = 64;

/// Ignores a signal by number, those that libc keeps for itself too: anybody can send them.
fn ignore_raw(number: i32) {
    // Larger than any architecture's `struct sigaction` of the kernel; the handler comes first in
    // it, and 1 is `SIG_IGN`.
    let mut action = [0_u64; 8];
    action[0] = libc::SIG_IGN as u64;
    // SAFETY: `action` is readable and long enough, the old one is not asked for, 8 is the kernel's
    // mask size. Raw, because libc's wrapper refuses the signals of its own. A number the kernel
    // refuses stays as it is.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigaction,
            number,
            action.as_ptr(),
            std::ptr::null_mut::<libc::c_void>(),
            8,
        )
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_alone_are_signals_with_a_meaning() {
        let mut numbers: Vec<i32> = MEANT.iter().map(|signal| signal.as_raw()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), MEANT.len());
        for meaningless in [Signal::USR1, Signal::ALARM, Signal::PIPE, Signal::HUP] {
            assert!(!MEANT.contains(&meaningless), "{meaningless:?}");
        }
    }

    #[test]
    fn numbers_are_signals_unless_libc_keeps_them() {
        for number in (1..=31).chain(libc::SIGRTMIN()..=libc::SIGRTMAX()) {
            assert_eq!(from_number(number).unwrap().as_raw(), number);
        }
        for number in [i32::MIN, -1, 0, 32, 33, 65, i32::MAX] {
            assert_eq!(from_number(number), None, "{number}");
        }
    }
}
