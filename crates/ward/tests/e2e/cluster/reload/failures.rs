//! Reloads onto code that does not work replace nothing.

use std::time::Duration;

use crate::cluster::client::{Load, Style};
use crate::cluster::{APP, spread, start};

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
fn a_reload_that_fails_says_what_happened() {
    let (ward, port) = start(1);
    let before = spread(port, 1);
    let never = "setInterval(() => {}, 1000)\n";
    let killed = "process.kill(process.pid, 'SIGKILL')\n";
    for (code, more, reason) in [
        ("process.exit(3)\n", &[][..], "ended with code 3"),
        (killed, &[], "was ended by SIGKILL"),
        (
            never,
            &["--listen-timeout", "700"],
            "did not listen within 700 ms",
        ),
        (
            APP,
            &["--wait-ready", "--listen-timeout", "700"],
            "did not say `ready` within 700 ms",
        ),
    ] {
        ward.write("app.js", code);
        let words = [&["reload", "app"], more].concat();
        ward.run(&words)
            .fails()
            .complains(&format!("was not replaced: its successor {reason}"))
            .prints_no("Connections of");
        ward.run(&["describe", "app"]).prints(reason);
        assert_eq!(spread(port, 1), before);
    }
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
