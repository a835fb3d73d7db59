//! Rolling reloads under load, in each way a client can use its connections.

use std::time::Duration;

use super::client::{Load, Style};
use super::{APP, reload, rounds, start};

/// Reloads that often while clients of this style are at work; not one request is lost.
fn survives(style: Style, clients: u32, version: Option<&str>) {
    let (ward, port) = start(APP, 2, version, &[]);
    let load = Load::start(port, style, clients);
    let usual = if matches!(style, Style::Long(_)) {
        10
    } else {
        25
    };
    let rounds = rounds(usual);
    for _ in 0..rounds {
        load.serve_more(u64::from(clients) * 2);
        reload(&ward);
    }
    load.serve_more(u64::from(clients));
    load.finish()
        .is_perfect(&format!("{style:?}, {rounds} reloads, Node {version:?}"));
}

#[test]
fn new_connections() {
    survives(Style::Close, 4, None);
}

#[test]
fn new_connections_on_node_22() {
    survives(Style::Close, 4, Some("22"));
}

#[test]
fn busy_connections() {
    survives(Style::KeepAlive(Duration::ZERO), 4, None);
}

#[test]
fn busy_connections_on_node_22() {
    survives(Style::KeepAlive(Duration::ZERO), 4, Some("22"));
}

#[test]
fn connections_with_pauses() {
    survives(Style::KeepAlive(Duration::from_millis(20)), 12, None);
}

#[test]
fn connections_with_pauses_on_node_22() {
    survives(Style::KeepAlive(Duration::from_millis(20)), 12, Some("22"));
}

/// The usual run keeps answers short enough for a test that is run often.
fn longest() -> Duration {
    Duration::from_millis(if rounds(0) == 0 { 600 } else { 2000 })
}

#[test]
fn long_answers() {
    survives(Style::Long(longest()), 8, None);
}

#[test]
fn long_answers_on_node_22() {
    survives(Style::Long(longest()), 8, Some("22"));
}
