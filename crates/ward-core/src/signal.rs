//! Names and numbers of signals, as Linux has them on every machine ward runs on.

/// The usual polite request.
pub const INT: i32 = 2;
/// Cannot be refused.
pub const KILL: i32 = 9;

const NAMES: [(&str, i32); 31] = [
    ("SIGHUP", 1),
    ("SIGINT", 2),
    ("SIGQUIT", 3),
    ("SIGILL", 4),
    ("SIGTRAP", 5),
    ("SIGABRT", 6),
    ("SIGBUS", 7),
    ("SIGFPE", 8),
    ("SIGKILL", 9),
    ("SIGUSR1", 10),
    ("SIGSEGV", 11),
    ("SIGUSR2", 12),
    ("SIGPIPE", 13),
    ("SIGALRM", 14),
    ("SIGTERM", 15),
    ("SIGSTKFLT", 16),
    ("SIGCHLD", 17),
    ("SIGCONT", 18),
    ("SIGSTOP", 19),
    ("SIGTSTP", 20),
    ("SIGTTIN", 21),
    ("SIGTTOU", 22),
    ("SIGURG", 23),
    ("SIGXCPU", 24),
    ("SIGXFSZ", 25),
    ("SIGVTALRM", 26),
    ("SIGPROF", 27),
    ("SIGWINCH", 28),
    ("SIGIO", 29),
    ("SIGPWR", 30),
    ("SIGSYS", 31),
];

/// The number of `SIGTERM`, `term` or `15`.
pub fn number(name: &str) -> Option<i32> {
    if let Ok(number) = name.parse::<i32>() {
        return (1..=64).contains(&number).then_some(number);
    }
    let upper = name.to_ascii_uppercase();
    NAMES
        .iter()
        .find(|(known, _)| *known == upper || known.strip_prefix("SIG") == Some(upper.as_str()))
        .map(|&(_, number)| number)
}

/// `SIGTERM` for 15; real-time signals have no name of their own.
pub fn name(number: i32) -> String {
    NAMES
        .iter()
        .find(|&&(_, known)| known == number)
        .map_or_else(|| format!("SIG{number}"), |&(name, _)| name.to_owned())
}
