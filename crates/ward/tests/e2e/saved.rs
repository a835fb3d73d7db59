//! `save`, `resurrect`, `cleardump`: a list that is never lost.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use serde_json::Value;

use crate::harness::Ward;

fn dump(ward: &Ward) -> Value {
    serde_json::from_str(&fs::read_to_string(ward.home().join("dump.pm2")).unwrap()).unwrap()
}

#[test]
fn what_was_saved_comes_back_as_it_was() {
    let ward = Ward::new().with_env("FROM_SHELL", "1");
    ward.write("app.sh", "exec sleep 1000");
    ward.write(
        "eco.json",
        r#"[{"name":"one","script":"app.sh","args":"a 'b c'","env":{"X":"y"},"max_restarts":5,"kill_timeout":777},
            {"name":"many","script":"app.sh","instances":3,"exec_mode":"fork"}]"#,
    );
    ward.run(&["start", "eco.json"]).succeeds();
    ward.run(&["start", "app.sh", "--name", "halted"])
        .succeeds();
    ward.run(&["stop", "halted"]).succeeds();
    ward.run(&["save"]).succeeds().prints("Successfully saved");
    let before = ward.list();
    assert_eq!(
        fs::metadata(ward.home().join("dump.pm2"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
    ward.run(&["kill"]).succeeds();
    ward.run(&["resurrect"]).succeeds();
    let after = ward.list();
    let keys = [
        "name",
        "namespace",
        "status",
        "args",
        "max_restarts",
        "kill_timeout",
        "exec_mode",
        "NODE_APP_INSTANCE",
        "X",
        "FROM_SHELL",
        "pm_exec_path",
        "pm_cwd",
    ];
    let shown = |list: &[Value]| -> Vec<Vec<Value>> {
        list.iter()
            .map(|app| {
                keys.iter()
                    .map(|key| app["pm2_env"][*key].clone())
                    .collect()
            })
            .collect()
    };
    assert_eq!(shown(&after), shown(&before));
    assert!(ward.environ("one").contains(&"X=y".to_owned()));
    ward.run(&["resurrect"]).succeeds();
    assert_eq!(
        ward.list().len(),
        after.len(),
        "what is there is not doubled"
    );
}

#[test]
fn an_empty_list_does_not_replace_a_saved_one_unasked() {
    let ward = Ward::new();
    ward.run(&["start", "/bin/sleep", "--", "1000"]).succeeds();
    ward.run(&["save"]).succeeds();
    ward.run(&["delete", "all"]).succeeds();
    ward.run(&["save"]).succeeds();
    assert_eq!(dump(&ward).as_array().unwrap().len(), 1);
    ward.run(&["save", "--force"]).succeeds();
    assert_eq!(dump(&ward), serde_json::json!([]));
    ward.run(&["cleardump"]).succeeds();
    assert_eq!(dump(&ward), serde_json::json!([]));
}

#[test]
fn generations_are_kept_and_a_broken_dump_falls_back() {
    let ward = Ward::new();
    ward.run(&["start", "/bin/sleep", "--name", "first", "--", "1000"])
        .succeeds();
    ward.run(&["save"]).succeeds();
    assert!(!ward.home().join("dump.pm2.bak").exists());
    ward.run(&["start", "/bin/sleep", "--name", "second", "--", "1000"])
        .succeeds();
    ward.run(&["save"]).succeeds();
    let backup: Value =
        serde_json::from_str(&fs::read_to_string(ward.home().join("dump.pm2.bak")).unwrap())
            .unwrap();
    assert_eq!(backup.as_array().unwrap().len(), 1);
    ward.run(&["kill"]).succeeds();
    fs::write(ward.home().join("dump.pm2"), "[{\"name\": \"half a").unwrap();
    ward.run(&["resurrect"]).succeeds().complains("dump.pm2");
    assert_eq!(ward.status("first"), "online");
    assert!(
        !ward.home().join("dump.pm2").exists(),
        "the broken one no longer stands under its name"
    );
    let aside: Vec<_> = fs::read_dir(ward.home())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter(|name| name.starts_with("dump.pm2") && name.contains("corrupt"))
        .collect();
    assert_eq!(aside.len(), 1, "and was not deleted");
    assert_eq!(
        fs::read_to_string(ward.home().join(&aside[0])).unwrap(),
        "[{\"name\": \"half a"
    );
}

#[test]
fn resurrect_without_a_dump_is_no_failure() {
    let ward = Ward::new();
    ward.run(&["resurrect"]).succeeds();
    assert!(ward.list().is_empty());
}

/// A write that is cut short leaves the old list: the new one is renamed into its place.
#[test]
fn the_dump_is_replaced_in_one_step() {
    let ward = Ward::new();
    ward.run(&["start", "/bin/sleep", "--", "1000"]).succeeds();
    ward.run(&["save"]).succeeds();
    let inode = || fs::metadata(ward.home().join("dump.pm2")).unwrap().ino();
    let before = inode();
    ward.run(&["save"]).succeeds();
    assert_ne!(inode(), before, "a new file took its place");
    let left: Vec<_> = fs::read_dir(ward.home())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter(|name| name.contains("tmp"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Variables that are called like settings are still only variables when the app is back.
#[test]
fn variables_do_not_become_settings() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    ward.write(
        "eco.json",
        r#"[{"name":"a","script":"app.sh","args":["own"],"kill_timeout":500,"env":{
            "uid":"nobody","gid":"nogroup","args":"x y","kill_timeout":"7","max_restarts":"1","watch":"true",
            "cron_restart":"* * * * * *","node_args":"--bad"}}]"#,
    );
    ward.run(&["start", "eco.json"]).succeeds();
    let before = ward.app("a");
    let words = |pid: u32| fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    let (uid, line) = (owner(ward.pid("a")), words(ward.pid("a")));
    ward.run(&["save"]).succeeds();
    ward.run(&["delete", "all"]).succeeds();
    ward.run(&["resurrect"]).succeeds();
    let now = ward.app("a");
    let settings = [
        "uid",
        "gid",
        "args",
        "kill_timeout",
        "max_restarts",
        "watch",
        "cron_restart",
        "node_args",
    ];
    for key in settings {
        assert_eq!(now["pm2_env"][key], before["pm2_env"][key], "{key}");
    }
    assert_eq!(owner(ward.pid("a")), uid);
    assert_eq!(words(ward.pid("a")), line);
    assert!(ward.environ("a").contains(&"uid=nobody".to_owned()));
}

/// Who a process runs as.
fn owner(pid: u32) -> u32 {
    fs::metadata(format!("/proc/{pid}")).unwrap().uid()
}
