//! What the daemon reads from its own environment, once.

use std::env;
use std::str::FromStr;
use std::time::Duration;

use jiff::tz::TimeZone;
use ward_core::defaults::Defaults;
use ward_core::signal::{self, UnknownSignal};

use ward_home::Paths;

/// Settings of the shell around the core.
#[derive(Debug)]
pub(super) struct Settings {
    /// Owner of the sockets (`PM2_SOCKET_USER`, `PM2_SOCKET_GROUP`), when both are given.
    pub(super) socket_owner: Option<(u32, u32)>,
    /// Lives get cgroups of their own where that is possible, unless `WARD_CGROUPS` is `off`.
    pub(super) with_cgroups: bool,
}

impl Settings {
    pub(super) fn from_env() -> Self {
        Self {
            socket_owner: parsed("PM2_SOCKET_USER").zip(parsed("PM2_SOCKET_GROUP")),
            with_cgroups: env::var("WARD_CGROUPS").as_deref() != Ok("off"),
        }
    }
}

impl Settings {
    /// Gives the sockets to the configured owner.
    pub(super) fn own_sockets(&self, paths: &Paths) -> std::io::Result<()> {
        if let Some((user, group)) = self.socket_owner {
            for socket in [&paths.rpc_socket, &paths.pub_socket] {
                std::os::unix::fs::chown(socket, Some(user), Some(group))?;
            }
        }
        Ok(())
    }
}

/// What holds for every app unless its declaration says otherwise.
pub(super) fn defaults(paths: &Paths) -> Defaults {
    let base = Defaults::default();
    let signal = kill_signal().and_then(Result::ok);
    let node_options = env::var("PM2_NODE_OPTIONS").unwrap_or_default();
    Defaults {
        kill_timeout: milliseconds("PM2_KILL_TIMEOUT").unwrap_or(base.kill_timeout),
        listen_timeout: milliseconds("PM2_GRACEFUL_LISTEN_TIMEOUT").unwrap_or(base.listen_timeout),
        settling: milliseconds("WARD_SETTLING_TIME").unwrap_or(base.settling),
        drain_timeout: milliseconds("PM2_GRACEFUL_TIMEOUT").unwrap_or(base.drain_timeout),
        kill_signal: signal.unwrap_or(base.kill_signal),
        use_message: env::var("PM2_KILL_USE_MESSAGE").is_ok_and(|value| !value.is_empty()),
        backoff_reset: milliseconds("EXP_BACKOFF_RESET_TIMER").unwrap_or(base.backoff_reset),
        concurrent_actions: parsed("PM2_CONCURRENT_ACTIONS")
            .filter(|count| *count > 0)
            .unwrap_or(base.concurrent_actions),
        worker_interval: milliseconds("PM2_WORKER_INTERVAL").unwrap_or(base.worker_interval),
        cpus: u32::try_from(ward_sys::limits::cpu_count()).unwrap_or(1),
        instance_var: env::var("PM2_PROCESS_INSTANCE_VAR")
            .ok()
            .filter(|name| !name.is_empty()),
        home: paths.home.display().to_string(),
        node_options: node_options.split_whitespace().map(str::to_owned).collect(),
        version: ward_home::PM2_VERSION.to_owned(),
        // Until somebody subscribes.
        followed: false,
        zone: TimeZone::system(),
        // Never a constant instead: the ids tell the processes of one daemon from those of the last.
        seed: getrandom::u64()
            .expect("the kernel has random bytes, which maps of std need as well"),
    }
}

/// The signal that asks apps to stop, if one is named (`PM2_KILL_SIGNAL`).
fn kill_signal() -> Option<Result<i32, UnknownSignal>> {
    let name = env::var("PM2_KILL_SIGNAL").ok();
    let name = name.filter(|name| !name.is_empty());
    name.map(|name| signal::parse(&name))
}

/// What is wrong with the settings in the environment, for the daemon's log.
pub(super) fn complaints() -> Vec<String> {
    let signal = kill_signal().and_then(Result::err);
    let signal = signal.map(|unknown| {
        format!("PM2_KILL_SIGNAL is ignored, apps are asked to stop by SIGINT: {unknown}")
    });
    signal.into_iter().collect()
}

fn milliseconds(variable: &str) -> Option<Duration> {
    parsed(variable).map(Duration::from_millis)
}

fn parsed<T: FromStr>(variable: &str) -> Option<T> {
    env::var(variable).ok()?.trim().parse().ok()
}
