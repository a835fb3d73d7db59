//! Which files count.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::{restarted, restarts, start, watching};
use crate::harness::Ward;

#[test]
fn a_list_of_ones_own_adds_to_what_is_ignored() {
    let (ward, mut bus) = watching(&json!({ "ignore_watch": ["tmp", "*.log", "/\\.bak$/"] }));
    // The line names the first change: one of these, if it counted.
    for ignored in [
        "tmp/x",
        "deep/tmp/x",
        "some.log",
        "a.bak",
        ".env",
        ".git/index",
        "node_modules/x/index.js",
    ] {
        let path = PathBuf::from(ignored);
        // A new folder is a change by itself, so that it has to exist before.
        if ignored.starts_with("deep") {
            fs::create_dir(ward.dir().join("deep")).unwrap();
            assert_eq!(restarted(&mut bus), "deep");
        }
        ward.write(path.to_str().unwrap(), "1");
    }
    ward.write("real.js", "1");
    assert_eq!(restarted(&mut bus), "real.js");
    assert_eq!(restarts(&ward), [2]);
}

#[test]
fn a_pattern_takes_back_what_is_ignored_from_the_outset() {
    let (ward, mut bus) = watching(&json!({ "ignore_watch": ["!.env"] }));
    ward.write(".other", "1");
    ward.write(".env", "1");
    assert_eq!(restarted(&mut bus), ".env");
}

#[test]
fn logs_of_the_app_in_its_own_folder_do_not_restart_it() {
    let (ward, mut bus) = watching(&json!({
        "out_file": "logs/out.log", "error_file": "logs/err.log", "pid_file": "run/app.pid",
    }));
    let env = ward.app("app")["pm2_env"].clone();
    for key in ["pm_out_log_path", "pm_err_log_path", "pm_pid_path"] {
        let path = PathBuf::from(env[key].as_str().unwrap());
        assert!(
            path.starts_with(ward.dir().join("logs")) || path.starts_with(ward.dir().join("run"))
        );
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "as if ward wrote").unwrap();
    }
    ward.write("logs/mine.txt", "1");
    assert_eq!(restarted(&mut bus), "logs/mine.txt");
    assert_eq!(restarts(&ward), [1]);
}

#[test]
fn only_what_is_listed_is_watched() {
    let ward = Ward::new();
    ward.write("src/a.js", "1");
    start(
        &ward,
        &json!({ "watch": ["src", "one.conf", "pat/**/*.js"] }),
    );
    let mut bus = ward.bus();
    ward.write("other.js", "1");
    ward.write("src/a.js", "2");
    assert_eq!(restarted(&mut bus), "src/a.js");
    // Neither file nor folder was there at the start.
    ward.write("one.conf", "1");
    assert_eq!(restarted(&mut bus), "one.conf");
    ward.write("pat/deep/a.css", "1");
    ward.write("pat/deep/a.js", "1");
    assert_eq!(restarted(&mut bus), "pat/deep/a.js");
    // A folder that is replaced as a whole is watched again.
    fs::remove_dir_all(ward.dir().join("src")).unwrap();
    assert!(restarted(&mut bus).starts_with("src"));
    ward.write("src/b.js", "1");
    assert!(restarted(&mut bus).starts_with("src"));
    ward.write("src/c.js", "1");
    assert!(restarted(&mut bus).starts_with("src/"));
}

#[test]
fn a_new_folder_is_watched_too() {
    let (ward, mut bus) = watching(&json!({}));
    fs::create_dir_all(ward.dir().join("new/er")).unwrap();
    assert_eq!(restarted(&mut bus), "new");
    ward.write("new/er/a.js", "1");
    assert_eq!(restarted(&mut bus), "new/er/a.js");
    // Where a folder was moved to, it is known by its new name.
    fs::rename(ward.dir().join("new"), ward.dir().join("old")).unwrap();
    assert_eq!(restarted(&mut bus), "new");
    ward.write("old/er/a.js", "2");
    assert_eq!(restarted(&mut bus), "old/er/a.js");
}
