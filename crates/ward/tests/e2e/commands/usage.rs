//! Command lines that are wrong, and other names for right ones.

use super::SLEEPER;
use crate::harness::Ward;

/// Programs look for these texts; they are on standard error, with an empty line around them.
#[test]
fn usage_errors_have_the_known_texts() {
    let ward = Ward::new().called("pm2");
    for (words, text) in [
        (
            &["restart"][..],
            "missing required argument `id|name|namespace|all|json|stdin'",
        ),
        (
            &["delete"],
            "missing required argument `name|id|namespace|script|all|json|stdin'",
        ),
        (&["scale"], "missing required argument `app_name'"),
        (&["scale", "x"], "missing required argument `number'"),
        (&["describe"], "missing required argument `name|id'"),
        (&["env"], "missing required argument `id'"),
        (&["sendSignal"], "missing required argument `signal'"),
        (&["send", "0"], "missing required argument `line'"),
        (&["startOrReload"], "missing required argument `json'"),
        (&["start", "--foo"], "unknown option `--foo'"),
        (&["ls", "-N"], "unknown option `-N'"),
        (
            &["start", "x", "-n"],
            "option `-n --name <name>' argument missing",
        ),
        (
            &["start", "x", "-k"],
            "option `-k --kill-timeout <delay>' argument missing",
        ),
        (
            &["start", "x", "-c"],
            "option `-c --cron <cron_pattern>' argument missing",
        ),
        (
            &["ls", "--sort"],
            "option `--sort <field_name:sort>' argument missing",
        ),
        (
            &["logs", "--lines"],
            "option `--lines <n>' argument missing",
        ),
    ] {
        let ran = ward
            .run(words)
            .fails()
            .complains(&format!("\n  error: {text}\n"));
        assert_eq!(ran.stdout(), "", "{words:?}");
    }
    assert!(ward.daemons().is_empty(), "no daemon is needed to say so");
}

#[test]
fn what_is_no_command_is_said_on_standard_output() {
    let ward = Ward::new().called("pm2");
    ward.run(&[]).fails().prints("usage: pm2");
    for word in ["nope", "List", "web"] {
        ward.run(&[word])
            .fails()
            .prints("[PM2][ERROR] Command not found\n\nusage: pm2");
    }
    for words in [&["save", "x"][..], &["kill", "x"], &["prettylist", "x"]] {
        ward.run(words)
            .fails()
            .prints("[PM2] \nUnknown command argument: x\n");
    }
    for words in [&["-s"][..], &["-s", "nope"]] {
        let ran = ward.run(words).fails();
        assert_eq!((ran.stdout(), ran.stderr()), (String::new(), String::new()));
    }
    for words in [&["-v"][..], &["-V"], &["--version"]] {
        assert_eq!(ward.run(words).succeeds().stdout(), "7.0.4\n");
    }
    assert!(ward.daemons().is_empty(), "none of this needs a daemon");
}

#[test]
fn every_alias_is_the_same_command() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    ward.run(&["start", "app.sh"]).succeeds();
    let rows = |word: &str| {
        let out = ward.run(&[word]).succeeds().stdout();
        let row = out.lines().find(|line| line.contains(" app "));
        row.is_some_and(|row| row.contains("online"))
    };
    for word in ["list", "ls", "l", "ps", "status"] {
        assert!(rows(word), "{word}");
    }
    for word in ["describe", "desc", "info", "show"] {
        ward.run(&[word, "app"])
            .succeeds()
            .prints("Describing process with id 0 - name app");
    }
    for word in ["save", "dump"] {
        ward.run(&[word])
            .succeeds()
            .prints("[PM2] Saving current process list...");
    }
    for word in ["log", "logs"] {
        ward.run(&[word, "app", "--nostream"])
            .succeeds()
            .prints("[TAILING] Tailing last 15 lines for [app] process");
    }
    assert_eq!(ward.run(&["id", "app"]).succeeds().stdout(), "[ 0 ]\n");
    assert_eq!(ward.run(&["id", "nope"]).succeeds().stdout(), "[]\n");
    assert_eq!(ward.run(&["pid", "nope"]).succeeds().stdout(), "\n");
    assert_eq!(ward.run(&["ping"]).succeeds().stdout(), "{ msg: 'pong' }\n");
    ward.run(&["reloadLogs"])
        .succeeds()
        .prints("Reloading all logs...\nAll logs reloaded\n");
    ward.run(&["del", "app"]).succeeds();
    assert!(ward.list().is_empty());
}
