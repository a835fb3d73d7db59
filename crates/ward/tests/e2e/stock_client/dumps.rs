//! Saved lists, written by one and read by the other.

use serde_json::Value;

use super::{PM2, client};
use crate::harness::{Ward, npm};

/// The dump goes both ways: PM2 resurrects ours, we resurrect PM2's.
#[test]
fn dumps_go_both_ways() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    ward.run(&["start", "app.sh", "--name", "kept", "--", "a", "b"])
        .succeeds();
    ward.run(&["start", "app.sh", "--name", "halted"])
        .succeeds();
    ward.run(&["stop", "halted"]).succeeds();
    ward.run(&["save"]).succeeds();
    ward.run(&["kill"]).succeeds();
    // PM2's own daemon, in the same home.
    let own = |words: &[&str]| {
        let output = client(&ward, "node")
            .arg(npm(PM2).join("pm2/bin/pm2"))
            .args(words)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    own(&["resurrect"]);
    let list = own(&["jlist", "-s"]);
    let list: Vec<Value> = serde_json::from_str(list.trim()).unwrap();
    let of = |name: &str| list.iter().find(|app| app["name"] == name).unwrap()["pm2_env"].clone();
    assert_eq!(of("kept")["status"], "online");
    assert_eq!(of("kept")["args"], serde_json::json!(["a", "b"]));
    assert_eq!(of("halted")["status"], "stopped");
    own(&["save"]);
    own(&["kill"]);
    ward.run(&["resurrect"]).succeeds();
    assert_eq!(
        (ward.status("kept"), ward.status("halted")),
        ("online".to_owned(), "stopped".to_owned())
    );
    assert_eq!(
        ward.app("kept")["pm2_env"]["args"],
        serde_json::json!(["a", "b"])
    );
}
