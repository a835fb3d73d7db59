//! What holds for every app unless its declaration says otherwise, and what the core cannot know
//! by itself. The shell reads it from its environment, once.

use core::time::Duration;

use jiff::tz::TimeZone;

/// Settings of the whole supervisor. Not part of a snapshot: who restores passes them again.
#[derive(Clone, Debug, PartialEq)]
pub struct Defaults {
    /// Grace period between the polite request and SIGKILL.
    pub kill_timeout: Duration,
    /// How long readiness may take.
    pub listen_timeout: Duration,
    /// A worker that has only just begun to run may begin to listen within this time. Who started
    /// it is answered then; nobody wants to wait longer for a worker that never listens.
    pub settling: Duration,
    /// How long a replaced worker may finish its work.
    pub drain_timeout: Duration,
    /// Signal of the polite request, by number.
    pub kill_signal: i32,
    /// Ask every app by the IPC message `shutdown`.
    pub use_message: bool,
    /// A life as long as this ends the growth of the backoff.
    pub backoff_reset: Duration,
    /// Time between two measurements of the memory of apps that have a limit.
    pub worker_interval: Duration,
    /// Number of processors, for `instances: 0` and below.
    pub cpus: u32,
    /// Takes the place of every app's `instance_var`.
    pub instance_var: Option<String>,
    /// `PM2_HOME` as apps see it.
    pub home: String,
    /// Words put before the script of every fork app (`PM2_NODE_OPTIONS`).
    pub node_options: Vec<String>,
    /// Version told as `_pm2_version`.
    pub version: String,
    /// Whether anybody listens to process events. Their records hold whole environments, so they are
    /// built only then.
    pub followed: bool,
    /// Time zone of cron patterns.
    pub zone: TimeZone,
    /// Random bits of the shell: the source of every `unique_id`. Used by `Supervisor::new` only.
    pub seed: u64,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            kill_timeout: Duration::from_millis(1600),
            listen_timeout: Duration::from_secs(3),
            settling: Duration::from_millis(1500),
            drain_timeout: Duration::from_secs(8),
            kill_signal: crate::signal::INT,
            use_message: false,
            backoff_reset: Duration::from_secs(30),
            worker_interval: Duration::from_secs(30),
            cpus: 1,
            instance_var: None,
            home: String::new(),
            node_options: Vec::new(),
            version: "7.0.4".to_owned(),
            followed: true,
            zone: TimeZone::UTC,
            seed: 0,
        }
    }
}
