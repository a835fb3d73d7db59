//! Where the agent does not report, and where nobody sees it.

use serde_json::json;

use super::{APP, exception, get, record_when, started};
use crate::harness::{Ward, free_port};

/// What the app can see of the agent, in every place it could look.
const LOOK: &str = "
const look = (where) => process.send({ where, execArgv: process.execArgv, argv: process.argv.slice(2),
  messages: process.listenerCount('message'),
  leaked: Object.keys(process.env).filter((n) => /agent|NODE_OPTIONS/i.test(n)) })
const { fork } = require('child_process')
const { Worker, isMainThread, parentPort } = require('worker_threads')
";

#[test]
fn the_agent_is_not_seen_and_not_handed_on() {
    let app = format!(
        "{LOOK}
if (process.argv[2] === 'child') {{ look('child'); process.disconnect() }}
else if (!isMainThread) parentPort.postMessage(process.execArgv)
else {{
  look('main')
  fork(__filename, ['child']).on('message', (m) => process.send(m))
  new Worker(__filename).on('message', (execArgv) => process.send({{ where: 'thread', execArgv }}))
}}"
    );
    let ward = Ward::where_nobody_listens();
    ward.write("app.js", &app);
    let mut bus = ward.bus();
    ward.run(&["start", "app.js", "-i", "1", "--node-args", "--no-warnings"])
        .succeeds();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let event = bus.wait("a look", |event| event.payload["raw"]["where"].is_string());
        let raw = &event.payload["raw"];
        assert_eq!(raw["execArgv"], json!(["--no-warnings"]), "{raw}");
        if raw["where"] != "thread" {
            // Node itself listens in a cluster worker.
            let own = u8::from(raw["where"] == "main");
            assert_eq!(raw["messages"], own, "{raw}");
            assert_eq!(raw["leaked"], json!([]), "{raw}");
        }
        seen.push(raw["where"].as_str().unwrap().to_owned());
    }
    seen.sort_unstable();
    assert_eq!(seen, ["child", "main", "thread"]);
}

#[test]
fn no_pmx_means_no_report_but_still_a_drain() {
    let report = "
process.send({ loaded: Object.keys(require.cache).map((f) => require('path').basename(f)) })
setTimeout(() => process.send('later'), 2500)";
    let (ward, _) = {
        let port = free_port();
        let ward = Ward::new().with_env("PORT", &port.to_string());
        ward.write("app.js", &format!("{APP}{report}"));
        (ward, port)
    };
    let mut bus = ward.bus();
    ward.run(&["start", "app.js", "-i", "1", "--no-pmx"])
        .succeeds();
    let event = bus.wait("its modules", |event| {
        event.payload["raw"]["loaded"].is_array()
    });
    let loaded = event.payload["raw"]["loaded"].to_string();
    assert!(loaded.contains("agent-drain-"), "{loaded}");
    bus.wait("longer than to the first report", |event| {
        event.payload["raw"] == "later"
    });
    let record = ward.app("app")["pm2_env"].clone();
    assert_eq!(record["axm_monitor"], json!({}));
    assert_eq!(record["axm_actions"], json!([]));
    assert_eq!(record["axm_options"], json!({}));
    ward.run(&["reload", "app"]).succeeds();
}

/// Its own metrics begin after ours were told: they are taken back, and no more come.
#[test]
fn an_app_that_reports_by_itself_is_alone() {
    let app = format!(
        "{APP}
setTimeout(() => {{
  process.send({{ type: 'axm:monitor', data: {{ Mine: {{ value: 1 }} }} }})
  setTimeout(() => process.send('later'), 2500)
}}, 2000)"
    );
    let (ward, port) = started(&app, &[]);
    record_when(&ward, "our metrics", |env| {
        env["axm_monitor"]["Heap Size"].is_object()
    });
    let mut bus = ward.bus();
    record_when(&ward, "its metrics", |env| {
        env["axm_monitor"]["Mine"].is_object()
    });
    get(port, "/");
    bus.wait("longer than to the next report", |event| {
        event.payload["raw"] == "later"
    });
    let record = ward.app("app")["pm2_env"].clone();
    assert_eq!(record["axm_monitor"], json!({ "Mine": { "value": 1 } }));
    assert_eq!(record["axm_actions"], json!([]));
    assert_eq!(record["axm_options"], json!({ "module_name": "app" }));
}

#[test]
fn an_app_with_a_library_of_pm2_is_never_reported_on() {
    let ward = Ward::where_nobody_listens();
    ward.write("node_modules/@pm2/io/index.js", "module.exports = 1");
    ward.write(
        "app.js",
        "require('@pm2/io'); setTimeout(() => process.send('later'), 2500)
         process.on('message', () => { throw new Error('boom') })",
    );
    let mut bus = ward.bus();
    ward.run(&["start", "app.js", "-i", "1"]).succeeds();
    bus.wait("longer than to the first report", |event| {
        event.payload["raw"] == "later"
    });
    assert_eq!(ward.app("app")["pm2_env"]["axm_monitor"], json!({}));
    // The library leaves the exceptions of cluster workers to whoever runs them.
    let packet = json!({ "id": 0, "type": "t", "topic": "x", "data": "throw" });
    ward.rpc().call("sendDataToProcessId", &json!([packet]));
    assert_eq!(exception(&mut bus)["message"], "boom");
}
