//! What is taken, what is refused, and in which words.

use serde_json::json;

use super::*;

const FILE: &str = "eco.yaml";

fn file(written: &Value) -> Result<Checked, Vec<Problem>> {
    app(
        written.as_object().unwrap(),
        Source {
            file: FILE,
            text: "",
        },
    )
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn values_that_are_taken() {
    for (key, given, canonical, wanted) in [
        ("maxRestarts", json!("7"), "max_restarts", json!(7)),
        ("max_restarts", json!(0), "max_restarts", json!(0)),
        ("kill_timeout", json!(0), "kill_timeout", json!(0)),
        ("kill_timeout", json!("500ms"), "kill_timeout", json!(500)),
        ("kill_timeout", json!("2s"), "kill_timeout", json!(2000)),
        ("watch_delay", json!("4000ms"), "watch_delay", json!(4000)),
        (
            "max_memory_restart",
            json!("200M"),
            "max_memory_restart",
            json!(209_715_200),
        ),
        (
            "max_memory_restart",
            json!("100m"),
            "max_memory_restart",
            json!(104_857_600),
        ),
        (
            "max_memory_restart",
            json!("1.5G"),
            "max_memory_restart",
            json!(1_610_612_736),
        ),
        (
            "max_memory_restart",
            json!("100MB"),
            "max_memory_restart",
            json!(104_857_600),
        ),
        (
            "max_memory_restart",
            json!("100"),
            "max_memory_restart",
            json!(100),
        ),
        ("min_uptime", json!("1h"), "min_uptime", json!(3_600_000)),
        (
            "stop_exit_codes",
            json!("5,6"),
            "stop_exit_codes",
            json!([5, 6]),
        ),
        (
            "stop_exit_codes",
            json!("5 6"),
            "stop_exit_codes",
            json!([5, 6]),
        ),
        ("stop_exit_codes", json!("0"), "stop_exit_codes", json!([0])),
        ("stop_exit_codes", json!([0]), "stop_exit_codes", json!([0])),
        ("stop_exit_codes", json!(3), "stop_exit_codes", json!(3)),
        (
            "args",
            json!("a \"b c\" d='e f'"),
            "args",
            json!(["a", "b c", "d='e f'"]),
        ),
        ("args", json!(""), "args", json!([])),
        ("args", json!(["a b", 1]), "args", json!(["a b", 1])),
        ("args", json!(8080), "args", json!(["8080"])),
        (
            "interpreterArgs",
            json!("--a --b"),
            "node_args",
            json!(["--a", "--b"]),
        ),
        ("watch", json!("true"), "watch", json!("true")),
        ("watch", json!(false), "watch", json!(false)),
        ("watch", json!(["a"]), "watch", json!(["a"])),
        (
            "ignore_watch",
            json!("a b"),
            "ignore_watch",
            json!(["a", "b"]),
        ),
        ("instances", json!("max"), "instances", json!(0)),
        ("instances", json!("4"), "instances", json!(4)),
        ("instances", json!(-1), "instances", json!(-1)),
        (
            "exec_mode",
            json!("cluster"),
            "exec_mode",
            json!("cluster_mode"),
        ),
        (
            "execMode",
            json!("fork_mode"),
            "exec_mode",
            json!("fork_mode"),
        ),
        (
            "cron",
            json!("0 3 * * *"),
            "cron_restart",
            json!("0 3 * * *"),
        ),
        (
            "cron_restart",
            json!("*/5 * * * * *"),
            "cron_restart",
            json!("*/5 * * * * *"),
        ),
        ("cron_restart", json!("0"), "cron_restart", json!(0)),
        ("cron_restart", json!(0), "cron_restart", json!(0)),
        ("user", json!("www"), "uid", json!("www")),
        ("uid", json!("33"), "uid", json!(33)),
        ("port", json!("80"), "port", json!(80)),
        ("cmd", json!("npm start"), "script", json!("npm start")),
        (
            "kill_signal",
            json!("term"),
            "kill_signal",
            json!("SIGTERM"),
        ),
        ("merge_logs", json!(false), "merge_logs", json!(false)),
        ("env", json!({"A": 1}), "env", json!({"A": 1})),
        ("env_prod", json!({"A": 1}), "env_prod", json!({"A": 1})),
        ("filter_env", json!(true), "filter_env", json!(true)),
        ("pmx", json!("false"), "pmx", json!("false")),
        ("log_file", json!(true), "log_file", json!(true)),
    ] {
        let checked = file(&json!({key: given})).unwrap();
        assert_eq!(
            Value::Object(checked.decl),
            json!({canonical: wanted}),
            "{key}: {given}"
        );
        assert!(checked.warnings.is_empty(), "{:?}", checked.warnings);
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn values_that_are_refused() {
    for (key, given, text) in [
        (
            "instances",
            json!([1]),
            "Expect \"instances\" to be a typeof [object Number], but now is [object Array]",
        ),
        (
            "namespace",
            json!(5),
            "Expect \"namespace\" to be a typeof [object String], but now is [object Number]",
        ),
        (
            "autorestart",
            json!("false"),
            "Expect \"autorestart\" to be a typeof [object Boolean], but now is [object String]",
        ),
        (
            "kill_timeout",
            json!("soon"),
            "Expect \"kill_timeout\" to be a typeof [object Number], but now is [object String]",
        ),
        (
            "maxRestarts",
            json!({}),
            "Expect \"max_restarts\" to be a typeof [object Number], but now is [object Object]",
        ),
        (
            "watch",
            json!(3),
            "Expect \"watch\" to be a typeof [object Boolean] / [object Array] / [object String], but now is [object Number]",
        ),
        (
            "env_prod",
            json!(3),
            "Expect \"env_prod\" to be a typeof [object Object] / [object String], but now is [object Number]",
        ),
        (
            "stop_exit_codes",
            json!("a,b"),
            "Expect \"stop_exit_codes\" to be a typeof [object Array] / [object Number], but now is [object String]",
        ),
        (
            "max_memory_restart",
            json!("12X"),
            "Verify \"max_memory_restart\" with regex failed, it should be a NUMBER - byte, \"[NUMBER]G\"(Gigabyte), \"[NUMBER]M\"(Megabyte) or \"[NUMBER]K\"(Kilobyte)",
        ),
        (
            "min_uptime",
            json!("later"),
            "Verify \"min_uptime\" with regex failed, it should be a NUMBER - milliseconds, \"[NUMBER]h\"(hours), \"[NUMBER]m\"(minutes) or \"[NUMBER]s\"(seconds)",
        ),
        (
            "exec_mode",
            json!("thread"),
            "Verify \"exec_mode\" with regex failed, it should be \"cluster\"(\"cluster_mode\") or \"fork\"(\"fork_mode\") only",
        ),
        (
            "min_uptime",
            json!(50),
            "The minimum of \"min_uptime\" is 100, but now is 50",
        ),
        (
            "max_restarts",
            json!(-1),
            "The minimum of \"max_restarts\" is 0, but now is -1",
        ),
        (
            "instances",
            json!(4_000_000_000_u64),
            "The maximum of \"instances\" is 10000, but now is 4000000000",
        ),
    ] {
        let problems = file(&json!({key: given})).unwrap_err();
        assert_eq!(problems.len(), 1, "{key}");
        assert_eq!(problems[0].text, text);
        let shown = problems[0].to_string();
        assert!(
            shown.starts_with(text) && shown.contains(&format!("(eco.yaml: given {given}")),
            "{shown}"
        );
    }
    let problems = file(&json!({"cron": "abc"})).unwrap_err();
    assert!(
        problems[0].text.starts_with("Cron pattern error: "),
        "{}",
        problems[0]
    );
}

#[test]
fn a_problem_names_its_line() {
    let text = "apps:\n  - name: a\n    max_restarts: 3\n  - name: b\n    max_restarts: {}\n";
    let written = json!({"name": "b", "max_restarts": {}});
    let problems = app(written.as_object().unwrap(), Source { file: FILE, text }).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "Expect \"max_restarts\" to be a typeof [object Number], but now is [object Object] (eco.yaml:5: given {}, wanted a number)"
    );
}

#[test]
fn all_problems_are_reported() {
    assert_eq!(
        file(&json!({"instances": {}, "name": 3, "colour": 1}))
            .unwrap_err()
            .len(),
        2
    );
}

#[test]
fn unknown_keys_warn_once_and_never_fail() {
    let written = json!({"script": "a", "max_restart": 3, "zzz": 1, "_note": 1, "version": "1", "$schema": "x"});
    let text = "script: a\nmax_restart: 3\nzzz: 1\n";
    let checked = app(written.as_object().unwrap(), Source { file: FILE, text }).unwrap();
    assert_eq!(Value::Object(checked.decl), json!({"script": "a"}));
    assert_eq!(
        checked.warnings,
        [
            "eco.yaml:2: unknown key \"max_restart\" is ignored, did you mean \"max_restarts\"?",
            "eco.yaml:3: unknown key \"zzz\" is ignored",
        ]
    );
}

#[test]
fn the_strongest_name_wins_and_null_says_nothing() {
    for (written, wanted) in [
        (
            json!({"out": "1", "out_file": "2"}),
            json!({"out_file": "2"}),
        ),
        (
            json!({"out_file": null, "output": "1", "out": "2"}),
            json!({"out_file": "2"}),
        ),
        (
            json!({"maxRestarts": 5, "max_restarts": 0}),
            json!({"max_restarts": 0}),
        ),
        (json!({"name": null}), json!({})),
        (json!({"name": ""}), json!({})),
        (
            json!({"log_date_format": "", "watch": "", "max_restarts": "", "args": ""}),
            json!({"args": []}),
        ),
    ] {
        assert_eq!(
            Value::Object(file(&written).unwrap().decl),
            wanted,
            "{written}"
        );
    }
}

#[test]
fn instances_that_are_words() {
    let checked = file(&json!({"instances": "auto"})).unwrap();
    assert_eq!(
        (&checked.decl["instances"], checked.warnings.len()),
        (&json!(0), 1)
    );
    assert_eq!(
        file(&json!({"instances": "2x"})).unwrap().decl["instances"],
        json!(2)
    );
}

#[test]
fn options_are_checked_by_their_keys() {
    let given = json!({"instances": "2", "node_args": "null", "max_memory_restart": "1G"});
    let checked = options(given.as_object().unwrap()).unwrap();
    assert_eq!(
        Value::Object(checked.decl),
        json!({"instances": 2, "node_args": "null", "max_memory_restart": 1_073_741_824})
    );
    let bad = options(json!({"kill_timeout": "x"}).as_object().unwrap()).unwrap_err();
    assert_eq!(
        bad[0].to_string(),
        "Expect \"kill_timeout\" to be a typeof [object Number], but now is [object String] (given \"x\", wanted a number)"
    );
}

#[test]
fn defaults_are_those_of_pm2() {
    let mut decl = Map::new();
    decl.insert("vizion".to_owned(), json!(false));
    fill_defaults(&mut decl);
    assert_eq!(
        Value::Object(decl),
        json!({
            "vizion": false, "namespace": "default", "node_args": [], "instance_var": "NODE_APP_INSTANCE",
            "kill_retry_time": 100, "treekill": true, "autostart": true, "autorestart": true, "pmx": true,
            "automation": true, "windowsHide": true,
        })
    );
}

#[test]
fn what_pm2_overlooks_is_taken_and_told() {
    for (key, given, kept, warning) in [
        ("min_uptime", json!(0), None, "taken for nothing said"),
        ("out_file", json!(false), None, "\"NULL\" is no file"),
        ("error_file", json!(0), None, "\"NULL\" is no file"),
        ("max_memory_restart", json!(-1), None, "taken for nothing"),
        ("restart_delay", json!(-1), Some(json!(-1)), "counts as 0"),
        ("kill_timeout", json!("-1"), Some(json!(-1)), "counts as 0"),
        ("restart_delay", json!(0), None, ""),
        ("cron_restart", json!(0), Some(json!(0)), ""),
        ("listen_timeout", json!(0), Some(json!(0)), ""),
        ("autorestart", json!(false), Some(json!(false)), ""),
        ("uid", json!(0), Some(json!(0)), ""),
        ("args", json!(""), Some(json!([])), ""),
    ] {
        let checked = file(&json!({key: given})).unwrap();
        assert_eq!(checked.decl.get(key), kept.as_ref(), "{key} {given}");
        assert_eq!(
            checked.warnings.is_empty(),
            warning.is_empty(),
            "{key} {given}: {:?}",
            checked.warnings
        );
        assert!(checked.warnings.concat().contains(warning), "{key} {given}");
    }
    for (key, given) in [
        ("out_file", json!(true)),
        ("cron_restart", json!(1)),
        ("min_uptime", json!(-1)),
    ] {
        assert_eq!(file(&json!({key: given})).unwrap_err().len(), 1, "{key}");
    }
}
