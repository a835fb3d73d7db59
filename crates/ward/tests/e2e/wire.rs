//! Bytes on the sockets: what breaks PM2's daemon gets an answer here, and a slow reader harms
//! nobody.

mod hostile;

use std::io::{Read as _, Write as _};

use serde_json::{Value, json};

use crate::harness::{Ward, look_again_until};

/// A call that cannot be done, and PM2's text for that.
fn refusals() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("startProcessId", json!([99]), "99 id unknown"),
        ("startProcessId", json!([0]), "process already online"),
        ("stopProcessId", json!([99]), "99 : id unknown"),
        ("deleteProcessId", json!(["99"]), "99 : id unknown"),
        (
            "restartProcessId",
            json!([{"id": 99}]),
            "God db process id unknown",
        ),
        ("reloadProcessId", json!([{"id": 99}]), "PM2 ID unknown"),
        (
            "softReloadProcessId",
            json!([{"id": 99}]),
            "pm_id 99 not available in 99",
        ),
        ("duplicateProcessId", json!([99]), "99 id unknown"),
        ("resetMetaProcessId", json!([99]), "99 id unknown"),
        (
            "sendSignalToProcessId",
            json!([{"process_id": 99, "signal": "SIGINT"}]),
            "99 id unknown",
        ),
        (
            "sendSignalToProcessId",
            json!([{"process_id": 0, "signal": "SIGFOO"}]),
            "Error when sending signal (signal unknown)",
        ),
        (
            "sendSignalToProcessName",
            json!([{"process_name": "x", "signal": "SIGINT"}]),
            "Unknown process name",
        ),
        (
            "sendSignalToProcessName",
            json!([{"process_name": "sleep", "signal": "SIGFOO"}]),
            "Unknown signal: SIGFOO",
        ),
        (
            "sendLineToStdin",
            json!([{"pm_id": 9, "line": "x"}]),
            "Process with ID <9> unknown.",
        ),
        (
            "sendDataToProcessId",
            json!([{"id": 9}]),
            "ID, DATA or TOPIC field is missing",
        ),
        ("msgProcess", json!([{"id": 9, "msg": "x"}]), "9 id unknown"),
        (
            "notifyByProcessId",
            json!([{"id": 99, "action_name": "x"}]),
            "process id doesnt exists",
        ),
        ("monitor", json!([99]), "Unknown pm_id"),
        ("nope", json!([]), "method \"nope\" does not exist"),
    ]
}

#[test]
fn the_texts_of_refusals_are_pm2s() {
    let ward = Ward::new();
    ward.run(&["start", "/bin/sleep", "--", "1000"]).succeeds();
    let mut rpc = ward.rpc();
    for (method, args, text) in refusals() {
        let reply = rpc.call(method, &args);
        assert_eq!(reply["error"], text, "{method}{args}");
    }
    assert_eq!(
        rpc.call("monitor", &json!([0])),
        json!({"args": [{"success": true, "pm_id": 0}]})
    );
    assert_eq!(
        rpc.call("notifyByProcessId", &json!([{"id": 0, "action_name": "x"}])),
        json!({"args": []})
    );
}

/// Requests of one connection run side by side; replies come as they are ready.
#[test]
fn a_slow_request_does_not_hold_up_a_fast_one() {
    let ward = Ward::new();
    ward.write(
        "slow.sh",
        "trap '' INT\necho up\nwhile :; do sleep 0.1; done\n",
    );
    let mut bus = ward.bus();
    ward.run(&["start", "slow.sh", "--kill-timeout", "1000"])
        .succeeds();
    bus.wait_output("slow", "up");
    let mut rpc = ward.rpc();
    let slow = rpc.send("stopProcessId", &json!([0]));
    let fast = rpc.send("ping", &json!([{}]));
    assert_eq!(rpc.reply().0, fast);
    let (answered, message) = rpc.reply();
    assert_eq!(answered, slow);
    assert_eq!(message["args"][0]["pm2_env"]["status"], "stopped");
}

/// A large request is parsed beside the control thread; those after it on the connection wait for it.
#[test]
fn a_large_request_keeps_its_place() {
    let ward = Ward::new();
    let mut rpc = ward.rpc();
    let many: Vec<String> = (0..20_000).map(|number| format!("word {number}")).collect();
    let large = rpc.send("sendDataToProcessId", &json!([{ "id": 7, "data": many }]));
    let small = rpc.send("ping", &json!([{}]));
    assert_eq!([rpc.reply().0, rpc.reply().0], [large, small]);
}

/// A client that closes its side and still reads gets its answer.
#[test]
fn a_half_closed_client_is_answered() {
    use std::io::{Read, Write};
    let ward = Ward::new();
    ward.run(&["ping"]).succeeds();
    let mut stream = std::os::unix::net::UnixStream::connect(ward.home().join("rpc.sock")).unwrap();
    let call = br#"j:{"type":"call","method":"ping","args":[{}]}"#;
    stream
        .write_all(&crate::harness::frame(&[call, b"s:1"]))
        .unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    assert!(String::from_utf8_lossy(&reply).contains("pong"));
}

