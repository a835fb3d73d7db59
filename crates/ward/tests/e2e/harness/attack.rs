//! What an attack costs the daemon: memory, and turns of its control loop that were blocked.

use std::fs;
use std::time::Duration;

use serde_json::json;

use super::Ward;

/// The daemon may grow by so much under any attack (`docs/security.md`), in kilobytes.
const GROWTH: u64 = 64 * 1024;

/// The control loop may sleep for so long within one turn. Time in the queue for a processor does not count, but the
/// kernel's own locks do, for which whole machines full of tests compete. How fast `ping` is answered under attacks is
/// measured by `tools/attack`.
const BLOCKED: Duration = Duration::from_secs(1);

impl Ward {
    /// A home whose daemon measures how long its control loop is blocked, for an [`Attack`].
    pub(crate) fn under_attack() -> Self {
        Self::new().with_env("WARD_MEASURE_STALLS", "1")
    }
}

/// An attack that goes on. The daemon runs already.
pub(crate) struct Attack<'a> {
    ward: &'a Ward,
    daemon: u32,
    /// Resident memory when it began, in kilobytes.
    before: u64,
}

impl<'a> Attack<'a> {
    /// From now on the peak of the daemon's memory counts.
    pub(crate) fn begin(ward: &'a Ward) -> Self {
        let daemons = ward.daemons();
        assert_eq!(daemons.len(), 1, "one daemon is there to be attacked");
        let daemon = daemons[0];
        // proc(5): 5 resets the peak to what is resident now.
        fs::write(format!("/proc/{daemon}/clear_refs"), "5").expect("the peak can be reset");
        let before = kilobytes(daemon, "VmRSS");
        Self {
            ward,
            daemon,
            before,
        }
    }

    /// The daemon is the one it was, answers, has not grown by more than [`GROWTH`], and its loop was not blocked for
    /// longer than [`BLOCKED`].
    pub(crate) fn end(self) {
        assert_eq!(
            self.ward.daemons(),
            [self.daemon],
            "another daemon is there"
        );
        let status = self.ward.rpc().call("ward:status", &json!([{}]));
        let turns = &status["args"][0]["loop"];
        let blocked = turns["blocked"]["us"].as_u64().expect("it is measured");
        assert!(
            Duration::from_micros(blocked) < BLOCKED,
            "the control loop was blocked: {turns}"
        );
        let peak = kilobytes(self.daemon, "VmHWM");
        assert!(
            peak < self.before + GROWTH,
            "memory of the daemon: {} kB before, {peak} kB at the peak",
            self.before
        );
    }
}

/// A field of `/proc/PID/status` in kilobytes.
fn kilobytes(pid: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the daemon runs");
    let line = status.lines().find(|line| line.starts_with(field));
    let words = line.and_then(|line| line.split_whitespace().nth(1));
    words
        .and_then(|number| number.parse().ok())
        .expect("kilobytes")
}
