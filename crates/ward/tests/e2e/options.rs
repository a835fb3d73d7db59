//! The options every command knows: what each leaves in the record.

use serde_json::{Value, json};

use crate::harness::{Ward, unknown_user};

const SLEEPER: &str = "exec sleep 1000\n";

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_option_of_a_start_fills_its_key() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    let file = |name: &str| json!(ward.dir().join(name));
    for (words, key, wanted) in [
        (&["--namespace", "ns"][..], "namespace", json!("ns")),
        (&["--interpreter", "sh"], "exec_interpreter", json!("sh")),
        (
            &["--interpreter-args", "-e -u"],
            "node_args",
            json!(["-e", "-u"]),
        ),
        (&["--node-args=-e"], "node_args", json!(["-e"])),
        (&["-o", "o.log"], "pm_out_log_path", file("o.log")),
        (&["-e", "e.log"], "pm_err_log_path", file("e.log")),
        (&["-l", "c.log"], "pm_log_path", file("c.log")),
        (&["--log-type", "json"], "log_type", json!("json")),
        (
            &["--log-date-format", "YYYY"],
            "log_date_format",
            json!("YYYY"),
        ),
        (&["--time"], "log_date_format", json!("YYYY-MM-DDTHH:mm:ss")),
        (&["--disable-logs"], "disable_logs", json!(true)),
        (&["--merge-logs"], "merge_logs", json!(true)),
        (&["--filter-env", "HO"], "filter_env", json!(["HO"])),
        (
            &["--shutdown-with-message"],
            "shutdown_with_message",
            json!(true),
        ),
        (&["-p", "p.pid"], "pm_pid_path", file("p-0.pid")),
        (&["-k", "3000"], "kill_timeout", json!(3000)),
        (&["--kill-timeout=77"], "kill_timeout", json!(77)),
        (&["--listen-timeout", "400"], "listen_timeout", json!(400)),
        (
            &["--max-memory-restart", "100M"],
            "max_memory_restart",
            json!(104_857_600),
        ),
        (
            &["--max-memory-restart", "1048576"],
            "max_memory_restart",
            json!(1_048_576),
        ),
        (&["--restart-delay", "100"], "restart_delay", json!(100)),
        (
            &["--exp-backoff-restart-delay", "100"],
            "exp_backoff_restart_delay",
            json!(100),
        ),
        (&["--max-restarts", "3"], "max_restarts", json!(3)),
        (&["-c", "0 0 1 1 *"], "cron_restart", json!("0 0 1 1 *")),
        (
            &["--cron-restart", "0 0 1 1 *"],
            "cron_restart",
            json!("0 0 1 1 *"),
        ),
        (&["--watch", "lib"], "watch", json!(["lib"])),
        (
            &["--ignore-watch", "a b"],
            "ignore_watch",
            json!(["a", "b"]),
        ),
        (&["--watch-delay", "2"], "watch_delay", json!(2000)),
        (&["--no-vizion"], "vizion", json!(false)),
        (&["--no-autostart"], "status", json!("stopped")),
        (&["--no-autorestart"], "autorestart", json!(false)),
        (&["--no-treekill"], "treekill", json!(false)),
        (&["--no-pmx"], "pmx", json!(false)),
        (&["--no-automation"], "automation", json!(false)),
        (&["-i", "1"], "instances", json!(1)),
        (&["--force"], "force", json!(true)),
        (&["--time"], "time", json!(true)),
        (&["--write"], "write", json!(true)),
    ] {
        let line = [&["start", "app.sh", "-n", "o"], words].concat();
        ward.run(&line).succeeds();
        let record = &ward.app("o")["pm2_env"];
        assert_eq!(record[key], wanted, "{words:?}");
        assert!(record["pm_uptime"].is_u64(), "{words:?}");
        assert!(record.get("prev_restart_delay").is_none(), "{words:?}");
        ward.run(&["delete", "o"]).succeeds();
    }
}

#[test]
fn options_that_cannot_be_read_start_nothing() {
    let unknown_user = unknown_user("nobody-of-that-name");
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    for (words, reason) in [
        (
            ["--kill-timeout", "abc"],
            "Expect \"kill_timeout\" to be a typeof [object Number], but now is [object String]",
        ),
        (
            ["--restart-delay", "abc"],
            "Expect \"restart_delay\" to be a typeof [object Number], but now is [object String]",
        ),
        (
            ["--max-memory-restart", "100x"],
            "Verify \"max_memory_restart\" with regex failed",
        ),
        (["--cron", "bad"], "Cron pattern error: "),
        (["--uid", "nobody-of-that-name"], unknown_user.as_str()),
    ] {
        let line = [&["start", "app.sh"], &words[..]].concat();
        ward.run(&line)
            .fails()
            .complains(&format!("[PM2][ERROR] {reason}"));
        assert!(ward.list().is_empty(), "{words:?}");
    }
}

