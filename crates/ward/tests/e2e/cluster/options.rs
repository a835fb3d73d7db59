//! Options of a cluster are checked when they are declared; those of a saved list never stop an app.

use serde_json::json;

use super::client::get;
use crate::harness::{Ward, free_port};

const APP: &str =
    "require('http').createServer((_, it) => it.end('ok')).listen(process.env.PORT)\n";

fn declare(ward: &Ward, more: &str) {
    ward.write("app.js", APP);
    let file = format!(
        "module.exports = {{ name: 'app', script: 'app.js', instances: 2, exec_mode: 'cluster', {more} }}\n"
    );
    ward.write("ecosystem.config.js", &file);
}

#[test]
fn wrong_options_are_refused_before_anything_starts() {
    for (more, key, given, wanted) in [
        (
            "cluster: { window: 0 }",
            "cluster.window",
            "0",
            "a number from 1 to 1024",
        ),
        (
            "sched: 'weighted', cluster: { weights: [1, 0] }",
            "cluster.weights",
            "[1,0]",
            "from 1 to 1000",
        ),
        (
            "sched: 'weighted'",
            "cluster.weights",
            "null",
            "from 1 to 1000",
        ),
        (
            "sched: 'sticky-cookie'",
            "cluster.cookie",
            "null",
            "name the cookie",
        ),
        (
            "sched: 'slot', cluster: { max_connections: 9 }",
            "cluster.max_connections",
            "9",
            "by themselves",
        ),
    ] {
        let ward = Ward::new();
        declare(&ward, more);
        let ran = ward.run(&["start", "ecosystem.config.js"]);
        assert_eq!(ran.code(), 1, "{more}");
        let said = ran.stderr();
        for part in [key, given, wanted] {
            assert!(said.contains(part), "{part} in {said}");
        }
        assert_eq!(ward.list(), Vec::<serde_json::Value>::new(), "{more}");
    }
}

/// As a stock client or a dashboard would send it.
#[test]
fn a_record_with_wrong_options_is_refused() {
    let ward = Ward::new();
    ward.write("app.js", APP);
    ward.run(&["ping"]).succeeds();
    let script = ward.dir().join("app.js");
    let record = json!({
        "name": "app", "pm_exec_path": script, "pm_cwd": ward.dir(), "exec_mode": "cluster_mode",
        "instances": 2, "env": {}, "cluster": { "window": "many" },
    });
    let mut rpc = ward.rpc();
    rpc.send("prepare", &json!([record]));
    let (_, reply) = rpc.reply();
    let reply = reply.to_string();
    assert!(
        reply.contains("cluster.window") && reply.contains("many"),
        "{reply}"
    );
    assert_eq!(ward.list(), Vec::<serde_json::Value>::new());
}

#[test]
fn a_saved_app_with_wrong_options_comes_back_with_the_defaults() {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    declare(&ward, "cluster: { window: 77 }");
    ward.run(&["start", "ecosystem.config.js"]).succeeds();
    ward.run(&["save"]).succeeds();
    ward.run(&["kill"]).succeeds();
    let dump = ward.home().join("dump.pm2");
    let saved = std::fs::read_to_string(&dump).unwrap();
    assert!(saved.contains("77"), "{saved}");
    let wrong = saved.replace("77", "77000");
    std::fs::write(&dump, wrong).unwrap();
    ward.run(&["resurrect"]).succeeds();
    ward.daemon_log_when(|log| log.contains("\"cluster.window\" cannot be 77000"));
    assert_eq!(get(port), "ok");
    // A restart asks nobody to mend the file first.
    ward.run(&["restart", "app"]).succeeds();
    assert_eq!(get(port), "ok");
}
