//! Names and values with escape sequences and line breaks: no command lets them act on the terminal.

use serde_json::json;
use ward_wire::text::is_printable;

use crate::harness::Ward;

/// Clears the screen, sets a colour in two ways, turns the text, and looks like a message of ward.
const NASTY: &str = "a\x1b[2Jb\u{9b}31mc\u{202e}d\n[PM2][ERROR] forged\r";

fn assert_harmless(words: &[&str], text: &str) {
    let bad = text
        .chars()
        .find(|character| *character != '\n' && !is_printable(*character));
    assert!(bad.is_none(), "`ward {words:?}` prints {bad:?}:\n{text}");
    let forged = text
        .lines()
        .find(|line| line.starts_with("[PM2][ERROR] forged"));
    assert!(
        forged.is_none(),
        "`ward {words:?}` prints a line of the name:\n{text}"
    );
}

fn nasty_app(ward: &Ward) {
    ward.write("app.sh", "exec sleep 1000");
    let apps = json!([{
        "name": NASTY, "namespace": NASTY, "script": "app.sh", "version": NASTY, "args": [NASTY],
        "env": { "PLAIN": NASTY, NASTY: "value" }, "out_file": ward.dir().join("log\x1b[2J"),
    }]);
    let started = ward
        .run_with_input(&["start", "-"], &apps.to_string())
        .succeeds();
    assert_harmless(&["start", "-"], &started.stdout());
    assert_harmless(&["start", "-"], &started.stderr());
}

#[test]
fn no_command_prints_the_escapes_of_a_name() {
    let ward = Ward::new();
    nasty_app(&ward);
    for words in [
        &["ls"][..],
        &["ls", "--mini-list"],
        &["jlist"],
        &["prettylist"],
        &["describe", "0"],
        &["describe", NASTY],
        &["env", "0"],
        &["id", NASTY],
        &["pid", NASTY],
        &["logs", "--nostream"],
        &["logs", NASTY, "--nostream"],
        &["report"],
        &["restart", "0"],
        &["restart", NASTY],
        &["reload", NASTY],
        &["scale", NASTY, "2"],
        &["reset", NASTY],
        &["flush"],
        &["sendSignal", "SIGCONT", NASTY],
        &["trigger", NASTY, NASTY],
        &["save"],
        &["stop", NASTY],
        &["stop", "unknown\x1b[2J\n[PM2][ERROR] forged"],
        &["describe", "unknown\x1b[2J\n[PM2][ERROR] forged"],
        &["delete", NASTY],
        &["resurrect"],
    ] {
        let ran = ward.run(words);
        assert_harmless(words, &ran.stdout());
        assert_harmless(words, &ran.stderr());
    }
}

/// What is escaped on the way to the terminal is the same JSON for programs.
#[test]
fn programs_read_the_name_as_it_is() {
    let ward = Ward::new();
    nasty_app(&ward);
    assert_eq!(ward.list()[0]["name"], NASTY);
    assert_eq!(ward.list()[0]["pm2_env"]["env"]["PLAIN"], NASTY);
}
