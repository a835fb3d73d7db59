//! Where a worker belongs and how its app wants connections spread: all the primary needs to know
//! of a declaration.

use std::collections::BTreeMap;

use serde_json::Value;
use ward_core::id::InstanceId;
use ward_core::instance::Instance;
use ward_core::spec::AppSpec;

use super::Runtime;
use super::census::Gauge;

/// The place of a worker.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seat {
    /// Workers of one app share listeners.
    pub(crate) app: String,
    /// The slot, stable over restarts.
    pub(crate) instance: InstanceId,
    /// How connections are spread.
    pub(crate) sched: Sched,
    /// Connections a worker may have that it has not read. One is best for short delays: a worker
    /// that hangs holds up no more than these.
    pub(crate) window: usize,
    /// For weighted turns.
    pub(crate) weight: u32,
    /// No connections before it says `ready`.
    pub(crate) wait_ready: bool,
    /// It runs our agent, which can drain connections.
    pub(crate) has_agent: bool,
    /// Shows how many connections it has.
    pub(crate) gauge: Gauge,
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
            "weighted" => Ok(Self::Weighted),
            // Node takes any other value of its own variable for the default.
            _ if declared.is_none() => Ok(Self::RoundRobin),
            other => Err(format!(
                "spread connections by sched {other:?}: use rr, shared, slot, weighted, least-conn or sticky-ip"
            )),
        }
    }

    /// Whether the workers accept by themselves.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Self::Shared | Self::Slot)
    }
}

impl Seat {
    /// Whether it matters how many connections the worker has.
    pub(super) fn counts_connections(&self) -> bool {
        self.sched == Sched::LeastConnections
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
        let weight = match sched {
            Sched::Weighted => weight(&spec.cluster.options, instance.number)?,
            _ => 1,
        };
        Ok(Self {
            app: spec.name.clone(),
            instance: instance.id,
            sched,
            window: window(&spec.cluster.options)?,
            weight,
            wait_ready: spec.start.wait_ready,
            has_agent,
            gauge: Gauge::default(),
            runtime,
        })
    }
}

fn window(options: &BTreeMap<String, Value>) -> Result<usize, String> {
    let Some(declared) = options.get("window").filter(|value| !value.is_null()) else {
        return Ok(1);
    };
    let window = declared
        .as_u64()
        .filter(|window| (1..=1024).contains(window));
    window
        .and_then(|window| usize::try_from(window).ok())
        .ok_or_else(|| format!("use a `window` of {declared}: it must be a number from 1 to 1024"))
}

/// The weight of the instance with this number: one number for all, or a list in their order. A
/// list that is too short begins again.
fn weight(options: &BTreeMap<String, Value>, number: u32) -> Result<u32, String> {
    let declared = options.get("weights").cloned().unwrap_or_default();
    let weight = match &declared {
        Value::Array(list) if !list.is_empty() => &list[number as usize % list.len()],
        other => other,
    };
    let weight = weight.as_u64().filter(|weight| (1..=1000).contains(weight));
    weight
        .and_then(|weight| u32::try_from(weight).ok())
        .ok_or_else(|| {
            format!("use `weights` of {declared}: give a list of numbers from 1 to 1000")
        })
}
