//! The commands that only show things, as programs: real binary, real pipes, and a stand-in for the
//! daemon whose records are known.
#![allow(clippy::unwrap_used, reason = "tests")]

mod following;
mod home;

use std::fs;

use serde_json::{Value, json};

use self::home::{Home, one_app, two_apps};

#[test]
fn machine_readable_lists_are_nothing_but_the_list_also_when_silent() {
    let home = two_apps();
    for words in [&["jlist"][..], &["jlist", "-s"]] {
        let text = home.text(words);
        assert!(!text.ends_with('\n'));
        let records: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(records[1]["name"], "api");
    }
    for words in [&["prettylist"][..], &["-s", "prettylist"]] {
        let text = home.text(words);
        assert_eq!(text.matches("status: 'online'").count(), 2, "{text}");
        assert_eq!(text.matches("pm_id: 0").count(), 2, "{text}");
    }
    assert_eq!(home.text(&["pid", "-s"]), "100\n101\n");
    assert_eq!(home.text(&["list", "-s"]), "");
    assert_eq!(home.text(&["describe", "-s", "web"]), "");
}

#[test]
fn small_answers() {
    let home = two_apps();
    assert_eq!(home.text(&["pid", "api"]), "101\n");
    assert_eq!(home.text(&["pid", "nope"]), "\n");
    assert_eq!(home.text(&["id", "api"]), "[ 1 ]\n");
    assert_eq!(home.text(&["id", "/srv/app.js"]), "[ 0, 1 ]\n");
    assert_eq!(home.text(&["id", "nope"]), "[]\n");
    assert_eq!(home.text(&["env", "0"]), "FOO: bar\nnamespace: default\n");
    assert!(home.text(&["ls"]).contains("│ 1  │ api "));
    assert!(
        home.text(&["ls", "-m"])
            .starts_with("+--- web\nnamespace : default\n")
    );
    assert!(
        home.text(&["desc", "1"])
            .contains("process with id 1 - name api ")
    );
    assert_eq!(home.text(&["slist"]), "{}");
    assert!(
        home.text(&["report"])
            .contains("- daemon speaks PM2: 7.0.4\n")
    );
    assert_eq!(Home::with(|_| json!([])).text(&["prettylist"]), "[]");
}

#[test]
fn what_is_not_there_is_said_on_standard_error() {
    let home = two_apps();
    for (words, message) in [
        (
            &["describe", "nope"][..],
            "[PM2][WARN] nope doesn't exist\n",
        ),
        (&["env", "9"], "[PM2][ERROR] Modules with id 9 not found\n"),
        (
            &["logs", "nope"],
            "[PM2][ERROR] Process or Namespace nope not found\n",
        ),
        (
            &["logs", "nope", "--json"],
            "[PM2][ERROR] Process or Namespace nope not found\n",
        ),
    ] {
        let output = home.run(words);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), message);
    }
    let output = home.run(&["logs", "nope"]);
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        out.starts_with("[TAILING] Tailing last 15 lines for [nope] process ("),
        "{out}"
    );
}

#[test]
fn flush_empties_files_also_for_a_daemon_that_cannot() {
    let home = one_app();
    let (out, daemon) = (home.path("web-out.log"), home.path("pm2.log"));
    fs::write(&out, "line\n").unwrap();
    fs::write(&daemon, "line\n").unwrap();
    assert_eq!(home.text(&["flush", "nope"]), "[PM2] Logs flushed\n");
    assert_eq!(fs::read_to_string(&out).unwrap(), "line\n");
    let text = home.text(&["flush"]);
    let expected = format!(
        "[PM2] Flushing {}\n[PM2] Flushing:\n[PM2] {}\n[PM2] {}\n[PM2] Logs flushed\n",
        daemon.display(),
        out.display(),
        home.path("web-error.log").display()
    );
    assert_eq!(text, expected);
    assert_eq!(fs::read_to_string(&out).unwrap(), "");
    assert_eq!(fs::read_to_string(&daemon).unwrap(), "");
    assert!(!home.path("web-error.log").exists());
}
