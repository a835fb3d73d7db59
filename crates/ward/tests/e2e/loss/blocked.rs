//! A worker whose event loop stands still for two seconds: it keeps no more connections waiting
//! than may be on their way to it.

use std::time::{Duration, Instant};

use super::APP;
use super::client::{Load, Style, ask};

fn delays(window: usize) {
    let file = format!(
        "module.exports = {{ name: 'app', script: 'app.js', instances: 3, exec_mode: 'cluster',
           cluster: {{ window: {window} }} }}\n"
    );
    let port = crate::harness::free_port();
    let ward = crate::harness::Ward::new().with_env("PORT", &port.to_string());
    ward.write("app.js", APP);
    ward.write("ecosystem.config.js", &file);
    ward.run(&["start", "ecosystem.config.js"]).succeeds();
    let mut bus = ward.bus();
    let began = Instant::now();
    let blocker = std::thread::spawn(move || ask(port, "block/2000"));
    bus.wait_output("app", "blocks");
    let load = Load::start(port, Style::Close, 24);
    while began.elapsed() < Duration::from_millis(1500) {
        load.serve_more(100);
    }
    blocker
        .join()
        .unwrap()
        .expect("the one who blocks is served");
    let outcome = load.finish();
    outcome.is_perfect("a blocked worker");
    // On a busy machine others may be slow, but not as slow as those that waited.
    let waited = outcome.times.iter();
    let waited = waited.filter(|time| **time > Duration::from_secs(1));
    let waited = waited.count();
    assert!((1..=window).contains(&waited), "{waited} waited");
}

#[test]
fn one_connection_waits_for_a_blocked_worker() {
    delays(1);
}

#[test]
fn no_more_connections_wait_than_the_window_has() {
    delays(4);
}
