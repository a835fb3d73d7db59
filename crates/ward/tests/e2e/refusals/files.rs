//! Files that cannot be read or written.

use std::fs;

use crate::harness::Ward;

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
