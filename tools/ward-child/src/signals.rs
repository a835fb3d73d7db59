//! Dispositions. Handlers do nothing but system calls and atomic reads.
#![expect(
    unsafe_code,
    reason = "std and rustix leave signal dispositions to libc"
)]

use std::{
    ffi::c_int,
    sync::{
        OnceLock,
        atomic::{AtomicI32, Ordering},
    },
};

use crate::words::Problem;

const COUNT: usize = 65;

static CODES: [AtomicI32; COUNT] = [const { AtomicI32::new(0) }; COUNT];
static TEXTS: [OnceLock<String>; COUNT] = [const { OnceLock::new() }; COUNT];

const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// The number of `SIGTERM`, `TERM` or `15`.
pub(crate) fn number(name: &str) -> Result<c_int, Problem> {
    let bare = name.strip_prefix("SIG").unwrap_or(name);
    if let Some((number, _)) = (1..).zip(NAMES).find(|(_, known)| *known == bare) {
        return Ok(number);
    }
    match bare.parse() {
        Ok(number) if (1..65).contains(&number) => Ok(number),
        _ => Err(format!("{name:?} is no signal").into()),
    }
}

fn slot<T>(table: &'static [T; COUNT], signal: c_int) -> Option<&'static T> {
    table.get(usize::try_from(signal).ok()?)
}

pub(crate) fn ignore(signal: c_int) {
    // SAFETY: ignoring runs no code.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

pub(crate) fn exit_on(signal: c_int, code: i32) {
    if let Some(slot) = slot(&CODES, signal) {
        slot.store(code, Ordering::SeqCst);
    }
    let handler = exit_now as extern "C" fn(c_int) as libc::sighandler_t;
    // SAFETY: the handler is async-signal-safe: an atomic read and `_exit`.
    unsafe { libc::signal(signal, handler) };
}

pub(crate) fn say_on(signal: c_int, mut text: String) {
    text.push('\n');
    if let Some(slot) = slot(&TEXTS, signal) {
        // The first text stays.
        slot.set(text).ok();
    }
    let handler = say_now as extern "C" fn(c_int) as libc::sighandler_t;
    // SAFETY: the handler is async-signal-safe: a read of a value set before, and `write`.
    unsafe { libc::signal(signal, handler) };
}

pub(crate) fn kill_self(signal: c_int) {
    // SAFETY: raises a signal in this process; no memory is involved.
    unsafe { libc::raise(signal) };
}

extern "C" fn exit_now(signal: c_int) {
    let code = slot(&CODES, signal).map_or(1, |code| code.load(Ordering::SeqCst));
    // SAFETY: no preconditions.
    unsafe { libc::_exit(code) };
}

extern "C" fn say_now(signal: c_int) {
    if let Some(text) = slot(&TEXTS, signal).and_then(OnceLock::get) {
        // SAFETY: the text is never changed nor freed.
        unsafe { libc::write(1, text.as_ptr().cast(), text.len()) };
    }
}
