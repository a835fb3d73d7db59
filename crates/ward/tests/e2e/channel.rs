//! The Node IPC channel of every app: readiness, messages in both directions, and apps that
//! misuse it.

use serde_json::json;

use crate::harness::Ward;

/// A program that says `ready` by itself, in three languages, and one that lets a grandchild say it.
#[test]
fn every_language_can_say_ready() {
    let apps = [
        (
            "node.js",
            "setInterval(() => {}, 1000); process.send('ready')",
        ),
        (
            "bash.sh",
            "echo '\"ready\"' >&$NODE_CHANNEL_FD; exec sleep 1000",
        ),
        (
            "python.py",
            "import os, signal\nos.write(int(os.environ['NODE_CHANNEL_FD']), b'\"ready\"\\n')\nsignal.pause()",
        ),
        (
            "grandchild.sh",
            "node -e \"process.send('ready')\" & wait; exec sleep 1000",
        ),
    ];
    let ward = Ward::new();
    for (file, text) in apps {
        ward.write(file, text);
        // Only `ready` can end the wait before the harness does.
        ward.run(&["start", file, "--wait-ready", "--listen-timeout", "600000"])
            .succeeds();
        let name = file.split('.').next().unwrap();
        assert_eq!(ward.status(name), "online", "{file}");
    }
}

/// Lifecycle 10.1: a message of `null` killed PM2's daemon and all apps.
#[test]
fn null_is_a_message_like_any_other() {
    let ward = Ward::new();
    ward.run(&["ping"]).succeeds();
    let [daemon] = ward.daemons()[..] else {
        panic!("one daemon")
    };
    ward.write(
        "app.js",
        "process.send(null); process.send(0); process.send('');\n\
         process.send({type: 'my:event', data: {n: 1}}); setInterval(() => {}, 1000)",
    );
    let mut bus = ward.bus();
    ward.run(&["start", "app.js"]).succeeds();
    let event = bus.wait("my:event", |event| event.topic == "my:event");
    assert_eq!(event.payload["data"], json!({"n": 1}));
    assert_eq!(event.payload["process"]["name"], "app");
    assert_eq!(ward.daemons(), [daemon], "the same daemon");
    assert_eq!(ward.status("app"), "online");
    assert_eq!(ward.app("app")["pm2_env"]["restart_time"], 0);
}

#[test]
fn what_apps_say_is_on_the_bus() {
    let ward = Ward::new();
    ward.write(
        "app.js",
        "process.send('word'); process.send({no: 'type'}); setInterval(() => {}, 1000)",
    );
    let mut bus = ward.bus();
    ward.run(&["start", "app.js"]).succeeds();
    let first = bus.wait("a message", |event| event.topic == "process:msg");
    assert_eq!(first.payload["raw"], "word");
    assert_eq!(first.payload["process"]["pm_id"], 0);
    let second = bus.wait("a message", |event| event.topic == "process:msg");
    assert_eq!(second.payload["raw"], json!({"no": "type"}));
}

#[test]
fn messages_reach_the_app_verbatim() {
    let ward = Ward::new();
    ward.write(
        "app.js",
        "process.on('message', m => console.log('got ' + JSON.stringify(m))); process.send('up')",
    );
    let mut bus = ward.bus();
    ward.run(&["start", "app.js"]).succeeds();
    let packet = json!({"id": 0, "type": "process:msg", "data": {"some": "data"}, "topic": "t"});
    ward.rpc().call("sendDataToProcessId", &json!([packet]));
    bus.wait_output("app", &format!("got {packet}\n"));
}

#[test]
fn shutdown_with_message_asks_by_message() {
    let ward = Ward::new();
    ward.write(
        "app.js",
        "process.on('message', m => { console.log('asked: ' + m); if (m === 'shutdown') process.exit(0) });\n\
         process.on('SIGINT', () => console.log('signalled')); process.send('up')",
    );
    let mut bus = ward.bus();
    ward.run(&[
        "start",
        "app.js",
        "--shutdown-with-message",
        "--kill-timeout",
        "60000",
    ])
    .succeeds();
    bus.wait("the app is up", |event| event.payload["raw"] == "up");
    ward.run(&["stop", "app"]).succeeds();
    bus.wait_output("app", "asked: shutdown\n");
    assert_eq!(ward.log("app-out.log"), "asked: shutdown\n");
}