/// Records hold the number of instances that were made, however it was asked for.
#[test]
fn the_number_of_instances_is_told_as_a_number() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    for number in ["max", "0", "-1", "2"] {
        ward.run(&["start", "app.sh", "-i", number]).succeeds();
        let list = ward.list();
        for app in &list {
            assert_eq!(
                app["pm2_env"]["instances"],
                json!(list.len()),
                "-i {number}"
            );
        }
        ward.run(&["delete", "app"]).succeeds();
    }
}

#[test]
fn options_of_a_restart_change_the_record() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    ward.run(&["start", "app.sh"]).succeeds();
    let record = || -> Value { ward.list()[0]["pm2_env"].clone() };
    for (words, key, wanted) in [
        (&["--name", "new"][..], "name", json!("new")),
        (&["--name=app"], "name", json!("app")),
        (&["--namespace", "ns"], "namespace", json!("ns")),
        (&["-k", "999"], "kill_timeout", json!(999)),
        (&["--no-autorestart"], "autorestart", json!(false)),
        (&["--max-restarts", "4"], "max_restarts", json!(4)),
        (&["--restart-delay", "55"], "restart_delay", json!(55)),
        (&["--restart-delay=null"], "restart_delay", Value::Null),
        (&["--watch"], "watch", json!(true)),
        (&["--watch"], "watch", json!(false)),
        (&["--", "a", "b"], "args", json!(["a", "b"])),
        (&["--", "c"], "args", json!(["c"])),
        (&[], "args", json!(["c"])),
    ] {
        let line = [&["restart", "0"], words].concat();
        ward.run(&line).succeeds();
        assert_eq!(record()[key], wanted, "{words:?}");
        assert_eq!(record()["prev_restart_delay"], 0, "{words:?}");
    }
    ward.run(&["restart", "0", "--cron", "1 1 1 1 *"])
        .succeeds()
        .prints("[PM2] cron restart at 1 1 1 1 *\n");
    assert_eq!(record()["cron_restart"], "1 1 1 1 *");
    ward.run(&["restart", "0", "--cron-restart", "0"])
        .succeeds()
        .prints("[PM2] disabling cron restart\n");
    ward.run(&["restart", "0", "--env", "prod"])
        .fails()
        .complains("Using --env [env] without passing the ecosystem.config.js does not work");
}

/// `-i max` writes to one file for all, `-i 2` to one for each; programs read them by these names.
#[test]
fn one_log_for_max_and_one_for_each_of_a_number() {
    let ward = Ward::where_nobody_listens();
    ward.write("app.js", "setInterval(() => {}, 1000)");
    ward.write("app.sh", SLEEPER);
    for script in ["app.js", "app.sh"] {
        for (number, file) in [("max", "app-out.log"), ("2", "app-out-0.log")] {
            ward.run(&["start", script, "-i", number]).succeeds();
            let path = ward.home().join("logs").join(file);
            assert_eq!(
                ward.list()[0]["pm2_env"]["pm_out_log_path"],
                json!(path),
                "{script} {number}"
            );
            ward.run(&["delete", "app"]).succeeds();
        }
    }
}

/// `stop` ends watching, and says so in the record of an app that never was watched, too.
#[test]
fn a_stop_is_the_end_of_watching() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    ward.write(
        "eco.json",
        r#"[{"name":"plain","script":"app.sh"},{"name":"watched","script":"app.sh","watch":true}]"#,
    );
    ward.run(&["start", "eco.json"]).succeeds();
    assert_eq!(ward.app("watched")["pm2_env"]["watch"], true);
    ward.run(&["stop", "eco.json"]).succeeds();
    for name in ["plain", "watched"] {
        assert_eq!(ward.app(name)["pm2_env"]["watch"], false, "{name}");
    }
    ward.run(&["start", "eco.json"]).succeeds();
    assert_eq!(ward.app("watched")["pm2_env"]["watch"], true);
    ward.run(&["stop", "plain"]).succeeds();
    ward.run(&["start", "plain"]).succeeds();
    assert_eq!(ward.app("plain")["pm2_env"]["watch"], false);
}
