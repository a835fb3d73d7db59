//! Signals: names and numbers, groups, dispositions.

use std::io;

pub use rustix::process::Signal;

use crate::Pid;

/// Names without `SIG`, in the order of the numbers on Linux.
const NAMES: [(&str, Signal); 31] = [
    ("HUP", Signal::HUP),
    ("INT", Signal::INT),
    ("QUIT", Signal::QUIT),
    ("ILL", Signal::ILL),
    ("TRAP", Signal::TRAP),
    ("ABRT", Signal::ABORT),
    ("BUS", Signal::BUS),
    ("FPE", Signal::FPE),
    ("KILL", Signal::KILL),
    ("USR1", Signal::USR1),
    ("SEGV", Signal::SEGV),
    ("USR2", Signal::USR2),
    ("PIPE", Signal::PIPE),
    ("ALRM", Signal::ALARM),
    ("TERM", Signal::TERM),
    ("STKFLT", Signal::STKFLT),
    ("CHLD", Signal::CHILD),
    ("CONT", Signal::CONT),
    ("STOP", Signal::STOP),
    ("TSTP", Signal::TSTP),
    ("TTIN", Signal::TTIN),
    ("TTOU", Signal::TTOU),
    ("URG", Signal::URG),
    ("XCPU", Signal::XCPU),
    ("XFSZ", Signal::XFSZ),
    ("VTALRM", Signal::VTALARM),
    ("PROF", Signal::PROF),
    ("WINCH", Signal::WINCH),
    ("IO", Signal::IO),
    ("PWR", Signal::POWER),
    ("SYS", Signal::SYS),
];

/// Other names of the same signals.
const ALIASES: [(&str, Signal); 4] = [
    ("IOT", Signal::ABORT),
    ("CLD", Signal::CHILD),
    ("POLL", Signal::IO),
    ("UNUSED", Signal::SYS),
];

/// The signal called `text`: "SIGUSR2", "USR2", "usr2", "12", "SIGRTMIN+1". `None` if there is none.
pub fn parse(text: &str) -> Option<Signal> {
    if let Ok(number) = text.parse::<i32>() {
        return from_number(number);
    }
    let upper = text.to_ascii_uppercase();
    let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Some((_, signal)) = NAMES.iter().chain(&ALIASES).find(|(name, _)| *name == bare) {
        return Some(*signal);
    }
    let (base, offset) = match (bare.strip_prefix("RTMIN"), bare.strip_prefix("RTMAX")) {
        (Some(rest), _) => (libc::SIGRTMIN(), rest),
        (None, Some(rest)) => (libc::SIGRTMAX(), rest),
        (None, None) => return None,
    };
    let offset = if offset.is_empty() {
        0
    } else {
        offset.parse::<i32>().ok()?
    };
    let number = base.checked_add(offset)?;
    (libc::SIGRTMIN()..=libc::SIGRTMAX())
        .contains(&number)
        .then(|| from_number(number))?
}

/// The signal with this number, real-time ones included; `None` for 0 and for numbers libc keeps for itself.
pub fn from_number(number: i32) -> Option<Signal> {
    if let Some(signal) = Signal::from_named_raw(number) {
        return Some(signal);
    }
    if !(libc::SIGRTMIN()..=libc::SIGRTMAX()).contains(&number) {
        return None;
    }
    // SAFETY: the number is a real-time signal that libc leaves to programs, and so not zero. (rustix has no safe way for
    // them, as it does not know libc's reserve.)
    Some(unsafe { Signal::from_raw_unchecked(number) })
}

/// "SIGTERM" for 15; `None` for numbers without a name.
pub fn name(number: i32) -> Option<String> {
    if let Some((name, _)) = NAMES.iter().find(|(_, signal)| signal.as_raw() == number) {
        return Some(format!("SIG{name}"));
    }
    let offset = number.checked_sub(libc::SIGRTMIN())?;
    match (offset, number <= libc::SIGRTMAX()) {
        (0, true) => Some("SIGRTMIN".to_owned()),
        (1.., true) => Some(format!("SIGRTMIN+{offset}")),
        _ => None,
    }
}

/// Signals every process of a group. A group that is gone is no error: `Ok(false)`.
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

/// Whether a process is in this group. One that is gone is not; nor is one whose group was made outside our pid
/// namespace, for which the kernel has no number (and rustix, which assumes one, an assertion).
pub fn in_group(pid: Pid, group: Pid) -> bool {
    // SAFETY: takes and gives plain numbers.
    unsafe { libc::getpgid(pid.as_raw_nonzero().get()) == group.as_raw_nonzero().get() }
}

/// Makes this process ignore a signal. Spawned apps start with the default again.
pub fn ignore(signal: Signal) -> io::Result<()> {
    dispose(signal, libc::SIG_IGN)
}

/// Gives a signal its default action back.
pub fn restore_default(signal: Signal) -> io::Result<()> {
    dispose(signal, libc::SIG_DFL)
}

fn dispose(signal: Signal, action: libc::sighandler_t) -> io::Result<()> {
    // SAFETY: the action is no function of ours but one of the two constants, so nothing can run at a bad time. (rustix
    // leaves dispositions to libc.)
    let before = unsafe { libc::signal(signal.as_raw(), action) };
    if before == libc::SIG_ERR {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// What the daemon does first: a broken pipe is an error value, and a closed terminal is none of its business.
pub fn ignore_pipe_and_hangup() -> io::Result<()> {
    ignore(Signal::PIPE)?;
    ignore(Signal::HUP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_agree() {
        for number in (1..=31).chain(libc::SIGRTMIN()..=libc::SIGRTMAX()) {
            let name = name(number).unwrap();
            assert_eq!(parse(&name).unwrap().as_raw(), number, "{name}");
            assert_eq!(
                parse(name.strip_prefix("SIG").unwrap()).unwrap().as_raw(),
                number
            );
            assert_eq!(parse(&number.to_string()).unwrap().as_raw(), number);
        }
    }

    #[test]
    fn strangers_have_no_number() {
        for text in [
            "",
            "SIG",
            "SIGNOPE",
            "0",
            "-1",
            "65",
            "32",
            "RTMIN+99",
            "RTMAX+1",
            "SIGRTMIN-1",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("sigint"), Some(Signal::INT));
        assert_eq!(name(0), None);
        assert_eq!(name(99), None);
    }
}
