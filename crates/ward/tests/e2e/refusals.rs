//! Wrong input: a clear word on standard error, exit code 1, nothing lost.

mod files;
mod signals;
mod workers;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::harness::{Ward, unknown_user};

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
        .complains(&unknown_user("nobody-we-know"));
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
