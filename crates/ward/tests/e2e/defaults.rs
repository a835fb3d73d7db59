//! The times that hold where nobody sets them. The harness sets longer ones for all other tests, see `CONTRIBUTING.md`.

use std::time::{Duration, Instant};

use crate::harness::{Ward, free_port};

/// A home whose daemon takes all times as they are by themselves.
fn untouched() -> Ward {
    let mut ward = Ward::new().with_env("PORT", &free_port().to_string());
    ward.unset_env("WARD_SETTLING_TIME");
    ward.unset_env("PM2_GRACEFUL_LISTEN_TIMEOUT");
    ward
}

const SERVER: &str = "require('http').createServer().listen(process.env.PORT)";

/// 1500 ms. Only the agent could say earlier that the worker rests.
#[test]
fn a_start_waits_for_a_worker_that_never_listens_as_long_as_documented() {
    let ward = untouched();
    ward.write("app.js", "setInterval(() => {}, 1000)");
    let file = "module.exports = { name: 'app', script: 'app.js', instances: 1, exec_mode: 'cluster', agent: false }";
    ward.write("ecosystem.config.js", file);
    let before = Instant::now();
    ward.run(&["start", "ecosystem.config.js"]).succeeds();
    let took = before.elapsed();
    assert!(took >= Duration::from_millis(1500), "{took:?}");
    // The harness gives others 30 seconds.
    assert!(took < Duration::from_secs(30), "{took:?}");
    assert_eq!(ward.status("app"), "online");
}

#[test]
fn a_successor_has_three_seconds_to_get_ready() {
    let ward = untouched();
    ward.write("app.js", &format!("{SERVER}\nprocess.send('ready')"));
    ward.run(&["start", "app.js", "-i", "1", "--wait-ready"])
        .succeeds();
    ward.write("app.js", SERVER);
    ward.run(&["reload", "app"])
        .fails()
        .complains("did not say `ready` within 3000 ms");
}

#[test]
fn the_home_is_a_folder_in_that_of_the_user() {
    let mut ward = Ward::new();
    let home = ward.root().join(".ward");
    ward.unset_env("WARD_HOME");
    ward.run(&["ping"]).succeeds();
    assert!(home.join("rpc.sock").exists());
    // For the end of the daemon.
    ward.set_env("WARD_HOME", home.to_str().expect("a path in UTF-8"));
}
