//! Reloads lose nothing.

use std::time::Duration;

use super::client::{Load, Style};
use super::{APP, spread, start};

#[test]
fn rolling_reloads_under_load_lose_nothing() {
    let (ward, port) = start(2);
    let styles = [
        (Style::Close, 2),
        (Style::KeepAlive(Duration::ZERO), 2),
        (Style::KeepAlive(Duration::from_millis(20)), 2),
    ];
    let load = Load::start(port, &styles);
    for _ in 0..11 {
        let before = spread(port, 6);
        ward.run(&["reload", "app"]).succeeds();
        let after = spread(port, 6);
        assert!(
            before.keys().all(|pid| !after.contains_key(pid)),
            "all are new"
        );
        load.serve_more(20);
    }
    let outcome = load.finish();
    assert_eq!(
        outcome.errors,
        Vec::<String>::new(),
        "of {}",
        outcome.served
    );
}

#[test]
fn long_answers_are_finished() {
    let port = crate::harness::free_port();
    let ward = crate::harness::Ward::new().with_env("PORT", &port.to_string());
    let slow = "
const body = 'x'.repeat(100)
require('http').createServer((request, response) => {
  response.setHeader('Content-Length', 100)
  response.write(body.slice(0, 50))
  setTimeout(() => response.end(body.slice(50)), 700)
}).listen(process.env.PORT)
";
    ward.write("app.js", slow);
    ward.run(&["start", "app.js", "-i", "2"]).succeeds();
    let load = Load::start(port, &[(Style::Close, 8)]);
    for _ in 0..3 {
        load.serve_more(4);
        ward.run(&["reload", "app"]).succeeds();
    }
    assert_eq!(load.finish().errors, Vec::<String>::new());
}

#[test]
fn a_reload_onto_broken_code_keeps_the_old_workers() {
    let (ward, port) = start(2);
    let before = spread(port, 4);
    let load = Load::start(
        port,
        &[(Style::Close, 2), (Style::KeepAlive(Duration::ZERO), 2)],
    );
    ward.write("app.js", "throw new Error('broken')\n");
    for _ in 0..3 {
        ward.run(&["reload", "app"]).fails();
        load.serve_more(20);
    }
    let outcome = load.finish();
    assert_eq!(
        outcome.errors,
        Vec::<String>::new(),
        "of {}",
        outcome.served
    );
    assert_eq!(spread(port, 4), before, "nothing was replaced");
    ward.write("app.js", APP);
    ward.run(&["reload", "app"]).succeeds();
    assert_ne!(spread(port, 4), before);
}

#[test]
fn a_worker_that_is_not_ready_gets_nothing() {
    let port = crate::harness::free_port();
    let ward = crate::harness::Ward::new().with_env("PORT", &port.to_string());
    let late = format!("{APP}\nsetTimeout(() => process.send('ready'), 300)\n");
    ward.write("app.js", &late);
    ward.run(&["start", "app.js", "-i", "2", "--wait-ready"])
        .succeeds();
    let before = spread(port, 4);
    ward.write("app.js", APP);
    ward.run(&["reload", "app", "--listen-timeout", "800"])
        .fails();
    assert_eq!(spread(port, 4), before, "never ready, never used");
}
