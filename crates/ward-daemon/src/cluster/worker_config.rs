//! Where a worker belongs and how its app wants connections spread: all the primary needs to know
//! of a declaration.

use serde_json::Value;
use ward_core::id::InstanceId;
use ward_core::instance::Instance;
use ward_core::spec::AppSpec;

use super::Runtime;
use super::connection_count::ConnectionCount;
use super::options::Options;

/// The place of a worker.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WorkerConfig {
    /// Workers of one app share listeners.
    pub(crate) app: String,
    /// The slot, stable over restarts.
    pub(crate) instance: InstanceId,
    /// How connections are spread.
    pub(crate) sched: Sched,
    /// Window, weight, limits.
    pub(crate) options: Options,
    /// No connections before it says `ready`.
    pub(crate) wait_ready: bool,
    /// It runs our agent, which can drain connections.
    pub(crate) has_agent: bool,
    /// Shows how many connections it has.
    pub(crate) gauge: ConnectionCount,
    /// What it runs on.
    pub(crate) runtime: Runtime,
}

/// How connections are spread over the workers of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sched {
    /// In turn.
    RoundRobin,
    /// The workers accept on the same socket; the kernel decides.
    Shared,
    /// Each slot has a socket of its own on the same address; the kernel decides.
    Slot,
    /// In turn, but so often as their weights say.
    Weighted,
    /// To the worker with the fewest open connections.
    LeastConnections,
    /// The same address goes to the same slot.
    StickyAddress,
    /// Connections whose first request has the same value in this header go to the same slot.
    StickyHeader(String),
    /// The same for a cookie.
    StickyCookie(String),
}

impl Sched {
    /// The schedule an app declares, or what is wrong with it.
    pub(crate) fn of(spec: &AppSpec, env: &[(String, String)]) -> Result<Self, String> {
        let declared = spec.cluster.sched.as_deref();
        let inherited = || {
            let policy = env
                .iter()
                .find(|(name, _)| name == "NODE_CLUSTER_SCHED_POLICY");
            policy.map_or("rr", |(_, policy)| policy.as_str())
        };
        match declared.unwrap_or_else(inherited) {
            "rr" | "" => Ok(Self::RoundRobin),
            "shared" | "none" => Ok(Self::Shared),
            "slot" => Ok(Self::Slot),
            "least-conn" => Ok(Self::LeastConnections),
            "sticky-ip" => Ok(Self::StickyAddress),
            "sticky-header" => Ok(Self::StickyHeader(named(spec, "header", "x-session")?)),
            "sticky-cookie" => Ok(Self::StickyCookie(named(spec, "cookie", "sid")?)),
            "weighted" => Ok(Self::Weighted),
            // Node takes any other value of its own variable for the default.
            _ if declared.is_none() => Ok(Self::RoundRobin),
            other => Err(format!(
                "spread connections by sched {other:?}: use rr, shared, slot, weighted, least-conn, sticky-ip, sticky-header or sticky-cookie"
            )),
        }
    }

    /// Whether connections belong to certain workers.
    pub(crate) fn is_sticky(&self) -> bool {
        matches!(
            self,
            Self::StickyAddress | Self::StickyHeader(_) | Self::StickyCookie(_)
        )
    }

    /// Whether the workers accept by themselves.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Self::Shared | Self::Slot)
    }
}

impl WorkerConfig {
    /// Whether it matters how many connections the worker has.
    pub(super) fn counts_connections(&self) -> bool {
        self.sched == Sched::LeastConnections || self.options.max_connections.is_some()
    }

    /// The seat of an instance, or what is wrong with its declaration.
    pub(crate) fn of(
        instance: &Instance,
        env: &[(String, String)],
        has_agent: bool,
        runtime: Runtime,
    ) -> Result<Self, String> {
        let spec = &instance.spec;
        let sched = Sched::of(spec, env)?;
        let options = Options::of(&spec.cluster.options, &sched, instance.number)?;
        Ok(Self {
            app: spec.name.clone(),
            instance: instance.id,
            sched,
            options,
            wait_ready: spec.start.wait_ready,
            has_agent,
            gauge: ConnectionCount::default(),
            runtime,
        })
    }
}

/// The name of the header or cookie that makes connections stick (a token, RFC 9110 section 5.6.2).
fn named(spec: &AppSpec, key: &str, example: &str) -> Result<String, String> {
    let declared = spec.cluster.options.get(key).and_then(Value::as_str);
    let is_token = |name: &&str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !name.is_empty() && name.bytes().all(fits)
    };
    declared.filter(is_token).map(str::to_owned).ok_or_else(|| {
        format!("spread connections by {key}: name it, as in cluster: {{ {key}: '{example}' }}")
    })
}
