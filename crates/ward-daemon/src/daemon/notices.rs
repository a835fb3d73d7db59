//! What the log says of workers, in words for people.

use ward_core::id::Life;

use super::parts::Core;
use crate::cluster::{Holder, WorkerEvent};

/// What the log says of an event, and whether it is an error.
pub(super) fn notice(core: &Core, life: Life, event: &WorkerEvent) -> Option<(bool, String)> {
    let name = || core.name_of(life);
    Some(match event {
        WorkerEvent::Listening {
            by_itself: true,
            place,
        } => (
            false,
            format!(
                "{} listens on {place} by itself: the kernel spreads its connections, and a reload may cut some",
                name()
            ),
        ),
        WorkerEvent::Uncounted(error) => (
            false,
            format!(
                "The kernel does not tell when connections end ({error}): those of workers are estimated by their open descriptors"
            ),
        ),
        WorkerEvent::Joined { place, app } => (
            false,
            format!(
                "{} listens on {place}, where the app {app} does: both get connections",
                name()
            ),
        ),
        WorkerEvent::Unreadable { place } => (
            true,
            format!(
                "{} gets connections on {place} that are no HTTP/1 (TLS?), in which no header or cookie can be read: they stick by address",
                name()
            ),
        ),
        WorkerEvent::Exhausted { place, error } => (
            true,
            format!(
                "No connections are accepted for now, they wait in the kernel (first on {place}): {}",
                error
                    .as_deref()
                    .unwrap_or("the descriptors that are left are kept for the daemon's own work")
            ),
        ),
        WorkerEvent::Relieved => (false, "Connections are accepted again".to_owned()),
        _ => return None,
    })
}

/// A holder that is one of our apps.
pub(super) fn ours(holder: Holder) -> String {
    match holder {
        // One socket for all and one for each slot exclude each other.
        Holder::OtherSched => {
            "this app has it with another sched: to change to or from slot, stop it first"
                .to_owned()
        }
        Holder::App(app) => format!("the app {app} has it"),
    }
}

/// Why a worker cannot listen there; completes "cannot …".
pub(super) fn in_use(place: &str, holder: Option<String>) -> String {
    let holder = holder.map_or_else(String::new, |holder| format!(", {holder}"));
    format!("listen on {place}: it is in use{holder}")
}

pub(super) fn no_permission(place: &str, port: Option<u16>) -> String {
    let hint = match port {
        Some(1..=1023) => {
            ": ports below 1024 need CAP_NET_BIND_SERVICE for the daemon, or a lower net.ipv4.ip_unprivileged_port_start"
        }
        _ => "",
    };
    format!("listen on {place}: permission denied{hint}")
}
