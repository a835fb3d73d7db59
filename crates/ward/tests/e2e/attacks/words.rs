//! Apps that say too much, or say it to harm.

use serde_json::Value;

use crate::harness::{Attack, Ward};

/// The beginning of an app in Python: `say` sends bytes over the channel.
const SAY: &str = "
import json, os, socket, time
channel = socket.socket(fileno=int(os.environ['NODE_CHANNEL_FD']))
def say(text):
    channel.sendall(text.encode() + b'\\n')
def metrics(text):
    say('{\"type\":\"axm:monitor\",\"data\":' + text + '}')
";

/// A worker that asks without end and reads nothing; at its second start it behaves.
const DEAF: &str = "
const fs = require('fs');
if (fs.existsSync('calm')) {
  require('http').createServer((_, r) => r.end('calm')).listen(PORT);
} else {
  fs.writeFileSync('calm', '');
  const data = 'x'.repeat(60000);
  for (let seq = 1000; ; seq++) {
    const line = Buffer.from(JSON.stringify({cmd: 'NODE_CLUSTER', act: 'queryServer', index: 0,
      data, address: null, port: PORT, addressType: 4, seq}) + '\\n');
    for (let at = 0; at < line.length;) {
      try { at += fs.writeSync(3, line, at); } catch (error) { if (error.code !== 'EAGAIN') throw error; }
    }
  }
}
";

fn env_of(ward: &Ward, name: &str) -> Value {
    let list = ward.list();
    let app = list.iter().find(|app| app["pm2_env"]["name"] == name);
    app.expect("the app is listed")["pm2_env"].clone()
}

/// Text of two bytes for each value made 32 times as much memory.
#[test]
fn arrays_of_zeros_in_metrics() {
    let ward = Ward::under_attack();
    ward.run(&["ping"]).succeeds();
    let attack = Attack::begin(&ward);
    let script = format!(
        "{SAY}
zeros = '[' + '0,' * 3500000 + '0]'
metrics('{{\"whole\":[' + '0,' * 40000000 + '0]}}')
for number in range(2):
    metrics('{{\"m%d\":%s}}' % (number, zeros))
for number in range(60):
    metrics('{{\"m%d\":%s}}' % (number, '[' + '0,' * 30000 + '0]'))
metrics('{{\"fine\":{{\"value\":\"1\"}}}}')
say('{{\"type\":\"told\",\"data\":1}}')
time.sleep(1000)
"
    );
    ward.write("zeros.py", &script);
    ward.run(&["start", "zeros.py"]).succeeds();
    ward.wait_until("the last metric", |apps| {
        apps.iter()
            .any(|app| app["pm2_env"]["axm_monitor"]["fine"]["value"] == "1")
    });
    attack.end();
    let metrics = env_of(&ward, "zeros")["axm_monitor"].clone();
    assert_eq!(metrics.as_object().unwrap().len(), 1, "{metrics}");
    let log = ward.daemon_log();
    let told = log.matches("cannot keep all it reports").count();
    assert_eq!(told, 1, "{log}");
    assert!(log.contains("exceeds the limit"), "{log}");
    ward.run(&["describe", "zeros"])
        .succeeds()
        .prints("cannot keep all it reports: it takes more than");
}

/// One app's metrics stood in every list, which nobody could read any more.
#[test]
fn metrics_without_end_leave_the_lists_of_all_readable() {
    let ward = Ward::under_attack();
    ward.write("calm.sh", "exec sleep 1000");
    ward.run(&["start", "calm.sh"]).succeeds();
    let attack = Attack::begin(&ward);
    let script = format!(
        "{SAY}
text = 'x' * 12000
for number in range(8000):
    metrics('{{\"m%d\":\"%s\"}}' % (number, text))
say('{{\"node_version\":\"%s\"}}' % ('9' * 7000000))
metrics('{{\"m0\":\"the last\"}}')
say('{{\"type\":\"told\",\"data\":1}}')
time.sleep(1000)
"
    );
    ward.write("many.py", &script);
    ward.run(&["start", "many.py"]).succeeds();
    ward.wait_until("the last metric", |apps| {
        apps.iter()
            .any(|app| app["pm2_env"]["axm_monitor"]["m0"] == "the last")
    });
    attack.end();
    let listed = ward.run(&["jlist"]).succeeds().stdout().len();
    assert!(listed < 2 << 20, "{listed} bytes");
    let described = ward.run(&["describe", "many"]).succeeds().stdout().len();
    assert!(described < 4 << 20, "{described} bytes");
    for words in [&["describe", "calm"][..], &["env", "0"], &["save"], &["ls"]] {
        ward.run(words).succeeds();
    }
}

