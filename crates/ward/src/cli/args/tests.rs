//! The rules of pm2-like command lines, one table per rule.

mod dashes;

use serde_json::{Value, json};

use super::*;

fn read_with(line: &[&str], files: &[&str]) -> Result<Invocation, UsageError> {
    let words: Vec<String> = line.iter().map(|word| (*word).to_owned()).collect();
    Invocation::read("ward", &words, Paths::from_env("ward"), &|word| {
        files.contains(&word)
    })
}

fn read(line: &[&str]) -> Invocation {
    read_with(line, &["app.js"]).unwrap()
}

fn command(read: &Invocation) -> &'static str {
    read.command.map_or("", |command| command.name)
}

fn option(line: &[&str], key: &str) -> Value {
    read(line).options.get(key).cloned().unwrap_or(Value::Null)
}

#[test]
fn options_stand_before_and_after_the_command() {
    for line in [
        &["--name", "zed", "start", "app.js"][..],
        &["start", "app.js", "--name", "zed"],
        &["start", "--name=zed", "app.js"],
        &["start", "-n", "zed", "app.js"],
        &["start", "-fn", "zed", "app.js"],
        &["start", "-nzed", "app.js"],
    ] {
        let read = read(line);
        assert_eq!(command(&read), "start", "{line:?}");
        assert_eq!(read.targets, ["app.js"], "{line:?}");
        assert_eq!(read.options["name"], "zed", "{line:?}");
    }
}

#[test]
fn own_options_may_stand_before_the_command_too() {
    let read = read(&["--lines", "5", "logs", "--nostream", "app"]);
    assert_eq!(command(&read), "logs");
    assert_eq!(read.text("lines"), Some("5"));
    assert!(read.is_set("nostream"));
    assert_eq!(read.target(), Some("app"));
}

#[test]
fn a_word_that_must_follow_may_look_like_an_option() {
    assert_eq!(
        option(&["start", "app.js", "-i", "-1"], "instances"),
        json!(-1)
    );
    assert_eq!(
        option(&["start", "app.js", "-i", "max"], "instances"),
        json!(0)
    );
    assert_eq!(option(&["start", "app.js", "-i2"], "instances"), json!(2));
    assert_eq!(
        option(
            &["start", "app.js", "--node-args", "--harmony -r x"],
            "node_args"
        ),
        json!(["--harmony", "-r", "x"])
    );
}

#[test]
fn a_word_that_may_follow_is_taken_unless_it_is_an_option() {
    assert_eq!(option(&["start", "a.js", "--watch"], "watch"), json!(true));
    assert_eq!(
        option(&["start", "a.js", "--watch", "-f"], "watch"),
        json!(true)
    );
    assert_eq!(
        option(&["start", "a.js", "--watch", "src"], "watch"),
        json!(["src"])
    );
    assert_eq!(
        option(
            &["start", "a.js", "--watch", "src", "--watch", "lib"],
            "watch"
        ),
        json!(["src", "lib"])
    );
    assert_eq!(
        option(&["start", "a.js", "--watch", "--", "src"], "watch"),
        json!(true)
    );
    assert_eq!(option(&["start", "a.js", "-l"], "log_file"), json!(true));
    assert_eq!(
        option(&["start", "a.js", "-l", "x.log"], "log_file"),
        json!("x.log")
    );
}

#[test]
fn an_option_gives_back_the_only_target() {
    for line in [
        &["start", "--watch", "app.js"][..],
        &["start", "-l", "app.js"],
        &["start", "--filter-env", "app.js"],
        &["start", "--max-restarts", "app.js"],
        &["restart", "--watch", "app.js"],
    ] {
        assert_eq!(read(line).targets, ["app.js"], "{line:?}");
        assert!(read(line).wrong.is_empty(), "{line:?}");
    }
    let kept = read_with(&["start", "--watch", "src"], &[DEFAULT_FILE]).unwrap();
    assert!(kept.targets.is_empty());
    assert_eq!(kept.options["watch"], json!(["src"]));
}

