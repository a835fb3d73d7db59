//! The agent inside cluster workers: what it reports, that it stays out of the way, and that it
//! gives way to an app that reports by itself.

mod endings;
mod libraries;
mod messages;
mod versions;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Bus, Ward, free_port, look_again_until};

/// Serves, and does what it is told over HTTP.
const APP: &str = r"
require('http').createServer((request, response) => {
  response.end('ok')
  if (request.url === '/throw') setTimeout(() => { throw new TypeError('boom') }, 5)
  if (request.url === '/reject') Promise.reject(new RangeError('nobody catches this'))
}).listen(process.env.PORT)
";

/// Lives and does nothing.
const IDLE: &str = "setInterval(() => {}, 1000)";

fn started(app: &str, words: &[&str]) -> (Ward, u16) {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    ward.write("app.js", app);
    let words = [&["start", "app.js", "-i", "1"], words].concat();
    ward.run(&words).succeeds();
    (ward, port)
}

fn get(port: u16, path: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = crate::cluster::client::reach(port);
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// `pm2_env` of the app, when it is as wanted.
fn record_when(ward: &Ward, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let is_it = |app: &&Value| app["name"] == "app" && wanted(&app["pm2_env"]);
    // What an app reports changes its record, and nothing else.
    let list = look_again_until(
        what,
        || ward.list(),
        |list| list.iter().any(|app| is_it(&app)),
    );
    let found = list.iter().find(is_it).unwrap();
    found["pm2_env"].clone()
}

fn exception(bus: &mut Bus) -> Value {
    let event = bus.wait("an exception", |event| event.topic == "process:exception");
    assert_eq!(event.payload["process"]["name"], "app");
    event.payload["data"].clone()
}

/// Names, units and types as in PM2's records.
#[test]
fn a_worker_shows_what_pm2_shows() {
    let (ward, port) = started(APP, &[]);
    let kind = |record: &Value, name: &str| {
        let metric = &record["axm_monitor"][name];
        assert_eq!(metric["historic"], true, "{name}");
        (metric["unit"].clone(), metric["type"].clone())
    };
    let record = record_when(&ward, "metrics", |env| {
        env["axm_monitor"]["Heap Size"].is_object()
    });
    for (name, unit, id) in [
        ("Heap Size", json!("MiB"), "internal/v8/heap/total"),
        ("Heap Usage", json!("%"), "internal/v8/heap/usage"),
        ("Used Heap Size", json!("MiB"), "internal/v8/heap/used"),
        ("Active requests", Value::Null, "internal/libuv/requests"),
        ("Active handles", Value::Null, "internal/libuv/handles"),
        (
            "Event Loop Latency",
            json!("ms"),
            "internal/libuv/latency/p50",
        ),
        (
            "Event Loop Latency p95",
            json!("ms"),
            "internal/libuv/latency/p95",
        ),
    ] {
        assert_eq!(kind(&record, name), (unit, id.into()), "{name}");
    }
    assert!(
        record["axm_monitor"].get("HTTP").is_none(),
        "no traffic yet"
    );
    assert_eq!(record["axm_options"]["module_name"], "app");
    assert_eq!(record["axm_actions"][0]["action_name"], "km:heapdump");
    let printed = ward.run(&["prettylist"]).succeeds().stdout();
    assert_eq!(printed.matches("name: 'app'").count(), 3, "{printed}");
    for _ in 0..7 {
        get(port, "/");
    }
    let record = record_when(&ward, "traffic", |env| {
        env["axm_monitor"]["HTTP"]["value"] == 7
    });
    for (name, unit, id) in [
        ("HTTP", "req/min", "internal/http/builtin/reqs"),
        (
            "HTTP Mean Latency",
            "ms",
            "internal/http/builtin/latency/p50",
        ),
        (
            "HTTP P95 Latency",
            "ms",
            "internal/http/builtin/latency/p95",
        ),
    ] {
        assert_eq!(kind(&record, name), (unit.into(), id.into()), "{name}");
        assert!(record["axm_monitor"][name]["value"].is_number(), "{name}");
    }
}

/// Under load only some requests are timed, but all are counted.
#[test]
fn every_request_of_a_flood_is_counted() {
    let (ward, port) = started(APP, &[]);
    let counted = |app: &Value| app["pm2_env"]["axm_monitor"]["HTTP"]["value"].as_u64();
    let (mut asked, mut reported) = (0, BTreeSet::new());
    // Over several reports.
    while reported.len() < 2 {
        for _ in 0..100 {
            get(port, "/");
            asked += 1;
        }
        reported.extend(counted(&ward.app("app")));
    }
    let record = record_when(&ward, "the flood", |env| {
        // What moved by less than a tenth is not told.
        let counted = env["axm_monitor"]["HTTP"]["value"].as_u64().unwrap_or(0);
        assert!(counted <= asked, "{counted} of {asked}");
        counted * 10 >= asked * 9
    });
    let latency = &record["axm_monitor"]["HTTP Mean Latency"]["value"];
    assert!(latency.as_f64().unwrap() > 0.0, "{latency}");
}

/// Scripts count words in the printed list; what the agent tells must not change the counts.
#[test]
fn the_printed_list_says_each_thing_as_often_as_pm2() {
    let ward = Ward::new().with_env("PORT", &free_port().to_string());
    ward.write("app.js", APP);
    for mode in [&["-i", "1"][..], &["-f"]] {
        let words = [&["start", "app.js", "--name", "shop"], mode].concat();
        ward.run(&words).succeeds();
        let shop = || ward.app("shop")["pm2_env"].clone();
        look_again_until("report", shop, |record| {
            let told = |key: &str| !record[key].as_object().unwrap().is_empty();
            told("axm_options") && (mode[0] == "-f" || told("axm_monitor"))
        });
        let printed = ward.run(&["prettylist"]).succeeds().stdout();
        for (word, count) in [
            ("online", 1),
            ("restart_time", 1),
            ("exec_mode", 1),
            ("stopped", 0),
            ("errored", 0),
            ("launching", 0),
            ("pm_id: ", 2),
            ("name: 'shop'", 3),
            ("app.js", 1),
            // As a key, in the name and in three paths.
            ("shop", 3 + 1 + 3),
        ] {
            assert_eq!(printed.matches(word).count(), count, "{word} in {printed}");
        }
        ward.run(&["delete", "shop"]).succeeds();
    }
}

/// Told, and not caught: the process ends as it does without us.
#[test]
fn uncaught_errors_are_told_and_end_the_process() {
    let (ward, port) = started(APP, &["--no-autorestart"]);
    let mut bus = ward.bus();
    get(port, "/throw");
    let told = exception(&mut bus);
    assert_eq!(
        (&told["message"], &told["name"]),
        (&"boom".into(), &"TypeError".into())
    );
    assert!(
        told["stack"]
            .as_str()
            .unwrap()
            .starts_with("TypeError: boom\n    at ")
    );
    ward.wait_status("app", "stopped");
    assert_eq!(ward.app("app")["pm2_env"]["exit_code"], 1);
    ward.log_when("app-error-0.log", |log| log.contains("TypeError: boom"));

    ward.run(&["restart", "app"]).succeeds();
    get(port, "/reject");
    let told = exception(&mut bus);
    assert_eq!(told["message"], "nobody catches this");
    ward.wait_status("app", "stopped");
    assert_eq!(ward.app("app")["pm2_env"]["exit_code"], 1);
}

#[test]
fn an_app_that_catches_its_errors_lives_on() {
    let app = format!(
        "process.on('uncaughtException', (e) => console.log('caught ' + e.message));\
        process.on('unhandledRejection', (e) => console.log('handled ' + e.message));{APP}"
    );
    let (ward, port) = started(&app, &[]);
    let mut bus = ward.bus();
    let pid = ward.pid("app");
    get(port, "/throw");
    bus.wait_output("app", "caught boom");
    get(port, "/reject");
    bus.wait_output("app", "handled nobody");
    assert_eq!(ward.pid("app"), pid);
}

#[test]
fn a_heap_dump_is_a_file_of_the_user_alone() {
    use std::os::unix::fs::MetadataExt;
    let (ward, _) = started(APP, &[]);
    record_when(&ward, "actions", |env| {
        env["axm_actions"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    });
    let ran = ward
        .run(&["trigger", "app", "km:heapdump", "dump.heapsnapshot"])
        .succeeds()
        .prints("1 processes have received command km:heapdump\n");
    let file = ward.dir().join("dump.heapsnapshot");
    let answer = json!({ "success": true, "file": file });
    assert!(
        ran.stdout()
            .contains(&format!("[app:0:default]={answer}\n")),
        "{}",
        ran.stdout()
    );
    let dump = std::fs::read(&file).unwrap();
    assert!(serde_json::from_slice::<Value>(&dump).unwrap()["snapshot"].is_object());
    assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    ward.run(&["trigger", "0", "km:heapdump", "dump.heapsnapshot"])
        .succeeds()
        .prints(r#"{"success":false,"error":"EEXIST"#);
}

#[test]
fn trigger_says_what_is_wrong() {
    let (ward, _) = started(APP, &[]);
    for (words, text) in [
        (["0", "nope"], "Action doesn't exist nope for app\n"),
        (["99", "nope"], "99 id unknown\n"),
        (
            ["app", "nope"],
            "Not any process has received a command (offline or unexistent)\n",
        ),
        (
            ["nobody", "nope"],
            "Not any process has received a command (offline or unexistent)\n",
        ),
    ] {
        ward.run(&["trigger", words[0], words[1]])
            .fails()
            .complains(text);
    }
}

/// Every process answers, one of them by its end.
#[test]
fn trigger_waits_for_all() {
    let app = "
process.send({ type: 'axm:action', data: { action_name: 'go', action_type: 'custom', arity: 1 } })
process.on('message', (m) => {
  if (process.env.NODE_APP_INSTANCE === '1' && m.opts === 'die') process.exit(3)
  process.send({ type: 'axm:reply', data: { action_name: 'go', return: [m.opts || m] } })
})
process.send('up')";
    let ward = Ward::where_nobody_listens();
    ward.write("app.js", app);
    let mut bus = ward.bus();
    ward.run(&["start", "app.js", "-i", "2"]).succeeds();
    for _ in 0..2 {
        bus.wait("both are up", |event| event.payload["raw"] == "up");
    }
    ward.run(&["trigger", "app", "go"])
        .succeeds()
        .prints("2 processes have received command go\n")
        .prints("[app:0:default]=[\"go\"]\n")
        .prints("[app:1:default]=[\"go\"]\n");
    ward.run(&["trigger", "0", "go", "there"])
        .succeeds()
        .prints("1 processes have received command go\n[app:0:default]=[\"there\"]\n");
    ward.run(&["trigger", "all", "go", "die"])
        .fails()
        .prints("[app:0:default]=[\"die\"]\n")
        .complains("[app:1:default] ended before it answered\n");
}

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
fn modules_and_other_entries_are_reported_too() {
    let ward = Ward::where_nobody_listens();
    ward.write("app.mjs", "import 'fs'; setInterval(() => {}, 1000)");
    ward.run(&["start", "app.mjs", "-i", "1"]).succeeds();
    record_when(&ward, "metrics", |env| {
        env["axm_monitor"]["Heap Size"].is_object()
    });
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
