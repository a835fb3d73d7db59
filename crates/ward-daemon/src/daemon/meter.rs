//! How long the control loop is kept busy by single events. Nothing that can wait for a disk, a name
//! service or another process belongs on its thread; tests look here whether something does.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// What was measured since the daemon started.
#[derive(Debug, Default)]
pub(super) struct Meter {
    events: u64,
    longest: Peak,
    blocked: Peak,
    /// `/proc/thread-self/schedstat`, while it is measured how long the thread sleeps.
    schedstat: Option<File>,
}

/// The largest of what was measured, and by which source the event came.
#[derive(Debug, Default)]
struct Peak {
    duration: Duration,
    source: &'static str,
}

/// An event that is being handled.
#[derive(Debug)]
pub(super) struct Measuring {
    began: Instant,
    /// Time on a processor, and time in the queue for one.
    used: Option<(Duration, Duration)>,
}

impl Meter {
    /// With `WARD_MEASURE_STALLS` it is also measured how long the thread sleeps while it handles
    /// an event: time on the clock that it neither used nor spent in the queue for a processor, so
    /// the load of the machine does not count. That costs two reads from `/proc` for each event.
    pub(super) fn from_env() -> Self {
        let wanted = std::env::var_os("WARD_MEASURE_STALLS").is_some();
        let schedstat = wanted.then(|| File::open("/proc/thread-self/schedstat").ok());
        Self {
            schedstat: schedstat.flatten(),
            ..Self::default()
        }
    }

    pub(super) fn begin(&self) -> Measuring {
        let used = self.used();
        Measuring {
            began: Instant::now(),
            used,
        }
    }

    pub(super) fn end(&mut self, measuring: &Measuring, source: &'static str) {
        let duration = measuring.began.elapsed();
        self.events += 1;
        self.longest.take(duration, source);
        if let (Some(before), Some(after)) = (measuring.used, self.used()) {
            let awake = (after.0 + after.1).saturating_sub(before.0 + before.1);
            self.blocked.take(duration.saturating_sub(awake), source);
        }
    }

    fn used(&self) -> Option<(Duration, Duration)> {
        let mut text = [0; 64];
        let length = self.schedstat.as_ref()?.read_at(&mut text, 0).ok()?;
        let text = str::from_utf8(&text[..length]).ok()?;
        // The first number is time on a processor, but only as of the last tick.
        let queued = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
        let cpu = Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).ok()?;
        Some((cpu, Duration::from_nanos(queued)))
    }

    /// All in microseconds.
    pub(super) fn to_value(&self) -> Value {
        let mut value = json!({ "events": self.events, "longest": self.longest.to_value() });
        if self.schedstat.is_some() {
            value["blocked"] = self.blocked.to_value();
        }
        value
    }
}

impl Peak {
    fn take(&mut self, duration: Duration, source: &'static str) {
        if duration > self.duration {
            *self = Self { duration, source };
        }
    }

    fn to_value(&self) -> Value {
        let micros = u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX);
        json!({ "us": micros, "source": self.source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_is_told_from_work() {
        let mut meter = Meter {
            schedstat: Some(File::open("/proc/thread-self/schedstat").unwrap()),
            ..Meter::default()
        };
        let busy = meter.begin();
        let mut sum = 0_u64;
        while busy.began.elapsed() < Duration::from_millis(30) {
            sum = std::hint::black_box(sum + 1);
        }
        meter.end(&busy, "busy");
        assert!(meter.longest.duration >= Duration::from_millis(30));
        let waiting = meter.begin();
        let (_keep, wait) = std::sync::mpsc::channel::<()>();
        wait.recv_timeout(Duration::from_millis(100)).unwrap_err();
        meter.end(&waiting, "waiting");
        assert_eq!(meter.blocked.source, "waiting");
        assert!(meter.blocked.duration >= Duration::from_millis(50));
    }
}
