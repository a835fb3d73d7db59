//! What a cluster is, as declared: how connections are spread over the workers of an app, within
//! which limits, and which part a process plays in it.

mod options;
mod privileged_ports;
mod role;
mod sched;

pub use options::{ClusterOptions, Weights};
pub use role::Role;
pub use sched::Sched;

use serde_json::Value;

/// A value under `cluster` or `sched` that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {wanted}", self.subject())]
pub struct BadOption {
    /// The key: `sched`, or one within `cluster`.
    pub key: &'static str,
    /// What was given; `null` for nothing.
    pub given: Value,
    /// What is allowed.
    pub wanted: String,
}

impl BadOption {
    fn subject(&self) -> String {
        let place = if self.key == "sched" { "" } else { "cluster." };
        if self.given.is_null() {
            format!("\"{place}{}\" is missing", self.key)
        } else {
            format!("\"{place}{}\" cannot be {}", self.key, self.given)
        }
    }
}