/// A worker that reads no answer is ended for it, and comes back.
#[test]
fn a_worker_that_asks_and_never_reads() {
    let ward = Ward::under_attack();
    ward.run(&["ping"]).succeeds();
    let attack = Attack::begin(&ward);
    let port = crate::harness::free_port();
    ward.write("deaf.js", &DEAF.replace("PORT", &port.to_string()));
    let mut bus = ward.bus();
    ward.run(&["start", "deaf.js", "-i", "1"]).succeeds();
    bus.wait("the complaint", |event| {
        let text = event.payload["data"].as_str().unwrap_or_default();
        event.topic == "log:PM2" && text.contains("deaf:0 cannot be served")
    });
    ward.wait_until("the next life", |apps| {
        let env = &apps[0]["pm2_env"];
        env["restart_time"] == 1 && env["status"] == "online"
    });
    attack.end();
    ward.run(&["describe", "deaf"])
        .succeeds()
        .prints("read no answer, so it was ended");
}

/// What an app calls itself is shown, selects nothing, and is no line of the log.
#[test]
fn a_name_an_app_gives_itself_selects_nothing() {
    let ward = Ward::new();
    let script = "
        process.send({type: 'axm:option:configuration',
          data: {name: 'other\\n2026-01-01T00:00:00: PM2 log: forged\\u001b[2J'}});
        process.send({type: 'told', data: 1});
        setInterval(() => {}, 1000)";
    ward.write("evil.js", script);
    ward.write("other.sh", "exec sleep 1000");
    ward.run(&["start", "evil.js"]).succeeds();
    ward.run(&["start", "other.sh"]).succeeds();
    let apps = ward.wait_until("the name", |apps| {
        let name = |app: &Value| app["name"].as_str().unwrap_or_default().to_owned();
        apps.iter().any(|app| name(app).contains("forged"))
    });
    assert_eq!(apps[0]["pm2_env"]["name"], "evil");
    let shown = apps[0]["name"].as_str().unwrap();
    ward.run(&["restart", shown]).fails();
    ward.run(&["save"]).succeeds();
    ward.run(&["restart", "evil"]).succeeds();
    ward.run(&["delete", "evil"]).succeeds();
    let dump = std::fs::read_to_string(ward.home().join("dump.pm2")).unwrap();
    let dump: Value = serde_json::from_str(&dump).unwrap();
    assert_eq!(dump[0]["name"], "evil");
    let log = ward.daemon_log();
    let forged = log.lines().any(|line| line.contains("PM2 log: forged"));
    assert!(!forged && !log.contains('\u{1b}'), "{log}");
}

/// No name of an app begins a line of the daemon's log or acts on a terminal.
#[test]
fn a_declared_name_forges_no_line_of_the_log() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    let name = "x\n2026-01-01T00:00:00: PM2 log: forged\u{1b}[2J";
    let declared = serde_json::json!({"apps": [{"script": "app.sh", "name": name}]});
    ward.write("eco.json", &declared.to_string());
    let mut bus = ward.bus();
    ward.run(&["start", "eco.json"]).succeeds();
    let event = bus.wait("the line", |event| {
        let text = event.payload["data"].as_str().unwrap_or_default();
        event.topic == "log:PM2" && text.contains("forged")
    });
    let text = event.payload["data"].as_str().unwrap();
    assert_eq!(text.find('\n'), Some(text.len() - 1), "{text:?}");
    let log = ward.daemon_log_when(|log| log.contains("forged"));
    assert!(
        !log.lines()
            .any(|line| line.starts_with("2026-01-01T00:00:00")),
        "{log}"
    );
    assert!(!log.contains('\u{1b}'), "{log}");
}
