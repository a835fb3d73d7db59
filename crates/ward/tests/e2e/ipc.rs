//! Node's IPC channel: readiness, messages both ways, junk.

use std::process::Stdio;

use serde_json::json;

use crate::harness::Ward;

#[test]
fn start_waits_for_ready_from_node_python_and_bash() {
    let ward = Ward::new();
    ward.write(
        "n.js",
        "setTimeout(() => process.send('ready'), 200); setInterval(() => {}, 1000)",
    );
    ward.write(
        "p.py",
        "import os, socket, time\ns = socket.socket(fileno=int(os.environ['NODE_CHANNEL_FD']))\ntime.sleep(.1)\ns.sendall(b'\"ready\"\\n')\ntime.sleep(1000)\n",
    );
    ward.write(
        "b.sh",
        "sleep 0.1\necho '\"ready\"' >&\"$NODE_CHANNEL_FD\"\nexec sleep 1000\n",
    );
    for (script, name) in [("n.js", "n"), ("p.py", "p"), ("b.sh", "b")] {
        let words = [
            "start",
            script,
            "--wait-ready",
            "--listen-timeout",
            "600000",
        ];
        // It would take ten minutes if `ready` were not heard.
        ward.run(&words).succeeds();
        assert_eq!(ward.status(name), "online");
    }
}

#[test]
fn an_app_that_never_says_ready_is_up_after_the_timeout() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    ward.run(&["start", "app.sh", "--wait-ready", "--listen-timeout", "200"])
        .succeeds();
    assert_eq!(ward.status("app"), "online");
}

/// Lifecycle 10.1 and 10.30: no message of an app harms the daemon or speaks in its name.
#[test]
fn no_message_of_an_app_harms_the_daemon() {
    let ward = Ward::new();
    ward.write(
        "app.js",
        "for (const m of [null, 0, '', [], {}, {type: 'x'}, {type: 'pm2:kill', data: {msg: 'fake'}},
           {type: 'process:event', data: {event: 'exit'}}, {cmd: 'NODE_'}, {cmd: 'NODE_FOO'}]) process.send(m);
         require('fs').writeSync(3, 'no json\\n\\n{\\n');
         process.send({type: 'custom:topic', data: {x: 1}});
         process.send({last: true});
         setInterval(() => {}, 1000)",
    );
    let mut bus = ward.bus();
    ward.run(&["start", "app.js"]).succeeds();
    let events = bus.collect_until("the last message", |event| {
        event.payload["raw"]["last"] == true
    });
    assert!(
        events
            .iter()
            .any(|event| event.topic == "custom:topic" && event.payload["data"]["x"] == 1)
    );
    assert!(
        events
            .iter()
            .any(|event| event.topic == "process:msg" && event.payload["raw"].is_null())
    );
    assert!(!events.iter().any(|event| event.topic == "pm2:kill"));
    assert!(
        !events
            .iter()
            .any(|event| event.topic == "process:event" && event.payload.get("data").is_some())
    );
    assert_eq!(ward.status("app"), "online");
    assert_eq!(ward.daemons().len(), 1);
}

#[test]
fn shutdown_with_message_lets_the_app_end_itself() {
    let ward = Ward::new();
    ward.write(
        "app.js",
        "process.on('SIGINT', () => console.log('signal'));
         process.on('message', (m) => { console.log('got ' + m); process.exit(m === 'shutdown' ? 9 : 1); });
         console.log('up')",
    );
    let mut bus = ward.bus();
    ward.run(&[
        "start",
        "app.js",
        "--shutdown-with-message",
        "--kill-timeout",
        "600000",
    ])
    .succeeds();
    bus.wait_output("app", "up");
    ward.run(&["stop", "app"]).succeeds();
    assert_eq!(ward.app("app")["pm2_env"]["exit_code"], 9);
    let out = ward.log_when("app-out.log", |log| log.contains("got shutdown\n"));
    assert!(!out.contains("signal"), "{out}");
}

#[test]
fn data_and_lines_reach_the_app() {
    let ward = Ward::new();
    ward.write(
        "app.js",
        "process.on('message', (m) => console.log('message ' + JSON.stringify(m)));
         process.stdin.on('data', (d) => console.log('line ' + String(d).trim()));
         console.log('up')",
    );
    let mut bus = ward.bus();
    ward.run(&["start", "app.js"]).succeeds();
    bus.wait_output("app", "up");
    let packet = json!({ "id": 0, "type": "t", "topic": "x", "data": { "a": 1 } });
    let reply = ward.rpc().call("sendDataToProcessId", &json!([packet]));
    assert_eq!(
        reply,
        json!({ "args": [{ "success": true, "data": packet }] })
    );
    let event = bus.wait_output("app", "message");
    assert!(
        event.payload["data"]
            .as_str()
            .unwrap()
            .contains("\"topic\":\"x\"")
    );
    ward.run(&["send", "0", "hello there"]).succeeds();
    bus.wait_output("app", "line hello there");
    ward.run(&["send", "9", "hello"])
        .fails()
        .complains("Process with ID <9> unknown.");
    let mut attach = ward.command(&["attach", "0"]);
    let mut attach = attach
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(attach.stdin.as_mut().unwrap(), b"through attach\n").unwrap();
    bus.wait_output("app", "line through attach");
    drop(attach.stdin.take());
    assert_eq!(attach.wait().unwrap().code(), Some(0));
}

#[test]
fn metrics_actions_and_options_are_kept_in_the_record() {
    let ward = Ward::new();
    ward.write(
        "app.js",
        "process.send({type: 'axm:monitor', data: {'Loop': {value: '1', unit: 'ms'}}});
         process.send({type: 'axm:action', data: {action_name: 'go', action_type: 'custom', arity: 1}});
         process.send({type: 'axm:option:configuration', data: {error: true}});
         process.on('message', (m) => process.send({type: 'axm:reply', data: {return: 'went', action_name: m.msg || m}}));
         process.send({done: true})",
    );
    let mut bus = ward.bus();
    ward.run(&["start", "app.js"]).succeeds();
    bus.wait("the last message", |event| {
        event.payload["raw"]["done"] == true
    });
    let app = ward.app("app");
    assert_eq!(app["pm2_env"]["axm_monitor"]["Loop"]["value"], "1");
    assert_eq!(app["pm2_env"]["axm_actions"][0]["action_name"], "go");
    assert_eq!(app["pm2_env"]["axm_options"]["error"], true);
    let reply = ward
        .rpc()
        .call("msgProcess", &json!([{ "id": 0, "msg": "go" }]));
    assert_eq!(reply["args"][0]["process_count"], 1);
    bus.wait("the reply", |event| {
        event.topic == "axm:reply" && event.payload["data"]["return"] == "went"
    });
    let reply = ward
        .rpc()
        .call("msgProcess", &json!([{ "id": 0, "msg": "nope" }]));
    assert_eq!(reply["error"], "Action doesn't exist nope for app");
}

/// An app that calls the command line works on the same daemon.
#[test]
fn an_app_can_use_the_command_line() {
    let ward = Ward::new();
    ward.write("other.sh", "exec sleep 1000");
    ward.write(
        "app.sh",
        &format!(
            "for i in 1 2 3; do {} restart other >/dev/null; done; echo done; exec sleep 1000\n",
            env!("CARGO_BIN_EXE_ward")
        ),
    );
    ward.run(&["start", "other.sh"]).succeeds();
    let mut bus = ward.bus();
    ward.run(&["start", "app.sh"]).succeeds();
    bus.wait_output("app", "done");
    assert_eq!(ward.app("other")["pm2_env"]["restart_time"], 3);
}
