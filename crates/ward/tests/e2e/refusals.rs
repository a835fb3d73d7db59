//! Wrong input: a clear word on standard error, exit code 1, nothing lost.

mod signals;
mod workers;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::harness::Ward;

#[test]
fn what_cannot_be_found_is_named() {
    let ward = Ward::new();
    ward.run(&["start", "nope.js"])
        .fails()
        .complains("Script not found")
        .complains("nope.js");
    ward.write("app.sh", "exec sleep 1000");
    ward.run(&["start", "app.sh", "--interpreter", "no-such-thing"])
        .fails()
        .complains("Interpreter no-such-thing is NOT AVAILABLE in PATH");
    ward.run(&["start", "app.sh", "--cwd", "/nowhere/at/all"])
        .fails()
        .complains("/nowhere/at/all");
    ward.run(&["start", "app.sh", "--uid", "nobody-we-know"])
        .fails()
        .complains("nobody-we-know");
    ward.run(&["start", "missing.config.js"])
        .fails()
        .complains("File missing.config.js not found");
    assert!(ward.list().is_empty(), "nothing was registered");
    for words in [
        ["stop", "nope"],
        ["restart", "nope"],
        ["delete", "nope"],
        ["describe", "nope"],
    ] {
        ward.run(&words).fails().complains("nope");
    }
    ward.run(&["reset", "nope"])
        .fails()
        .complains("Unknown process name");
    for (action, text) in [
        ("stop", "99 : id unknown"),
        ("restart", "God db process id unknown"),
        ("delete", "99 : id unknown"),
        ("reload", "PM2 ID unknown"),
        ("env", "99"),
    ] {
        ward.run(&[action, "99"]).fails().complains(text);
    }
    ward.run(&["restart", "all"])
        .fails()
        .complains("No process found");
    ward.run(&["stop", "all"])
        .fails()
        .complains("No process found");
    ward.run(&["restart", "/x/"])
        .fails()
        .complains("No process found");
}

/// Lifecycle 10.3: what cannot run is `errored` with its reason, never `online`, and blinds nobody.
#[test]
fn a_failed_spawn_is_errored_and_says_why() {
    let ward = Ward::new();
    ward.run(&["start", "/bin/sleep", "--name", "fine", "--", "1000"])
        .succeeds();
    let file = ward.write("locked", "\u{7f}ELF but not really a program");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    ward.run(&[
        "start",
        "./locked",
        "--interpreter",
        "none",
        "--name",
        "locked",
    ])
    .fails()
    .complains("neither a binary");
    let app = ward.app("locked");
    assert_eq!(app["pm2_env"]["status"], "errored");
    assert_eq!(app["pid"], 0);
    ward.run(&["describe", "locked"])
        .succeeds()
        .prints("neither a binary");
    // A working directory that goes away between two starts.
    let folder = ward.dir().join("gone");
    fs::create_dir(&folder).unwrap();
    ward.run(&[
        "start",
        "/bin/sleep",
        "--name",
        "lost",
        "--cwd",
        folder.to_str().unwrap(),
        "--",
        "1000",
    ])
    .succeeds();
    fs::remove_dir(&folder).unwrap();
    ward.run(&["restart", "lost"])
        .fails()
        .complains(folder.to_str().unwrap());
    assert_eq!(ward.status("lost"), "errored");
    assert!(
        ward.app("fine")["monit"]["memory"].as_u64().unwrap() > 0,
        "others are still measured"
    );
    fs::create_dir(&folder).unwrap();
    ward.run(&["restart", "lost"]).succeeds();
    assert_eq!(ward.status("lost"), "online");
    assert!(
        ward.app("lost")["pm2_env"].get("failure").is_none(),
        "the reason is gone with the trouble"
    );
}

