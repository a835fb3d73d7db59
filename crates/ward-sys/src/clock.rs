//! Notice of a wall clock that was set, also by a machine that wakes up: a timerfd (Linux 3.0) on
//! `CLOCK_REALTIME` that never expires and is cancelled instead.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// Readable when the wall clock was set since the last [`take`](Self::take).
#[derive(Debug)]
pub struct ClockChanges(OwnedFd);

impl ClockChanges {
    /// Looks from now on.
    ///
    /// # Errors
    ///
    /// The kernel, or what stands in its place, has no such timers.
    pub fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Realtime, flags)?;
        let changes = Self(timer);
        changes.arm()?;
        Ok(changes)
    }

    fn arm(&self) -> io::Result<()> {
        let never = Timespec {
            tv_sec: i64::MAX,
            tv_nsec: 0,
        };
        let once = Itimerspec {
            it_interval: Timespec::default(),
            it_value: never,
        };
        let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
        timerfd_settime(&self.0, flags, &once)?;
        Ok(())
    }

    /// Whether the clock was set, and looks on.
    ///
    /// # Errors
    ///
    /// The timer cannot be read or set again.
    pub fn take(&self) -> io::Result<bool> {
        let mut expirations = [0; 8];
        match rustix::io::read(&self.0, &mut expirations) {
            Err(Errno::AGAIN) => Ok(false),
            // It cannot expire; a kernel that says so all the same is asked again.
            Err(Errno::CANCELED) | Ok(_) => self.arm().map(|()| true),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for ClockChanges {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl std::os::fd::AsRawFd for ClockChanges {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That it is told when the clock *was* set cannot be shown without setting the machine's.
    #[test]
    fn a_clock_nobody_sets_changes_nothing() {
        let changes = ClockChanges::new().unwrap();
        assert!(!changes.take().unwrap());
    }
}
