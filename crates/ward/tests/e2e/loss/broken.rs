//! Reloads onto code that does not work: nobody notices but who asked for it.

use std::time::Duration;

use super::client::{Load, Style};
use super::{APP, pids, reload, start};

/// Ways to fail.
const BROKEN: [&str; 5] = [
    "throw new Error('broken')\n",
    "this is no program\n",
    "process.exit(0)\n",
    "setTimeout(() => process.exit(3), 50)\n",
    "require('http').createServer().listen(process.env.PORT, '192.0.2.1')\n",
];

#[test]
fn broken_code_replaces_nothing() {
    let (ward, port) = start(APP, 2, None, &[]);
    let before = pids(&ward);
    let new = Load::start(port, Style::Close, 2);
    let kept = Load::start(port, Style::KeepAlive(Duration::from_millis(5)), 4);
    for round in 0..20 {
        ward.write("app.js", BROKEN[round % BROKEN.len()]);
        ward.run(&["reload", "app"]).fails();
        assert_eq!(pids(&ward), before, "round {round}");
        new.serve_more(4);
        kept.serve_more(4);
    }
    ward.write("app.js", APP);
    reload(&ward);
    new.finish().is_perfect("new connections");
    kept.finish().is_perfect("kept connections");
}