/// Lifecycle 10.6: a subscriber that never reads costs a bounded amount of memory.
#[test]
fn a_subscriber_that_never_reads_does_not_make_the_daemon_grow() {
    let ward = Ward::new();
    ward.run(&["ping"]).succeeds();
    let silent = std::os::unix::net::UnixStream::connect(ward.home().join("pub.sock")).unwrap();
    let memory = || {
        ward.rpc().call("ward:status", &json!([{}]))["args"][0]["memory_bytes"]
            .as_u64()
            .unwrap()
    };
    ward.write("loud.sh", "yes 'a line that is repeated for a very long time' | head -c $1; echo '\"finished\"' >&3; exec sleep 1000");
    let mut bus = ward.bus();
    let mut memory_after = |name: &str, bytes: &str| {
        ward.run(&["start", "loud.sh", "--name", name, "--", bytes])
            .succeeds();
        // Output may be dropped on the way to a reader as slow as this one; a message is not.
        bus.wait("the end of it", |event| event.payload["raw"] == "finished");
        memory()
    };
    // All that is bounded is full after the first.
    let before = memory_after("first", "20000000");
    let grown = memory_after("second", "80000000").saturating_sub(before);
    // Who kept what was said would have 60 MB more than before.
    assert!(grown < 30_000_000, "the daemon grew by {grown} bytes");
    let status = ward.rpc().call("ward:status", &json!([{}]));
    assert!(
        status["args"][0]["bus_dropped"].as_u64().unwrap() > 0,
        "{status}"
    );
    drop(silent);
}

/// A subscriber that says what it wants gets that and no more, and who says nothing gets everything.
#[test]
fn a_subscriber_may_choose_topics_and_apps() {
    let ward = Ward::new();
    ward.write("app.sh", "echo hello; exec sleep 1000");
    let mut all = ward.bus();
    let mut some = ward.bus();
    some.choose(r#"{"topics":["log:out","log:err"],"apps":["wanted"]}"#);
    let metrics = || ward.rpc().call("ward:metrics", &json!([{}]))["args"][0]["bus"].clone();
    look_again_until("choice", metrics, |bus| bus["choices"] == 1);
    for name in ["other", "wanted"] {
        ward.run(&["start", "app.sh", "--name", name]).succeeds();
        let before = all.collect_until("its output", |event| event.is_output(name, "hello"));
        assert!(
            before.iter().any(|event| event.is_process("online")),
            "{name}"
        );
    }
    let first = some.next("output of the wanted app");
    assert!(first.is_output("wanted", "hello"), "{first:?}");
}

/// What each plane has done is counted, and read in one request.
#[test]
fn the_metrics_tell_of_every_plane() {
    let ward = Ward::new();
    let server = "
const server = require('http').createServer((_, response) => response.end('hello'))
server.listen(0, '127.0.0.1', () => console.log('on ' + server.address().port))
";
    ward.write("server.js", server);
    ward.write("files.sh", "exec sleep 1000");
    let _subscriber = ward.bus();
    ward.run(&["start", "server.js", "-i", "1"]).succeeds();
    ward.run(&["start", "files.sh", "--watch"]).succeeds();
    let log = ward.log_when("server-out-0.log", |log| log.contains("on "));
    let port: u16 = log.trim().strip_prefix("on ").unwrap().parse().unwrap();
    let mut connection = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    connection.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    connection.read_to_string(&mut String::new()).unwrap();
    ward.write("changed", "now");
    let metrics = || ward.rpc().call("ward:metrics", &json!([{}]))["args"][0].clone();
    let wanted = [
        "/loop/events",
        "/loop/longest/us",
        "/log/lines",
        "/log/bytes_written",
        "/bus/subscribers",
        "/launch/starts",
        "/watch/events",
        "/watch/changes",
        "/workers/channels/messages_in",
        "/workers/cluster/workers",
        "/workers/cluster/connections/accepted",
        "/workers/cluster/connections/dispatched",
    ];
    let count = |metrics: &Value, name: &str| metrics.pointer(name).and_then(Value::as_u64);
    let metrics = look_again_until("all counts", metrics, |metrics| {
        let is_counted = |name: &&str| count(metrics, name).is_some_and(|count| count > 0);
        // Two apps, and one of them again for its changed file.
        wanted.iter().all(is_counted) && count(metrics, "/launch/starts") == Some(3)
    });
    assert_eq!(count(&metrics, "/workers/cluster/workers"), Some(1));
    assert_eq!(count(&metrics, "/launch/failed"), Some(0));
}

/// Lifecycle 10.24 and axon-rpc 5.3: which events come in which order.
#[test]
fn events_come_in_pm2s_order_and_delete_is_told() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    let mut bus = ward.bus();
    ward.run(&["start", "app.sh"]).succeeds();
    ward.run(&["restart", "app"]).succeeds();
    ward.run(&["stop", "app"]).succeeds();
    ward.run(&["delete", "app"]).succeeds();
    let events = bus.collect_until("delete", |event| event.is_process("delete"));
    let seen: Vec<String> = events
        .iter()
        .filter(|event| event.topic == "process:event")
        .map(|event| {
            let status = event.payload["process"]["status"].as_str().unwrap();
            let by = if event.payload["manually"] == true {
                " by hand"
            } else {
                ""
            };
            assert!(event.payload["process"].get("env").is_none());
            format!(
                "{} ({status}){by}",
                event.payload["event"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            "online (launching)",
            "start (online) by hand",
            "exit (stopping)",
            "exit (stopped)",
            "online (launching)",
            "restart (online) by hand",
            "exit (stopping)",
            "exit (stopped)",
            "stop (stopped) by hand",
            "delete (stopped) by hand",
        ]
    );
}

/// Lifecycle 10.29: nobody can make the daemon signal a process that is not his own client.
#[test]
fn kill_me_signals_only_the_caller() {
    let ward = Ward::new();
    ward.run(&["start", "/bin/sleep", "--", "1000"]).succeeds();
    let mut victim = std::process::Command::new("sleep")
        .arg("1000")
        .spawn()
        .unwrap();
    let [daemon] = ward.daemons()[..] else {
        panic!("one daemon")
    };
    ward.rpc().send("killMe", &json!([{ "pid": victim.id() }]));
    crate::harness::wait_gone(daemon);
    assert_eq!(victim.try_wait().unwrap(), None, "it was left alone");
    victim.kill().unwrap();
    victim.wait().unwrap();
}