#[test]
fn a_spawn_the_stock_way_fails_with_its_reason_too() {
    let ward = Ward::new();
    let app = json!({
        "name": "x", "pm_exec_path": "/no/such/program", "exec_interpreter": "none", "pm_cwd": "/", "env": {},
        "exec_mode": "fork_mode", "pm_pid_path": ward.home().join("pids/x.pid"), "autostart": true,
    });
    let reply = ward.rpc().call("prepare", &json!([app]));
    assert!(
        reply["error"]
            .as_str()
            .unwrap()
            .contains("/no/such/program"),
        "{reply}"
    );
    assert_eq!(ward.status("x"), "errored");
}

#[test]
fn a_file_of_brackets_does_not_end_the_command_by_a_signal() {
    let ward = Ward::new();
    ward.write("deep.json", &"[".repeat(100_000));
    ward.run(&["start", "deep.json"])
        .fails()
        .complains("deep.json:1:129: nested deeper than 128 levels");
}

#[test]
fn a_broken_file_is_said_with_its_place() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    ward.write("broken.json", "{\"apps\": [\n  {\"name\": \"x\", }}\n]}");
    ward.run(&["start", "broken.json"])
        .fails()
        .complains("broken.json")
        .complains("2");
    ward.write("broken.yaml", "apps:\n  - name: x\n   script: y\n");
    ward.run(&["start", "broken.yaml"])
        .fails()
        .complains("broken.yaml")
        .complains("3");
    ward.write("broken.toml", "[[apps]]\nname = \n");
    ward.run(&["start", "broken.toml"])
        .fails()
        .complains("broken.toml")
        .complains("2");
    ward.write("broken.config.js", "module.exports = {\n  apps: [,,{{\n}");
    ward.run(&["start", "broken.config.js"])
        .fails()
        .complains("broken.config.js");
    ward.write("typed.json", "{\"apps\": [{\n  \"name\": \"x\", \"script\": \"app.sh\",\n  \"max_restarts\": \"many\"\n}]}");
    ward.run(&["start", "typed.json"])
        .fails()
        .complains("max_restarts")
        .complains("3");
    ward.write("empty.json", "{}");
    ward.run(&["start", "empty.json"]).fails();
    assert!(ward.list().is_empty());
    // A key nobody knows is a warning with a guess, not an error.
    ward.write(
        "odd.json",
        "[{\"name\": \"x\", \"script\": \"app.sh\", \"max_restart\": 3}]",
    );
    ward.run(&["start", "odd.json"])
        .succeeds()
        .complains("max_restart")
        .complains("max_restarts");
    ward.run(&["start", "app.sh", "--cron", "not a pattern", "--name", "c"])
        .fails()
        .complains("Cron pattern error");
    assert_eq!(ward.list().len(), 1);
}

/// Lifecycle 10.28: declarations and saved lists are data.
#[test]
fn json_and_dumps_are_not_programs() {
    let ward = Ward::new();
    let mark = ward.dir().join("executed");
    let evil = format!(
        "process.mainModule.require('fs').writeFileSync('{}', '')",
        mark.display()
    );
    ward.write(
        "evil.json",
        &format!("{{apps: [{{name: ({evil}, 'x'), script: 'y'}}]}}"),
    );
    ward.run(&["start", "evil.json"]).fails();
    let evil2 = format!(
        "this.constructor.constructor('return process')().mainModule.require('fs').writeFileSync('{}', '')",
        mark.display()
    );
    ward.write(
        "evil2.json",
        &format!("{{apps: [{{name: ({evil2}, 'x'), script: 'y'}}]}}"),
    );
    ward.run(&["start", "evil2.json"]).fails();
    ward.run(&["ping"]).succeeds();
    fs::write(ward.home().join("dump.pm2"), format!("[({evil})]")).unwrap();
    ward.run(&["resurrect"]);
    assert!(!mark.exists(), "nothing was executed");
    // Expressions without side effects occur in the wild and go on working.
    ward.write("app.sh", "exec sleep 1000");
    ward.write(
        "wild.json",
        "{apps: [{name: ['a', 'b'].join('-'), script: 'app.sh'}]}",
    );
    ward.run(&["start", "wild.json"]).succeeds();
    assert_eq!(ward.status("a-b"), "online");
}

