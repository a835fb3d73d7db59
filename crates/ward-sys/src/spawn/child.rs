//! The code that runs in the child between birth and `execve`.
//!
//! It may share the memory of the daemon, whose other threads run on. So: system calls only, no
//! allocation, no locks, no panics, no destructors. libc's wrappers are used where they are plain
//! system calls; where a libc does more (signals, credentials: both have to do with its threads)
//! the call is made raw.

use std::convert::Infallible;
use std::ffi::{CStr, c_int, c_long, c_void};
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

use super::plan::{Ids, Plan};

/// What the kernel calls `sizeof(sigset_t)` on the machines ward runs on.
pub(super) const SIGSET_BYTES: usize = 8;

/// From `linux/close_range.h`; kernel 5.11.
const CLOSE_RANGE_CLOEXEC: u32 = 4;

/// Number of a step, as it travels from the child.
pub(super) type Step = i32;

/// The numbers. Zero means that nothing failed.
pub(super) struct Steps;

impl Steps {
    pub(super) const SESSION: Step = 1;
    pub(super) const DESCRIPTOR: Step = 2;
    pub(super) const DIRECTORY: Step = 3;
    pub(super) const GROUPS: Step = 4;
    pub(super) const GID: Step = 5;
    pub(super) const UID: Step = 6;
    pub(super) const LIMIT: Step = 7;
    pub(super) const NICE: Step = 8;
    pub(super) const OOM_SCORE: Step = 9;
    pub(super) const EXECUTE: Step = 10;
}

/// Where the child leaves its failure; in memory both processes see.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) step: AtomicI32,
    pub(super) errno: AtomicI32,
    pub(super) detail: AtomicI32,
    pub(super) joined_cgroup: AtomicI32,
}

/// The one argument of the child's first function.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) plan: *mut Plan,
    pub(super) report: *const Report,
}

/// A step that failed, with a number that says more (an index or a descriptor).
struct Failed {
    step: Step,
    detail: i32,
}

impl Failed {
    fn at(step: Step) -> Self {
        Self { step, detail: 0 }
    }
}

/// `Err` if a system call returned a negative number.
fn check(result: c_int, step: Step) -> Result<(), Failed> {
    if result < 0 {
        Err(Failed::at(step))
    } else {
        Ok(())
    }
}

/// The same for calls made without libc's wrapper.
fn check_raw(result: c_long, step: Step) -> Result<(), Failed> {
    if result < 0 {
        Err(Failed::at(step))
    } else {
        Ok(())
    }
}

/// First function of the child. Never returns: it becomes the program or exits with 127.
pub(super) extern "C" fn begin(start: *mut c_void) -> c_int {
    // SAFETY: `start` points to the `Start` of the parent's frame; that thread sleeps until we are
    // gone from its memory.
    let start = unsafe { &*start.cast::<Start>() };
    // SAFETY: `plan` is valid as above, and the sleeping thread is the only other one that knows
    // it.
    let plan = unsafe { &mut *start.plan };
    // SAFETY: `report` is in the shared mapping, which the parent unmaps only after we are gone
    // from its memory.
    let report = unsafe { &*start.report };
    let Err(failed) = prepare(plan, report).and_then(|()| execute(plan));
    report.errno.store(errno(), Ordering::Relaxed);
    report.detail.store(failed.detail, Ordering::Relaxed);
    report.step.store(failed.step, Ordering::Release);
    // SAFETY: `_exit` has no preconditions; it runs no destructors and no exit handlers. (rustix
    // has no `_exit`.)
    unsafe { libc::_exit(127) }
}

fn prepare(plan: &mut Plan, report: &Report) -> Result<(), Failed> {
    default_dispositions();
    // SAFETY: no preconditions. (rustix has it too; in the child one kind of call, through libc, is
    // easier to audit.)
    check(unsafe { libc::setsid() }, Steps::SESSION)?;
    if plan.join_cgroup >= 0 && join_cgroup(plan.join_cgroup).is_ok() {
        report.joined_cgroup.store(1, Ordering::Relaxed);
    }
    // These may need the rights that a change of user gives away.
    rights_of_the_daemon(plan)?;
    descriptors(plan)?;
    // SAFETY: `cwd` is a live C string. (rustix: see `setsid`.)
    check(unsafe { libc::chdir(plan.cwd.as_ptr()) }, Steps::DIRECTORY)?;
    plan.credentials.as_ref().map_or(Ok(()), credentials)
}

fn execute(plan: &Plan) -> Result<Infallible, Failed> {
    empty_mask();
    // SAFETY: the path is a live C string, the two arrays are null-terminated and point to live C
    // strings.
    unsafe { libc::execve(plan.program.as_ptr(), plan.argv.as_ptr(), plan.env.as_ptr()) };
    Err(Failed::at(Steps::EXECUTE))
}

/// `execve` resets handlers but keeps ignored signals ignored; an app must not inherit ours.
fn default_dispositions() {
    // Larger than any architecture's `struct sigaction` of the kernel; all zero is `SIG_DFL` with
    // an empty mask.
    let default = [0u64; 8];
    for signal in 1..=64 {
        // SAFETY: `default` is readable and long enough, the old action is not asked for, 8 is the
        // kernel's mask size. Raw, because libc's wrapper may take locks and refuses the signals of
        // its own. SIGKILL and SIGSTOP fail: fine.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default.as_ptr(),
                ptr::null_mut::<c_void>(),
                SIGSET_BYTES,
            )
        };
    }
}

