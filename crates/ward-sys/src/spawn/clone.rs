//! Birth: the one place that makes processes.

use std::ffi::{c_int, c_void};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::Ordering;
use std::{mem, ptr};

use super::child::{Start, Step};
use super::mask::Blocked;
use super::plan::Plan;
use super::stack::{STACK_BYTES, Stack};
use super::{Command, SpawnError, child};
use crate::Pid;
use crate::errno::Errno;

/// From `linux/sched.h`; not a flag of the old `clone`. Kernel 5.7.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// A process that has become the program or failed to.
#[derive(Debug)]
pub(super) struct Born {
    pub(super) pid: Pid,
    pub(super) pidfd: OwnedFd,
    pub(super) in_cgroup: bool,
    pub(super) failure: Option<Failure>,
}

/// What the child left in the report.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) step: Step,
    pub(super) detail: i32,
    pub(super) errno: i32,
}

/// Makes the process and waits until it is the program.
pub(super) fn into_child(plan: &mut Plan, command: &Command) -> Result<Born, SpawnError> {
    let stack = Stack::take().map_err(|errno| SpawnError::Prepare { errno })?;
    let cgroup = command.cgroup.as_ref().map(AsRawFd::as_raw_fd);
    // See the module documentation of `spawn` for why a change of user forbids it.
    let sharing = if plan.credentials.is_none() {
        libc::CLONE_VM
    } else {
        0
    };
    let flags = sharing | libc::CLONE_VFORK | libc::CLONE_PIDFD;
    let mut start = Start {
        plan: ptr::from_mut(plan),
        report: stack.report(),
    };
    // A handler of the daemon must not run in the child, with the daemon's memory. The child
    // empties its mask last.
    let blocked = Blocked::all();
    let (pid, pidfd, direct) = first_that_works(&mut start, &stack, flags, cgroup)
        .map_err(|errno| SpawnError::Create { errno })?;
    drop(blocked);
    // SAFETY: the kernel just made this descriptor for us and nobody else knows it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    let report = stack.view();
    let step = report.step.load(Ordering::Acquire);
    let born = Born {
        pid: Pid::from_raw(pid).expect("clone returned a pid above zero"),
        pidfd,
        in_cgroup: direct || report.joined_cgroup.load(Ordering::Relaxed) == 1,
        failure: (step != 0).then(|| Failure {
            step,
            detail: report.detail.load(Ordering::Relaxed),
            errno: report.errno.load(Ordering::Relaxed),
        }),
    };
    stack.put_back();
    Ok(born)
}

/// Pid, pidfd, and whether the process was born in the cgroup.
fn first_that_works(
    start: &mut Start,
    stack: &Stack,
    flags: c_int,
    cgroup: Option<RawFd>,
) -> Result<(c_int, RawFd, bool), Errno> {
    if let Some(cgroup) = cgroup {
        // Refused by seccomp, by an old kernel, or by the cgroup: all end in the second way.
        if let Ok((pid, pidfd)) = clone3(start, stack, flags, cgroup) {
            return Ok((pid, pidfd, true));
        }
    }
    // SAFETY: `plan` is the caller's live plan, and no child exists that could look at it.
    let plan = unsafe { &mut *start.plan };
    plan.join_cgroup = cgroup.unwrap_or(-1);
    let (pid, pidfd) = clone(start, stack, flags)?;
    Ok((pid, pidfd, false))
}

/// Works on every kernel since 5.2 and under Docker's seccomp profile. Without a cgroup there is
/// nothing `clone3` adds.
fn clone(start: &mut Start, stack: &Stack, flags: c_int) -> Result<(c_int, RawFd), Errno> {
    let mut pidfd: c_int = -1;
    // SAFETY: `begin` never returns and only touches `start`, whose thread sleeps meanwhile
    // (CLONE_VFORK); the stack is exclusively the child's and outlives it; with CLONE_PIDFD the
    // fifth argument is where the descriptor goes. (rustix makes no processes.)
    let pid = unsafe {
        libc::clone(
            child::begin,
            stack.top(),
            flags | libc::SIGCHLD,
            ptr::from_mut(start).cast(),
            &raw mut pidfd,
        )
    };
    if pid < 0 {
        Err(Errno::last())
    } else {
        Ok((pid, pidfd))
    }
}

/// `clone3` into a cgroup. libc has no wrapper, and `syscall()` would return in the child on the
/// parent's stack.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn clone3(
    start: &mut Start,
    stack: &Stack,
    flags: c_int,
    cgroup: RawFd,
) -> Result<(c_int, RawFd), Errno> {
    let mut pidfd: c_int = -1;
    // SAFETY: all fields are integers, for which zero is valid.
    let mut args: libc::clone_args = unsafe { mem::zeroed() };
    args.flags = u64::from(flags.cast_unsigned()) | CLONE_INTO_CGROUP;
    args.pidfd = (&raw mut pidfd) as u64;
    args.exit_signal = u64::from(libc::SIGCHLD.cast_unsigned());
    args.stack = stack.bottom() as u64;
    args.stack_size = STACK_BYTES as u64;
    args.cgroup = u64::from(cgroup.cast_unsigned());
    let start: *mut c_void = ptr::from_mut(start).cast();
    let result: i64;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: as for `clone`. The child goes to `begin` on its own stack without touching this
    // frame and never comes back; for the parent it is a plain system call, which clobbers rcx and
    // r11.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, {start}",
            "call {begin}",
            "ud2",
            "2:",
            start = in(reg) start,
            begin = in(reg) child::begin as extern "C" fn(*mut c_void) -> c_int,
            inlateout("rax") libc::SYS_clone3 => result,
            in("rdi") &raw mut args,
            in("rsi") size_of::<libc::clone_args>(),
            out("rcx") _,
            out("r11") _,
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as for `clone`. The child goes to `begin` on its own stack without touching this
    // frame and never comes back; for the parent it is a plain system call, which changes nothing
    // but x0.
    unsafe {
        std::arch::asm!(
            "svc #0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x0, {start}",
            "blr {begin}",
            "brk #1",
            "2:",
            start = in(reg) start,
            begin = in(reg) child::begin as extern "C" fn(*mut c_void) -> c_int,
            in("x8") libc::SYS_clone3,
            inlateout("x0") (&raw mut args) as i64 => result,
            in("x1") size_of::<libc::clone_args>(),
        );
    }
    match c_int::try_from(result) {
        Ok(pid) if pid > 0 => Ok((pid, pidfd)),
        Ok(errno) => Err(Errno(-errno)),
        Err(_) => Err(Errno(libc::EINVAL)),
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn clone3(_: &mut Start, _: &Stack, _: c_int, _: RawFd) -> Result<(c_int, RawFd), Errno> {
    Err(Errno(libc::ENOSYS))
}
