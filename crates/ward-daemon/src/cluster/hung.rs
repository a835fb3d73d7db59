//! Workers that answer nothing. One that is late gets no further connections. One that is late because
//! it is stopped, as by SIGSTOP, is told of, so that it is killed: the connection it was handed lies in
//! its channel, where nobody can take it away, and whenever it were continued it would take it. If
//! others served that connection by then, its requests would be answered twice or be torn. Its death
//! frees it for others at once ([`Primary::gone`]). One that runs is busy, and may take the
//! connection at any moment: it keeps it.

use std::time::{Duration, Instant};

use ward_sys::Pid;

use super::worker::{Phase, Worker};
use super::{Context, Primary, WorkerEvent};

/// Stopped by a signal (proc(5)). A process that is traced has another letter: whoever debugs it knows.
const STOPPED: u8 = b'T';

/// A late worker that runs is looked at again after its timeout, and not sooner than after this.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl Primary {
    /// Looks at workers that have not answered for too long.
    pub(super) fn look_at_late(&mut self, now: Instant, cx: &Context) {
        let mut wake = None;
        for worker in self.workers.values_mut() {
            let next = worker.look_whether_late(now, cx);
            wake = [wake, next].into_iter().flatten().min();
        }
        self.wake_by(wake);
    }
}

impl Worker {
    /// When it is late, if it does not answer before; none when nothing is awaited.
    pub(super) fn late_at(&self) -> Option<Instant> {
        let timeout = self.config.options.hand_over_timeout?;
        let drains = self.phase == (Phase::Draining { told: true }) && !self.drained;
        let told = self.drain_told_at.filter(|_| drains);
        let handed = self.inflight.values().map(|flight| flight.since);
        handed.chain(told).min().map(|since| since + timeout)
    }

    /// When it is to be looked at again.
    fn look_whether_late(&mut self, now: Instant, cx: &Context) -> Option<Instant> {
        let timeout = self.config.options.hand_over_timeout?;
        let Some(due) = self.late_at() else {
            self.late = false;
            return None;
        };
        self.late = due <= now && !self.inflight.is_empty();
        if due > now {
            return Some(due);
        }
        if !self.hung && self.is_stopped() {
            self.hung = true;
            let silent_for = now.saturating_duration_since(due) + timeout;
            cx.tell(self.life, WorkerEvent::Hung { silent_for });
        }
        (!self.hung).then(|| now + timeout.max(LOOK_AGAIN))
    }

    fn is_stopped(&self) -> bool {
        let pid = self.pid.and_then(|pid| i32::try_from(pid).ok());
        let stat = pid.and_then(Pid::from_raw).map(ward_sys::proc::stat);
        matches!(stat, Some(Ok(stat)) if stat.state == STOPPED)
    }
}
