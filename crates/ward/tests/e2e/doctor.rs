//! `doctor`: who can reach and change what, and what mends it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::Ward;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn findings(ward: &Ward) -> Vec<Value> {
    let text = ward.run(&["doctor", "--security", "--json"]).stdout();
    let report: Value = serde_json::from_str(&text).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| finding["level"] == "problem")
        .cloned()
        .collect()
}

/// The one problem, after what mends it was done as `doctor` says.
fn mended(ward: &Ward) -> String {
    let found = findings(ward);
    assert_eq!(found.len(), 1, "{found:?}");
    let mend = found[0]["mend"].as_str().unwrap();
    ward.run(&["doctor"]).fails().prints(mend);
    assert!(
        Command::new("sh")
            .args(["-c", mend])
            .status()
            .unwrap()
            .success()
    );
    ward.run(&["doctor"])
        .succeeds()
        .prints("No problem was found.");
    found[0]["text"].as_str().unwrap().to_owned()
}

#[test]
fn a_home_as_ward_makes_it_has_no_problem() {
    let ward = Ward::new();
    ward.run(&["doctor"]).succeeds();
    assert!(ward.daemons().is_empty(), "it starts no daemon");
    assert!(!ward.home().exists(), "and makes no home");
    ward.run(&["start", "/bin/sleep", "--name", "app", "--", "1000"])
        .succeeds();
    ward.run(&["save"]).succeeds();
    let said = ward.run(&["doctor"]).succeeds().prints("apps: 1");
    let as_root = said.stdout().contains("these apps run as root: app");
    assert_eq!(as_root, rustix::process::geteuid().is_root());
}

#[test]
fn secrets_in_a_file_that_others_can_read_are_named_without_their_values() {
    let ward = Ward::new().with_env("DB_PASSWORD", "hunter2");
    ward.run(&["start", "/bin/sleep", "--name", "app", "--", "1000"])
        .succeeds();
    ward.run(&["save"]).succeeds();
    let dump = ward.home().join("dump.pm2");
    // As PM2 leaves it; nobody else comes to it while a folder above is closed.
    set_mode(&dump, 0o644);
    assert_eq!(findings(&ward), [] as [Value; 0]);
    set_mode(ward.root(), 0o755);
    set_mode(&ward.home(), 0o755);
    let text = mended(&ward);
    assert!(text.contains("DB_PASSWORD of app"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(
        fs::metadata(dump).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn a_home_or_a_socket_that_is_open_to_others_is_a_problem() {
    let ward = Ward::new();
    ward.run(&["ping"]).succeeds();
    set_mode(&ward.home(), 0o777);
    assert!(mended(&ward).contains("every user may write there"));
    set_mode(ward.root(), 0o755);
    set_mode(&ward.home(), 0o755);
    set_mode(&ward.home().join("rpc.sock"), 0o666);
    assert!(mended(&ward).contains("control all apps"));
    set_mode(ward.root(), 0o777);
    assert!(mended(&ward).contains("the home can be replaced by others"));
}

#[test]
fn a_script_that_others_can_replace_is_a_problem() {
    let ward = Ward::new();
    let script = ward.write("open/app.sh", "exec sleep 1000");
    ward.run(&["start", "open/app.sh", "--name", "app"])
        .succeeds();
    assert_eq!(findings(&ward), [] as [Value; 0]);
    set_mode(script.parent().unwrap(), 0o777);
    assert!(
        mended(&ward).starts_with("others can change the script of app: every user may write to")
    );
}

#[test]
fn an_app_that_does_not_run_and_a_broken_list_are_problems_but_not_of_security() {
    let ward = Ward::new();
    ward.run(&[
        "start",
        "/bin/false",
        "--name",
        "app",
        "--max-restarts",
        "1",
    ]);
    ward.wait_status("app", "errored");
    fs::write(ward.home().join("dump.pm2"), "{").unwrap();
    ward.run(&["doctor"])
        .fails()
        .prints("app does not run")
        .prints("is broken");
    ward.run(&["doctor", "--security"]).succeeds();
}
