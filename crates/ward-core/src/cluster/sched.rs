//! How connections are spread.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::BadOption;
use crate::spec::ClusterSpec;

/// How connections are spread over the workers of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sched {
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

/// The values of `sched`.
const WANTED: &str =
    "use rr, shared, slot, weighted, least-conn, sticky-ip, sticky-header or sticky-cookie";

impl Sched {
    /// The schedule an app declares. Without one it is that of Node's own variable
    /// (`NODE_CLUSTER_SCHED_POLICY`), which is `inherited`.
    ///
    /// # Errors
    ///
    /// The schedule is unknown, or it needs the name of a header or cookie that is not declared.
    pub fn of(spec: &ClusterSpec, inherited: Option<&str>) -> Result<Self, BadOption> {
        let declared = spec.sched.as_deref();
        match declared.or(inherited).unwrap_or("rr") {
            "rr" | "" => Ok(Self::RoundRobin),
            "shared" | "none" => Ok(Self::Shared),
            "slot" => Ok(Self::Slot),
            "least-conn" => Ok(Self::LeastConnections),
            "sticky-ip" => Ok(Self::StickyAddress),
            "sticky-header" => named(spec, "header", "x-session").map(Self::StickyHeader),
            "sticky-cookie" => named(spec, "cookie", "sid").map(Self::StickyCookie),
            "weighted" => Ok(Self::Weighted),
            // Node takes any other value of its own variable for the default.
            _ if declared.is_none() => Ok(Self::RoundRobin),
            other => Err(BadOption {
                key: "sched",
                given: other.into(),
                wanted: WANTED.to_owned(),
            }),
        }
    }

    /// Whether connections belong to certain workers.
    pub fn is_sticky(&self) -> bool {
        matches!(
            self,
            Self::StickyAddress | Self::StickyHeader(_) | Self::StickyCookie(_)
        )
    }

    /// Whether the workers accept by themselves.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Shared | Self::Slot)
    }
}

/// The name of the header or cookie that makes connections stick (a token, RFC 9110 section 5.6.2).
fn named(
    spec: &ClusterSpec,
    key: &'static str,
    example: &'static str,
) -> Result<String, BadOption> {
    let declared = spec.options.get(key);
    let is_token = |name: &&str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !name.is_empty() && name.bytes().all(fits)
    };
    let name = declared.and_then(Value::as_str).filter(is_token);
    name.map(str::to_owned).ok_or_else(|| BadOption {
        key,
        given: declared.cloned().unwrap_or_default(),
        wanted: format!("name the {key}, as in cluster: {{ {key}: '{example}' }}"),
    })
}
