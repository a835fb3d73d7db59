//! Who accepts has to stop that before it can finish: reloads in every schedule lose no request of
//! clients that open a connection for each, with our agent inside the workers and without it.

use super::APP;
use super::client::{Load, Style};
use super::drain::{ENDLESS, home, start};

/// Reloads twenty times while clients open a connection for each request.
fn survives(more: &str) {
    let (ward, port) = home();
    start(&ward, APP, &format!("{more}, {ENDLESS}"));
    let load = Load::start(port, &[(Style::Close, 4)]);
    for _ in 0..20 {
        // Nobody waits for the time that a worker would be given: that ends behind the test.
        ward.run(&["reload", "app"]).succeeds();
        load.serve_more(8);
    }
    let outcome = load.finish();
    assert_eq!(
        outcome.errors,
        Vec::<String>::new(),
        "{more}: of {}",
        outcome.served
    );
}

#[test]
fn a_shared_socket_with_agent() {
    survives("sched: 'shared'");
}

#[test]
fn a_shared_socket_without_agent() {
    survives("sched: 'shared', agent: false");
}

#[test]
fn a_socket_per_slot_with_agent() {
    survives("sched: 'slot'");
}

#[test]
fn a_socket_per_slot_without_agent() {
    survives("sched: 'slot', agent: false");
}

#[test]
fn turns_without_agent() {
    survives("sched: 'rr', agent: false");
}
