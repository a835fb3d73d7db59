//! Messages, exits and signals of cluster workers: as in fork mode.

use serde_json::{Value, json};

use crate::harness::{Event, Ward, kill};

/// A home with one worker of this app, and what it sent until it said `done`.
fn said(text: &str) -> (Ward, Vec<Event>) {
    let ward = Ward::where_nobody_listens();
    ward.write("app.js", &format!("{text}\nprocess.send({{ done: true }})"));
    let mut bus = ward.bus();
    ward.run(&["start", "app.js", "-i", "1"]).succeeds();
    let events = bus.collect_until("everything was sent", |event| {
        event.payload["raw"]["done"] == true
    });
    (ward, events)
}

#[test]
fn everything_a_worker_says_is_on_the_bus() {
    let (ward, events) = said(
        "process.send('word'); process.send({ no: 'type' }); process.send({ type: 'x', data: 0 })
         process.send({ type: 'my:event', data: { n: 1 } })
         process.send({ type: 'human:event', data: { __name: 'sale' } })
         process.send({ type: 'process:exception', data: { message: 'mine', stack: '' } })
         process.send({ type: 'axm:monitor', data: { Mine: { value: 3 } } })
         process.send({ type: 'axm:action', data: { action_name: 'go', action_type: 'custom' } })
         process.send({ type: 'axm:option:configuration', data: { mine: true } })
         process.send({ type: 'axm:reply', data: { return: 1, action_name: 'go' } })
         process.send({ node_version: '1.2.3' })",
    );
    let raw: Vec<&Value> = events
        .iter()
        .filter(|event| event.topic == "process:msg")
        .map(|event| &event.payload["raw"])
        .collect();
    let wanted = [
        json!("word"),
        json!({ "no": "type" }),
        json!({ "type": "x", "data": 0 }),
        json!({ "done": true }),
    ];
    assert_eq!(raw, wanted.iter().collect::<Vec<_>>());
    for (topic, data) in [
        ("my:event", json!({ "n": 1 })),
        ("human:event", json!({ "__name": "sale" })),
        (
            "process:exception",
            json!({ "message": "mine", "stack": "" }),
        ),
        ("axm:reply", json!({ "return": 1, "action_name": "go" })),
    ] {
        let event = events.iter().find(|event| event.topic == topic).unwrap();
        assert_eq!(event.payload["data"], data);
        let process = json!({ "pm_id": 0, "name": "app", "namespace": "default", "rev": null });
        assert_eq!(event.payload["process"], process);
        assert!(event.payload["at"].is_u64());
    }
    assert!(!events.iter().any(|event| event.topic == "axm:monitor"));
    let record = ward.app("app")["pm2_env"].clone();
    assert_eq!(record["axm_monitor"], json!({ "Mine": { "value": 3 } }));
    assert_eq!(record["axm_actions"][0]["action_name"], "go");
    assert_eq!(
        record["axm_options"],
        json!({ "mine": true, "module_name": "app" })
    );
    assert_eq!(record["node_version"], "1.2.3");
}

#[test]
fn junk_of_a_worker_harms_nobody() {
    let (ward, events) = said(
        "for (const m of [null, 0, '', [], {}, { type: 'pm2:kill', data: { msg: 'fake' } },
           { type: 'process:event', data: { event: 'exit' } }, { cmd: 'NODE_' }, { cmd: 'NODE_CLUSTER' },
           { cmd: 'NODE_CLUSTER', act: 'queryServer', seq: 'x' }, { cmd: 'NODE_CLUSTER', ack: -1 },
           { cmd: 'NODE_WARD' },
           { cmd: 'NODE_WARD', act: 'drained' }, { cmd: 'NODE_WARD', act: 'report' },
           { cmd: 'NODE_WARD', act: 'report', monitor: 1, options: [], actions: { a: 1 }, exception: 'x',
             reply: null, node_version: 20 },
           { cmd: 'NODE_WARD', act: 'report', options: { name: 'renamed' } }]) process.send(m)
         require('fs').writeSync(process.channel.fd ?? 3, 'no json\\n\\n{\\n')",
    );
    let raw = |wanted: &Value| {
        events
            .iter()
            .any(|event| event.payload.get("raw") == Some(wanted))
    };
    for value in [json!(null), json!(0), json!(""), json!([]), json!({})] {
        assert!(raw(&value), "{value}");
    }
    for topic in ["pm2:kill", "process:exception", "axm:reply"] {
        assert!(!events.iter().any(|event| event.topic == topic), "{topic}");
    }
    assert_eq!(ward.status("app"), "online");
    assert_eq!(ward.daemons().len(), 1);
}