#[test]
fn words_after_two_dashes_are_for_the_app() {
    let read = read(&[
        "start", "app.js", "-n", "x", "--", "-n", "y", "--silent", "app.js",
    ]);
    assert_eq!(read.targets, ["app.js"]);
    assert_eq!(read.options["name"], "x");
    assert!(!read.is_set("silent"));
    assert_eq!(read.passthrough.unwrap(), ["-n", "y", "--silent", "app.js"]);
    let empty = self::read(&["start", "app.js", "--"]);
    assert_eq!(empty.targets, ["app.js"]);
    assert_eq!(empty.passthrough, Some(Vec::new()));
}

#[test]
fn the_last_of_repeated_options_wins() {
    assert_eq!(
        option(&["start", "a.js", "-n", "x", "--name", "y"], "name"),
        json!("y")
    );
}

#[test]
fn log_is_logs_as_a_command_only() {
    assert_eq!(command(&read(&["log"])), "logs");
    assert_eq!(
        option(&["start", "a.js", "--name", "log"], "name"),
        json!("log")
    );
}

#[test]
fn a_lone_dash_is_an_argument() {
    assert_eq!(read(&["start", "-"]).targets, ["-"]);
    assert_eq!(read(&["scale", "app", "-1"]).targets, ["app", "-1"]);
}

#[test]
fn no_options_set_false() {
    for (word, key) in [
        ("--no-autorestart", "autorestart"),
        ("--no-autostart", "autostart"),
        ("--no-treekill", "treekill"),
        ("--no-vizion", "vizion"),
        ("--no-pmx", "pmx"),
    ] {
        assert_eq!(option(&["start", "a.js", word], key), json!(false));
        assert_eq!(option(&["start", "a.js"], key), Value::Null);
    }
}

#[test]
fn numbers_have_units() {
    for (word, text, key, value) in [
        (
            "--max-memory-restart",
            "100M",
            "max_memory_restart",
            json!(104_857_600),
        ),
        (
            "--max-memory-restart",
            "100m",
            "max_memory_restart",
            json!(104_857_600),
        ),
        (
            "--max-memory-restart",
            "1.5GB",
            "max_memory_restart",
            json!(1_610_612_736_u64),
        ),
        (
            "--max-memory-restart",
            "2KiB",
            "max_memory_restart",
            json!(2048),
        ),
        (
            "--max-memory-restart",
            "500",
            "max_memory_restart",
            json!(500),
        ),
        ("--watch-delay", "500ms", "watch_delay", json!(500)),
        ("--watch-delay", "0.5", "watch_delay", json!(500)),
        ("--watch-delay", "2", "watch_delay", json!(2000)),
        ("--kill-timeout", "3000", "kill_timeout", json!(3000)),
        ("-k", "3s", "kill_timeout", json!(3000)),
        ("--kill-timeout", "-1", "kill_timeout", json!(-1)),
        ("--watch-delay", "-1", "watch_delay", json!(-1000)),
        ("--stop-exit-codes", "5,6", "stop_exit_codes", json!([5, 6])),
        ("--stop-exit-codes", "5", "stop_exit_codes", json!([5])),
        ("--max-restarts", "3", "max_restarts", json!(3)),
        ("--max-restarts", "null", "max_restarts", json!("null")),
    ] {
        assert_eq!(
            option(&["start", "a.js", word, text], key),
            value,
            "{word} {text}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_refused_in_pm2_s_words() {
    let read = read(&["start", "a.js", "--kill-timeout", "abc", "-i", "abc"]);
    assert_eq!(
        read.wrong,
        [
            "Expect \"kill_timeout\" to be a typeof [object Number], but now is [object String]",
            "Expect \"instances\" to be a typeof [object Number], but now is [object String]",
        ]
    );
}

#[test]
fn usage_errors() {
    for (line, text) in [
        (&["--foo"][..], "unknown option `--foo'"),
        (&["start", "app.js", "--foo=x"], "unknown option `--foo'"),
        (&["start", "-Z"], "unknown option `-Z'"),
        (
            &["start", "app.js", "--name"],
            "option `-n --name <name>' argument missing",
        ),
        (
            &["restart"],
            "missing required argument `id|name|namespace|all|json|stdin'",
        ),
        (&["scale", "app"], "missing required argument `number'"),
        (&["list", "--nostream"], "unknown option `--nostream'"),
    ] {
        assert_eq!(read_with(line, &[]).unwrap_err().to_string(), text);
    }
    assert!(read_with(&["restart", "-h"], &[]).is_ok());
}
