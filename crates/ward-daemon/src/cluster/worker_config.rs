//! Where a worker belongs and how its app wants connections spread: all the primary needs to know
//! of a declaration.

use serde::{Deserialize, Serialize};
use ward_core::cluster::{ClusterOptions, Sched};
use ward_core::id::InstanceId;
use ward_core::instance::Instance;

use super::connection_count::ConnectionCount;
use super::port::Protocol;
use crate::rights::Rights;

/// Node's own variable for the schedule.
const POLICY: &str = "NODE_CLUSTER_SCHED_POLICY";

/// The place of a worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct WorkerConfig {
    /// Workers of one app share listeners.
    pub(crate) app: String,
    /// The slot, stable over restarts.
    pub(crate) instance: InstanceId,
    /// Schedule, window, limits.
    pub(crate) options: ClusterOptions,
    /// How often it has its turn.
    pub(crate) weight: u32,
    /// No connections before it says `ready`.
    pub(crate) wait_ready: bool,
    /// With whose rights its sockets are bound.
    #[serde(default)]
    pub(crate) rights: Rights,
    /// How it speaks.
    pub(crate) protocol: Protocol,
    /// Shows how many connections it has.
    #[serde(skip)]
    pub(crate) gauge: ConnectionCount,
    /// Why it got the default options instead of the declared ones.
    #[serde(skip)]
    pub(crate) complaint: Option<String>,
}

impl WorkerConfig {
    /// Whether it matters how many connections the worker has.
    pub(super) fn counts_connections(&self) -> bool {
        self.options.sched == Sched::LeastConnections || self.options.max_connections.is_some()
    }

    /// The place of an instance with this environment. Wrong options were refused when they were
    /// declared; those of a saved list are replaced by the defaults, which is told.
    pub(crate) fn of(instance: &Instance, env: &[(String, String)], protocol: Protocol) -> Self {
        let spec = &instance.spec;
        let inherited = env.iter().find(|(name, _)| name == POLICY);
        let options =
            ClusterOptions::of(&spec.cluster, inherited.map(|(_, policy)| policy.as_str()));
        let (options, complaint) = match options {
            Ok(options) => (options, None),
            Err(bad) => (ClusterOptions::default(), Some(bad.to_string())),
        };
        Self {
            app: spec.name.clone(),
            instance: instance.id,
            weight: options.weights.of_instance(instance.number),
            options,
            wait_ready: spec.start.wait_ready,
            rights: Rights::default(),
            protocol,
            gauge: ConnectionCount::default(),
            complaint,
        }
    }
}
