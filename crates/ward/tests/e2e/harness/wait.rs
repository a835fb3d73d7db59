//! Waits for descriptors, and the one way to look at something again.

use std::fmt::Debug;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

use super::DEADLINE;

/// Waits until `fd` can be read; false at the deadline.
pub(crate) fn readable(fd: &impl AsFd, until: Instant) -> bool {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).expect("a short time");
        let mut fds = [PollFd::new(fd, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) => return false,
            Ok(_) => return true,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("poll: {error}"),
        }
    }
}

/// The pause between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Looks at something until it is as wanted, and returns what was seen.
///
/// Only for what changes without an event that a test can wait for: the state of a process that is no child of ours
/// (`/proc/PID/stat` and its neighbours cannot be polled), whether anybody listens on a port, and fields of a record
/// that the daemon changes without telling subscribers (metrics, counts of connections; under PM2 most of them).
/// Everything else waits for its event.
pub(crate) fn look_again_until<T: Debug>(
    what: &str,
    look: impl Fn() -> T,
    wanted: impl Fn(&T) -> bool,
) -> T {
    let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC).expect("a timer");
    let pause = Timespec::try_from(LOOK_AGAIN).expect("a short time");
    let pauses = Itimerspec {
        it_interval: pause,
        it_value: pause,
    };
    timerfd_settime(&timer, TimerfdTimerFlags::empty(), &pauses).expect("the timer is armed");
    let until = Instant::now() + DEADLINE;
    loop {
        let seen = look();
        if wanted(&seen) {
            return seen;
        }
        assert!(Instant::now() < until, "no {what}, but {seen:?}");
        // Ends with the next tick; as many as passed meanwhile are one.
        rustix::io::read(&timer, &mut [0; 8]).expect("a tick");
    }
}