fn empty_mask() {
    let empty = 0u64;
    // SAFETY: `empty` is as large as said. Raw, because libc's wrapper keeps its own signals out;
    // rustix has no masks.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const empty,
            ptr::null_mut::<c_void>(),
            SIGSET_BYTES,
        )
    };
}

/// Writes this process into the cgroup whose directory is `cgroup`.
fn join_cgroup(cgroup: c_int) -> Result<(), Failed> {
    write_at(cgroup, c"cgroup.procs", c"0", Steps::SESSION)
}

/// Writes `text` to the existing file `name` below `directory`. (rustix: see `setsid`.)
fn write_at(directory: c_int, name: &CStr, text: &CStr, step: Step) -> Result<(), Failed> {
    // SAFETY: `name` is a live C string; a bad descriptor is an error, not undefined.
    let file = unsafe { libc::openat(directory, name.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) };
    check(file, step)?;
    // SAFETY: the bytes of `text` are readable for its length. The descriptor is left to
    // close-on-exec.
    let written = unsafe { libc::write(file, text.as_ptr().cast(), text.count_bytes()) };
    if written < 0 {
        Err(Failed::at(step))
    } else {
        Ok(())
    }
}

fn rights_of_the_daemon(plan: &Plan) -> Result<(), Failed> {
    if let Some(score) = &plan.oom_score_adj {
        write_at(
            libc::AT_FDCWD,
            c"/proc/self/oom_score_adj",
            score,
            Steps::OOM_SCORE,
        )?;
    }
    for ((resource, limit), detail) in plan.limits.iter().zip(0..) {
        // SAFETY: `limit` is a live `rlimit`, no old value is asked for, 0 is this process. Raw,
        // because the type of the resource differs between libcs.
        let result = unsafe {
            libc::syscall(
                libc::SYS_prlimit64,
                0,
                *resource,
                ptr::from_ref(limit),
                ptr::null_mut::<c_void>(),
            )
        };
        check_raw(result, Steps::LIMIT).map_err(|failed| Failed { detail, ..failed })?;
    }
    if let Some(nice) = plan.nice {
        // SAFETY: no preconditions; 0 is this process. Raw for the same reason.
        let result = unsafe { libc::syscall(libc::SYS_setpriority, libc::PRIO_PROCESS, 0, nice) };
        check_raw(result, Steps::NICE)?;
    }
    if let Some(umask) = plan.umask {
        // SAFETY: no preconditions, cannot fail.
        unsafe { libc::umask(umask) };
    }
    Ok(())
}

/// Puts each descriptor to its number and marks all others close-on-exec.
fn descriptors(plan: &mut Plan) -> Result<(), Failed> {
    // All of ours are close-on-exec already; this covers what the daemon itself inherited. Old
    // kernels lack the call or the flag, which is why its failure is no error. SAFETY: no
    // preconditions; marking descriptors closes none. (rustix has no close_range.)
    unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, CLOSE_RANGE_CLOEXEC) };
    // First out of the way of all targets, so that no `dup2` below overwrites a source that is
    // still needed.
    for step in &mut plan.moves {
        if step.source < plan.floor {
            // SAFETY: a bad descriptor is an error, not undefined.
            let moved = unsafe { libc::fcntl(step.source, libc::F_DUPFD_CLOEXEC, plan.floor) };
            check(moved, Steps::DESCRIPTOR).map_err(|failed| Failed {
                detail: step.target,
                ..failed
            })?;
            step.source = moved;
        }
    }
    for step in &plan.moves {
        // SAFETY: replaces descriptors of this process only, which is about to be another program;
        // nobody here owns them.
        let result = unsafe { libc::dup2(step.source, step.target) };
        check(result, Steps::DESCRIPTOR).map_err(|failed| Failed {
            detail: step.target,
            ..failed
        })?;
    }
    Ok(())
}

/// Groups first: after `setuid` there is no right left to change them. Raw calls, because libc's
/// wrappers change all threads of the process, and this process has no threads of its own.
fn credentials(ids: &Ids) -> Result<(), Failed> {
    let groups = ids.groups.as_slice();
    // SAFETY: `groups` is readable for its length.
    let result = unsafe { libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) };
    check_raw(result, Steps::GROUPS)?;
    // Not `setresuid`: it takes the id -1 for "leave as it is", and the app would keep our rights.
    // SAFETY: no preconditions.
    let result = unsafe { libc::syscall(libc::SYS_setgid, ids.gid) };
    check_raw(result, Steps::GID)?;
    // SAFETY: no preconditions.
    let result = unsafe { libc::syscall(libc::SYS_setuid, ids.uid) };
    check_raw(result, Steps::UID)
}

/// The error number of the last call. `io::Error` would do the same, but promises nothing about
/// allocation.
fn errno() -> c_int {
    // SAFETY: returns the address of this thread's number, always valid. The thread is the sleeping
    // parent's.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    unsafe { *place }
}