#[test]
fn node_does_not_see_the_variables_and_others_do() {
    let ward = Ward::new();
    ward.write(
        "app.js",
        "console.log(process.connected, process.env.NODE_CHANNEL_FD); setInterval(() => {}, 1000)",
    );
    let mut bus = ward.bus();
    ward.run(&["start", "app.js"]).succeeds();
    bus.wait_output("app", "true undefined\n");
    let environ = ward.environ("app");
    for variable in ["NODE_CHANNEL_FD=3", "NODE_CHANNEL_SERIALIZATION_MODE=json"] {
        assert!(environ.iter().any(|word| word == variable), "{variable}");
    }
}

/// Junk, a line without end, and a flood: the daemon answers as before and the app runs on.
#[test]
fn an_app_that_misuses_its_channel_harms_nobody() {
    let ward = Ward::new();
    ward.write(
        "app.py",
        "import os, signal, socket, sys\n\
         times = int(sys.argv[1])\n\
         channel = socket.socket(fileno=int(os.environ['NODE_CHANNEL_FD']))\n\
         channel.sendall(b'junk\\n\\n\\xff\\xfe\\n{\"type\":1\\n' + b'[' * 100000 + b'\\n')\n\
         channel.sendall(b'x' * (times * 17 << 20) + b'\\n')\n\
         for i in range(times * 2500): channel.sendall(b'{\"flood\":\"' + b'y' * 1000 + b'\"}\\n')\n\
         channel.sendall(b'{\"type\":\"all:sent\",\"data\":true}\\n')\n\
         signal.pause()",
    );
    let first = peak_after(&ward, "first", 1);
    let grown = peak_after(&ward, "second", 4) - first;
    // Both sent lines longer than any may be. Who kept them would have 60 MB more than before.
    assert!(grown < 30_000, "the daemon grew by {grown} kB");
}

/// The daemon's peak when this app was started, sent all so many times over, and is still online.
fn peak_after(ward: &Ward, name: &str, times: u32) -> u64 {
    let mut bus = ward.bus();
    let times = times.to_string();
    ward.run(&["start", "app.py", "--name", name, "--", &times])
        .succeeds();
    ward.run(&["ping"]).succeeds();
    bus.wait("everything was taken", |event| event.topic == "all:sent");
    assert_eq!(ward.status(name), "online");
    peak_kilobytes(ward)
}

/// The most memory the daemon ever had.
fn peak_kilobytes(ward: &Ward) -> u64 {
    let [daemon] = ward.daemons()[..] else {
        panic!("one daemon")
    };
    let status = std::fs::read_to_string(format!("/proc/{daemon}/status")).unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

/// An app that asks Node's own questions without end and never reads the answers fills no memory:
/// what it asked last is dealt with all the same.
#[test]
fn an_app_that_asks_and_never_reads_harms_nobody() {
    let ward = Ward::new();
    ward.write(
        "app.py",
        "import os, signal, socket, sys\n\
         channel = socket.socket(fileno=int(os.environ['NODE_CHANNEL_FD']))\n\
         ask = b'{\"cmd\":\"NODE_SOCKET_GET_COUNT\",\"key\":\"' + b'k' * 60000 + b'\"}\\n'\n\
         for i in range(200 * int(sys.argv[1])): channel.sendall(ask)\n\
         channel.sendall(b'{\"type\":\"all:sent\",\"data\":true}\\n')\n\
         signal.pause()",
    );
    let first = peak_after(&ward, "first", 1);
    let grown = peak_after(&ward, "second", 4) - first;
    // It was asked for 36 MB more.
    assert!(grown < 18_000, "the daemon grew by {grown} kB");
}

/// An app that reads nothing of what it is sent can be talked to without end, and stopped.
#[test]
fn an_app_that_never_reads_blocks_nobody() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    ward.run(&["start", "app.sh"]).succeeds();
    let mut rpc = ward.rpc();
    let packet = json!({"id": 0, "type": "t", "data": "x".repeat(100_000), "topic": "t"});
    for _ in 0..200 {
        rpc.call("sendDataToProcessId", &json!([packet]));
    }
    ward.run(&["stop", "app"]).succeeds();
    assert_eq!(ward.status("app"), "stopped");
}
