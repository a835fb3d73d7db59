//! The official `pm2` 7.0.4 from npm as a client of our daemon: its command line and its library.

mod dumps;

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{Ward, alive, npm, wait_gone};

const PM2: &str = "pm2@7.0.4";

/// What PM2's command line printed; it must succeed.
fn pm2(ward: &Ward, words: &[&str]) -> String {
    let mut command = client(ward, "node");
    command.arg(npm(PM2).join("pm2/bin/pm2")).args(words);
    let output = command.output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "pm2 {words:?} failed:\n{out}{err}");
    assert!(
        !out.contains("Spawning PM2 daemon"),
        "pm2 {words:?} found no daemon:\n{out}"
    );
    assert!(
        !out.contains("out-of-date"),
        "pm2 {words:?} dislikes our version:\n{out}"
    );
    out
}

fn client(ward: &Ward, program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(ward.dir())
        .env_clear()
        .stdin(Stdio::null());
    command.envs(ward.env().iter().map(|(name, value)| (name, value)));
    command
        .env("PM2_HOME", ward.home())
        .env("PM2_DISABLE_VERSION_CHECK", "true");
    command
}

fn with_daemon() -> Ward {
    let ward = Ward::new();
    ward.run(&["ping"]).succeeds();
    ward
}

#[test]
fn its_command_line_starts_lists_and_stops() {
    let ward = with_daemon();
    ward.write(
        "app.js",
        "console.log('hello from app'); setInterval(() => {}, 1000)",
    );
    let out = pm2(&ward, &["start", "app.js"]);
    assert!(out.contains("online"), "{out}");
    let first = ward.pid("app");
    let list: Vec<Value> = serde_json::from_str(&pm2(&ward, &["jlist"])).unwrap();
    assert_eq!(
        (list.len(), &list[0]["name"], &list[0]["pm2_env"]["status"]),
        (1, &"app".into(), &"online".into())
    );
    assert!(pm2(&ward, &["ls"]).contains(&first.to_string()));
    assert!(pm2(&ward, &["ls", "-m"]).contains("+--- app"));
    let described = pm2(&ward, &["describe", "app"]);
    for row in [
        "status",
        "online",
        "script path",
        "app.js",
        "exec mode",
        "fork_mode",
    ] {
        assert!(described.contains(row), "{row} in {described}");
    }
    pm2(&ward, &["restart", "app"]);
    let second = ward.pid("app");
    assert!(!alive(first) && alive(second));
    assert_eq!(ward.app("app")["pm2_env"]["restart_time"], 1);
    pm2(&ward, &["stop", "app"]);
    assert_eq!(ward.status("app"), "stopped");
    pm2(&ward, &["restart", "app"]);
    pm2(&ward, &["reset", "app"]);
    assert_eq!(ward.app("app")["pm2_env"]["restart_time"], 0);
    pm2(&ward, &["delete", "app"]);
    assert!(ward.list().is_empty());
}

#[test]
fn its_command_line_scales_and_reads_logs() {
    let ward = with_daemon();
    ward.write(
        "app.sh",
        "echo hello from $NODE_APP_INSTANCE; exec sleep 1000",
    );
    let mut bus = ward.bus();
    pm2(&ward, &["start", "app.sh"]);
    bus.wait_output("app", "hello from 0");
    pm2(&ward, &["scale", "app", "3"]);
    assert_eq!(ward.list().len(), 3);
    bus.wait_output("app", "hello from 2");
    pm2(&ward, &["scale", "app", "1"]);
    assert_eq!(ward.list().len(), 1);
    let logs = pm2(&ward, &["logs", "app", "--nostream", "--lines", "5"]);
    assert!(logs.contains("hello from"), "{logs}");
    pm2(&ward, &["flush"]);
    assert_eq!(ward.log("app-out.log"), "");
    pm2(&ward, &["reloadLogs"]);
    pm2(&ward, &["save"]);
    let saved = std::fs::read_to_string(ward.home().join("dump.pm2")).unwrap();
    assert!(
        serde_json::from_str::<Value>(&saved).unwrap()[0]["pm_exec_path"]
            .as_str()
            .unwrap()
            .ends_with("app.sh")
    );
}

#[test]
fn its_command_line_reads_ecosystem_files() {
    let ward = with_daemon();
    ward.write("app.sh", "exec sleep 1000");
    ward.write(
        "ecosystem.config.js",
        "module.exports = {apps: [{name: 'a', script: 'app.sh', env: {X: 1}}, {name: 'b', script: 'app.sh', instances: 2, exec_mode: 'fork'}]}",
    );
    pm2(&ward, &["start", "ecosystem.config.js"]);
    assert_eq!(ward.list().len(), 3);
    assert!(ward.environ("a").contains(&"X=1".to_owned()));
    pm2(&ward, &["restart", "ecosystem.config.js"]);
    assert!(
        ward.list()
            .iter()
            .all(|app| app["pm2_env"]["restart_time"] == 1)
    );
    pm2(&ward, &["delete", "ecosystem.config.js"]);
    assert!(ward.list().is_empty());
}

#[test]
fn its_kill_ends_our_daemon() {
    let ward = with_daemon();
    ward.write("app.sh", "exec sleep 1000");
    pm2(&ward, &["start", "app.sh"]);
    let (app, daemon) = (ward.pid("app"), ward.daemons()[0]);
    let out = pm2(&ward, &["kill"]);
    assert!(out.contains("PM2 Daemon Stopped"), "{out}");
    assert!(!alive(app));
    // PM2's client waits for the daemon's last word, not for its end.
    wait_gone(daemon);
    assert!(!ward.home().join("rpc.sock").exists());
}

/// `require('pm2')`: connect, list, start, launchBus, sendDataToProcessId, stop.
#[test]
fn its_library_works() {
    let ward = with_daemon();
    ward.write(
        "app.js",
        "process.on('message', (m) => process.send({type: 'echo:back', data: m.data}));
         console.log('app is up')",
    );
    let module = npm(PM2).join("pm2");
    ward.write(
        "drive.js",
        &format!(
            "const pm2 = require({module:?});
             const p = (f, ...a) => new Promise((ok, no) => pm2[f](...a, (e, r) => e ? no(e) : ok(r)));
             (async () => {{
               await p('connect');
               const bus = await p('launchBus');
               const seen = (t) => new Promise((ok) => bus.on(t, ok));
               const up = seen('log:out'), back = seen('echo:back'), online = seen('process:event');
               await p('start', {{script: 'app.js', name: 'lib'}});
               console.log('log', (await up).data.trim(), 'event', (await online).process.name);
               const [one] = await p('list');
               console.log('list', one.name, one.pm2_env.status, typeof one.monit.memory);
               await p('sendDataToProcessId', one.pm_id, {{type: 't', topic: 'x', data: {{n: 42}}}});
               console.log('back', (await back).data.n);
               const [d] = await p('describe', 'lib');
               console.log('describe', d.pm_id);
               await p('restart', 'lib'); await p('stop', 'lib');
               console.log('stopped', (await p('list'))[0].pm2_env.status);
               await p('delete', 'lib');
               console.log('left', (await p('list')).length);
               pm2.disconnect(); process.exit(0);
             }})().catch((e) => {{ console.error(e); process.exit(1) }})",
        ),
    );
    let output = client(&ward, "node").arg("drive.js").output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{out}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(
        lines,
        [
            "log app is up event lib",
            "list lib online number",
            "back 42",
            "describe 0",
            "stopped stopped",
            "left 0"
        ]
    );
}