#[test]
fn an_app_that_runs_already_is_not_started_twice() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    ward.run(&["start", "app.sh"]).succeeds();
    ward.run(&["start", "app.sh"])
        .fails()
        .complains("Script already launched");
    ward.run(&["start", "app.sh", "-f"]).succeeds();
    assert_eq!(ward.list().len(), 2);
}

#[test]
fn wrong_words_are_explained() {
    let ward = Ward::new();
    ward.run(&["start", "app.sh", "--no-such-option"])
        .fails()
        .complains("unknown option");
    ward.run(&["start", "app.sh", "--name"])
        .fails()
        .complains("argument missing");
    ward.run(&["stop"])
        .fails()
        .complains("missing required argument");
    ward.run(&["frobnicate"])
        .fails()
        .prints("Command not found");
    assert!(ward.daemons().is_empty());
}

#[test]
fn what_ward_does_not_have_yet_is_said_to_be_missing() {
    let ward = Ward::new();
    let lines: [&[&str]; 8] = [
        &["monit"],
        &["startup", "systemd", "-u", "me", "--hp", "/home/me"],
        &["deploy", "ecosystem.config.js", "production"],
        &["serve", ".", "8080", "--spa"],
        &["set", "pm2:autodump", "true"],
        &["install", "pm2-logrotate"],
        &["update"],
        &["init", "simple"],
    ];
    for words in lines {
        let text = format!("[PM2][ERROR] `{}` is not in ward yet\n", words[0]);
        let ran = ward.run(words).fails();
        assert_eq!((ran.stdout(), ran.stderr()), (String::new(), text));
        let listed = format!("\n    {}", words[0]);
        ward.run(&["--help"]).prints_no(&listed);
    }
    let file = "module.exports = { name: 'files', script: 'serve' }\n";
    ward.write("ecosystem.config.js", file);
    ward.run(&["start", "ecosystem.config.js"])
        .fails()
        .complains("the static file server (script \"serve\") is not in ward yet");
    for name in ["pm2-runtime", "pm2-docker", "pm2-dev"] {
        let ward = Ward::new().called(name);
        ward.write("app.sh", "exec sleep 1000");
        ward.run(&["start", "app.sh"])
            .fails()
            .complains(&format!("`{name}` is not in ward yet"));
        assert!(ward.daemons().is_empty());
    }
}

/// A full disk under the logs: the app runs on, the daemon says so.
#[test]
fn a_full_disk_under_a_log_stops_no_app() {
    let ward = Ward::new();
    ward.write(
        "app.sh",
        "for i in 1 2 3; do echo line $i; done; echo '\"through\"' >&3; exec sleep 1000",
    );
    let mut bus = ward.bus();
    ward.run(&["start", "app.sh", "-o", "/dev/full"]).succeeds();
    bus.wait("the app goes on", |event| event.payload["raw"] == "through");
    assert_eq!(ward.status("app"), "online");
    ward.run(&["kill"]).succeeds();
    ward.daemon_log_when(|log| log.contains("/dev/full: No space left on device"));
}

#[test]
fn a_full_disk_under_the_dump_keeps_the_old_one() {
    let mut ward = Ward::new();
    ward.run(&["start", "/bin/sleep", "--", "1000"]).succeeds();
    ward.run(&["save"]).succeeds();
    let saved = fs::read_to_string(ward.home().join("dump.pm2")).unwrap();
    ward.set_env("PM2_DUMP_FILE_PATH", "/proc/ward/dump.pm2");
    ward.run(&["save"]).fails().complains("/proc/ward");
    ward.unset_env("PM2_DUMP_FILE_PATH");
    assert_eq!(
        fs::read_to_string(ward.home().join("dump.pm2")).unwrap(),
        saved
    );
}