#[test]
fn messages_reach_a_worker_verbatim() {
    let (ward, _) = said("process.on('message', (m) => process.send({ got: m }))");
    let mut bus = ward.bus();
    let packet =
        json!({ "id": 0, "type": "process:msg", "data": { "some": "data" }, "topic": "t" });
    let reply = ward.rpc().call("sendDataToProcessId", &json!([packet]));
    assert_eq!(
        reply,
        json!({ "args": [{ "success": true, "data": packet }] })
    );
    let event = bus.wait("its echo", |event| event.payload["raw"]["got"].is_object());
    assert_eq!(event.payload["raw"]["got"], packet);
    ward.run(&["reloadLogs"]).succeeds();
    let event = bus.wait("the logs", |event| event.payload["raw"]["got"].is_object());
    assert_eq!(event.payload["raw"]["got"], json!({ "type": "log:reload" }));
}

#[test]
fn a_worker_can_be_asked_to_end_by_message() {
    let ward = Ward::where_nobody_listens();
    ward.write(
        "app.js",
        "process.on('SIGINT', () => console.log('signal'))
         process.on('message', (m) => { console.log('got ' + m); process.exit(m === 'shutdown' ? 9 : 1) })
         process.send('up')",
    );
    let mut bus = ward.bus();
    let words = [
        "start",
        "app.js",
        "-i",
        "1",
        "--shutdown-with-message",
        "--kill-timeout",
        "600000",
    ];
    ward.run(&words).succeeds();
    bus.wait("it is up", |event| event.payload["raw"] == "up");
    ward.run(&["stop", "app"]).succeeds();
    assert_eq!(ward.app("app")["pm2_env"]["exit_code"], 9);
    let log = ward.log_when("app-out-0.log", |log| log.ends_with('\n'));
    assert_eq!(log, "got shutdown\n");
}

/// PM2 records 0 for nearly all of them.
#[test]
fn the_end_of_a_worker_is_recorded_as_it_was() {
    let ward = Ward::where_nobody_listens();
    ward.write(
        "app.js",
        "process.send('up'); process.on('message', (m) => {
           if (m.data === 'throw') throw new Error('x')
           if (m.data === 'reject') Promise.reject(new Error('x'))
           if (typeof m.data === 'number') process.exit(m.data)
         })",
    );
    let mut bus = ward.bus();
    ward.run(&["start", "app.js", "-i", "1", "--no-autorestart"])
        .succeeds();
    let ends = [
        (json!(3), 3, Value::Null),
        (json!("throw"), 1, Value::Null),
        (json!("reject"), 1, Value::Null),
        (json!("kill"), 137, json!("SIGKILL")),
    ];
    for (how, code, signal) in ends {
        bus.wait("it is up", |event| event.payload["raw"] == "up");
        if how == "kill" {
            kill(ward.pid("app"), rustix::process::Signal::KILL);
        } else {
            let packet = json!({ "id": 0, "type": "t", "topic": "x", "data": how });
            ward.rpc().call("sendDataToProcessId", &json!([packet]));
        }
        ward.wait_status("app", "stopped");
        let record = ward.app("app")["pm2_env"].clone();
        assert_eq!(record["exit_code"], code, "{how}");
        assert_eq!(record["exit_signal"], signal, "{how}");
        ward.run(&["start", "app"]).succeeds();
    }
}
