//! Reloads onto code that does not work: nobody notices but who asked for it.

use std::time::Duration;

use super::client::{Load, Style};
use super::{APP, pids, reload, start};

/// Ways to fail, the last one only for an app that is waited for until it says that it is ready.
const BROKEN: [&str; 7] = [
    "throw new Error('broken')\n",
    "this is no program\n",
    "process.exit(0)\n",
    "setTimeout(() => process.exit(3), 50)\n",
    "require('http').createServer().listen(process.env.PORT, '192.0.2.1')\n",
    "setInterval(() => {}, 1000)\n",
    "require('http').createServer().listen(process.env.PORT)\n",
];

/// Twenty rounds of broken code in each of these ways, while clients are at work.
fn replaces_nothing(ways: &[&str], script: &str, words: &[&str]) {
    let (ward, port) = start(script, 2, None, words);
    let before = pids(&ward);
    let new = Load::start(port, Style::Close, 2);
    let kept = Load::start(port, Style::KeepAlive(Duration::from_millis(5)), 4);
    for round in 0..20 {
        ward.write("app.js", ways[round % ways.len()]);
        ward.run(&["reload", "app"]).fails();
        assert_eq!(pids(&ward), before, "round {round}");
        new.serve_more(4);
        kept.serve_more(4);
    }
    ward.write("app.js", script);
    reload(&ward);
    for (what, load) in [("new connections", new), ("kept connections", kept)] {
        load.finish().is_perfect(what);
    }
}

#[test]
fn broken_code_replaces_nothing() {
    replaces_nothing(&BROKEN[..6], APP, &["--listen-timeout", "1000"]);
}

#[test]
fn code_that_never_gets_ready_replaces_nothing() {
    let script = format!("{APP}process.send('ready')\n");
    let words = ["--wait-ready", "--listen-timeout", "1000"];
    replaces_nothing(&BROKEN, &script, &words);
}
