//! Pid files that are not what they should be.

use super::{World, as_root};
use crate::harness::{Attack, Ward};

/// Puts a pipe in the place of its pid file, which it holds open so that writing to it works.
const PIPE: &str = r"
const fs = require('fs'), path = process.env.PID_PLACE
fs.rmSync(path, { force: true })
require('child_process').execFileSync('mkfifo', [path])
fs.openSync(path, 'r+')
console.log('done')
setInterval(() => {}, 1000)
";

#[test]
fn a_pid_file_that_is_a_link_to_roots_file_is_not_written() {
    let Some(world) = as_root(Ward::new()) else {
        return;
    };
    let link = world.link("app.sock");
    let World { ward, .. } = &world;
    let dead = "setInterval(() => {}, 1000)";
    world.declare(dead, &format!("pid_file: {link:?}"));
    world.start().succeeds();
    let told = ward.daemon_log_when(|text| text.contains("is not written"));
    assert!(told.contains("the user nobody may not"), "{told}");
    ward.run(&["restart", "app"]).succeeds();
    ward.run(&["stop", "app"]).succeeds();
    assert_eq!(ward.daemon_log().matches("is not written").count(), 1);
    world.check();
}

/// Not even of one's own user: it is told, and nothing waits.
#[test]
fn a_pipe_in_the_place_of_a_pid_file_stops_nothing() {
    let ward = Ward::new();
    let path = ward.dir().join("app.pid");
    ward.write("app.js", PIPE);
    let file = format!(
        "module.exports = {{ name: 'app', script: 'app.js', pid_file: {path:?}, env: {{ PID_PLACE: {:?} }} }}",
        ward.dir().join("app-0.pid")
    );
    ward.write("ecosystem.config.js", &file);
    ward.run(&["start", "ecosystem.config.js"]).succeeds();
    ward.log_when("app-out.log", |text| text == "done\n");
    ward.run(&["restart", "app"]).succeeds();
    // Its reader is gone, or it is a pipe: either is a reason.
    ward.daemon_log_when(|text| text.contains("is not written"));
    ward.log_when("app-out.log", |text| text == "done\ndone\n");
    ward.run(&["stop", "app"]).succeeds();
    ward.run(&["ping"]).succeeds();
}

#[test]
fn a_device_is_no_pid_file() {
    let ward = Ward::under_attack();
    ward.write("app.js", "setInterval(() => {}, 1000)");
    ward.run(&["ping"]).succeeds();
    let attack = Attack::begin(&ward);
    for device in ["/dev/full", "/dev/zero"] {
        ward.run(&["start", "app.js", "-p", device]).succeeds();
        ward.run(&["delete", "app"]).succeeds();
        let told = format!("the pid file {device} is not written: it is no regular file");
        ward.daemon_log_when(|text| text.contains(&told));
    }
    attack.end();
}
