//! Signals that do not exist are refused where they are declared.

use serde_json::json;

use crate::harness::Ward;

const SLEEPER: &str = "exec sleep 1000\n";

#[test]
fn a_mistyped_kill_signal_starts_nothing_and_changes_nothing() {
    let ward = Ward::new();
    let script = ward.write("app.sh", SLEEPER);
    let file = |signal: &str| {
        let app = json!({"name": "web", "script": "./app.sh", "kill_signal": signal});
        ward.write("eco.config.json", &json!({ "apps": [app] }).to_string());
    };
    file("SIGTREM");
    ward.run(&["start", "eco.config.json"])
        .fails()
        .complains("kill_signal")
        .complains("\"SIGTREM\" is no signal, did you mean SIGTERM?");
    assert!(ward.list().is_empty(), "nothing was registered");
    // What programs say to the daemon itself is judged the same.
    let mut rpc = ward.rpc();
    let record = json!({"name": "web", "pm_exec_path": script, "env": {}, "kill_signal": "quitt"});
    let refusal = rpc.call("prepare", &json!([record]));
    let text = refusal["error"].as_str().unwrap_or_default();
    assert!(text.contains("did you mean SIGQUIT?"), "{refusal}");
    file("quit");
    ward.run(&["start", "eco.config.json"]).succeeds();
    assert_eq!(ward.app("web")["pm2_env"]["kill_signal"], "SIGQUIT");
    let pid = ward.pid("web");
    file("SIGTREM");
    ward.run(&["restart", "eco.config.json"])
        .fails()
        .complains("SIGTREM");
    assert_eq!(ward.pid("web"), pid, "it runs on as it was");
}

#[test]
fn a_mistyped_signal_of_the_daemon_is_said_in_its_log() {
    let ward = Ward::new().with_env("PM2_KILL_SIGNAL", "SIGTREM");
    ward.write("app.sh", SLEEPER);
    ward.run(&["start", "app.sh"]).succeeds();
    let log = ward.daemon_log_when(|log| log.contains("PM2_KILL_SIGNAL"));
    assert!(log.contains("did you mean SIGTERM?"), "{log}");
}
