//! A worker whose event loop stands still: it keeps no more connections waiting than may be on
//! their way to it.

use super::APP;
use super::client::{Load, Style, ask};

fn delays(window: usize) {
    let file = format!(
        "module.exports = {{ name: 'app', script: 'app.js', instances: 3, exec_mode: 'cluster',
           cluster: {{ window: {window} }} }}\n"
    );
    let port = crate::harness::free_port();
    let ward = crate::harness::Ward::for_heavy_load().with_env("PORT", &port.to_string());
    ward.write("app.js", APP);
    ward.write("ecosystem.config.js", &file);
    ward.run(&["start", "ecosystem.config.js"]).succeeds();
    let mut bus = ward.bus();
    let blocker = std::thread::spawn(move || ask(port, "block"));
    bus.wait_output("app", "blocks");
    let load = Load::start(port, Style::Close, 24);
    load.serve_more(200);
    load.stop();
    // All get their answers but those that wait for the blocked worker.
    let waiting = load.wait_until_few_wait(window);
    assert!(waiting > 0, "the blocked worker has its share");
    ward.write("go", "");
    blocker
        .join()
        .unwrap()
        .expect("the one who blocks is served");
    load.finish().is_perfect("a blocked worker");
}

#[test]
fn one_connection_waits_for_a_blocked_worker() {
    delays(1);
}

#[test]
fn no_more_connections_wait_than_the_window_has() {
    delays(4);
}
