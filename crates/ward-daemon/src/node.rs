//! What ward knows of the runtimes that speak Node's protocol: which they are, where they find their
//! channel, and the agent that runs inside them. It knows neither channels nor clusters.

pub(crate) mod agent;
mod runtime;

pub(crate) use runtime::{Runtime, spread_inspectors};

/// The descriptor at which an app finds its end of the channel.
pub(crate) const CHANNEL_FD: i32 = 3;
