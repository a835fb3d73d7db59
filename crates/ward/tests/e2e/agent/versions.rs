//! The version of Node in the record.

use serde_json::json;

use super::{IDLE, record_when};
use crate::harness::Ward;

/// The version of node comes from node itself where nothing of ours is inside the app.
#[test]
fn the_version_of_node_is_in_the_record_in_both_modes() {
    let ward = Ward::where_nobody_listens();
    ward.write("app.js", IDLE);
    ward.write("node.sh", "echo v99.9.9\n");
    ward.run(&["start", "app.js"]).succeeds();
    let version = std::process::Command::new("node")
        .arg("-p")
        .arg("process.versions.node")
        .output();
    let version = String::from_utf8(version.unwrap().stdout).unwrap();
    let record = record_when(&ward, "the version", |env| env["node_version"].is_string());
    assert_eq!(record["node_version"], version.trim());
    assert_eq!(record["axm_options"], json!({ "module_name": "app" }));
    ward.run(&["delete", "app"]).succeeds();
    ward.run(&["start", "app.js", "-i", "1", "--no-pmx"])
        .succeeds();
    let again = ward.app("app");
    assert_eq!(
        again["pm2_env"]["node_version"],
        version.trim(),
        "known by now"
    );
    ward.run(&["start", "node.sh"]).succeeds();
    assert_eq!(
        ward.app("node")["pm2_env"].get("node_version"),
        None,
        "no node"
    );
}

/// Any node is asked as the app is started, and one that never answers harms nobody.
#[test]
fn a_node_that_does_not_answer_delays_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let ward = Ward::new();
    ward.write("app.js", IDLE);
    for (name, answer) in [
        ("bin/a/node", "exec sleep 1000"),
        ("bin/b/node", "echo v99.9.9"),
    ] {
        let text =
            format!("#!/bin/sh\n[ \"$1\" = --version ] && {answer} && exit\nexec sleep 1000\n");
        let path = ward.write(name, &text);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    ward.run(&[
        "start",
        "app.js",
        "--name",
        "mute",
        "--interpreter",
        "./bin/a/node",
    ])
    .succeeds();
    ward.run(&[
        "start",
        "app.js",
        "--name",
        "app",
        "--interpreter",
        "./bin/b/node",
    ])
    .succeeds();
    let record = record_when(&ward, "the version", |env| env["node_version"].is_string());
    assert_eq!(record["node_version"], "99.9.9");
    assert_eq!(ward.app("mute")["pm2_env"].get("node_version"), None);
    assert_eq!(ward.status("mute"), "online");
}
