//! Shapes of files that PM2 takes and people have: values that mean nothing, settings in unusual
//! places, names of log files, ids.

mod settings;

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::Ward;

const SLEEPER: &str = "exec sleep 1000";

fn setting<'a>(app: &'a Value, key: &str) -> &'a Value {
    &app["pm2_env"][key]
}

#[test]
fn cron_patterns_with_a_start_and_a_step() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    ward.write(
        "e.config.js",
        "module.exports = {apps: [{name: 'a', script: 'app.sh', cron_restart: '40 1/8 * * *'}]}",
    );
    ward.run(&["start", "e.config.js"])
        .succeeds()
        .prints("cron restart at 40 1/8 * * *");
    assert_eq!(setting(&ward.app("a"), "cron_restart"), "40 1/8 * * *");
    ward.run(&["start", "app.sh", "--name", "b", "--cron", "5/15 * * * *"])
        .succeeds();
    assert_eq!(setting(&ward.app("b"), "cron_restart"), "5/15 * * * *");
    ward.run(&["start", "app.sh", "--name", "c", "--cron", "70/5 * * * *"])
        .fails()
        .complains("begins after the last minute");
}

/// A planned restart with such a pattern happens.
#[test]
fn a_step_that_comes_every_second_restarts() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    ward.run(&["start", "app.sh", "--cron", "0/1 * * * * *"])
        .succeeds();
    ward.wait_until("a planned restart", |apps| {
        apps[0]["pm2_env"]["restart_time"].as_u64() >= Some(1)
    });
}

#[test]
fn values_that_mean_nothing_are_taken_with_a_warning() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    ward.write(
        "e.config.js",
        "module.exports = {apps: [{name: 'a', script: 'app.sh', min_uptime: 0, restart_delay: -1,
            out_file: false, error_file: false, max_memory_restart: -1}]}",
    );
    let ran = ward.run(&["start", "e.config.js"]).succeeds();
    for key in [
        "min_uptime",
        "restart_delay",
        "out_file",
        "error_file",
        "max_memory_restart",
    ] {
        assert!(
            ran.stderr().contains(&format!("\"{key}\" ")),
            "{key}: {}",
            ran.stderr()
        );
    }
    let app = ward.app("a");
    assert_eq!(app["pm2_env"]["status"], "online");
    assert_eq!(setting(&app, "restart_delay"), -1);
    assert_eq!(setting(&app, "min_uptime"), &Value::Null);
    let out = ward.home().join("logs/a-out.log");
    assert_eq!(setting(&app, "pm_out_log_path"), &json!(out));
    ward.run(&["save"]).succeeds();
    ward.run(&["delete", "all"]).succeeds();
    ward.run(&["resurrect"]).succeeds();
    assert_eq!(setting(&ward.app("a"), "restart_delay"), -1);
    ward.run(&["restart", "a", "--restart-delay", "-5"])
        .succeeds();
    assert_eq!(setting(&ward.app("a"), "restart_delay"), -5);
}

#[test]
fn a_script_that_may_not_be_executed_is_listed_as_errored() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    ward.write(
        "e.config.js",
        "module.exports = {apps: [{name: 'a', script: 'app.sh', interpreter: 'none'},
            {name: 'b', script: 'app.sh'}]}",
    );
    for _ in 0..2 {
        ward.run(&["start", "e.config.js"])
            .succeeds()
            .complains("Script is not executable");
        assert_eq!(ward.status("a"), "errored");
        assert_eq!(ward.status("b"), "online");
    }
    ward.run(&["describe", "a"])
        .succeeds()
        .prints("Permission denied");
    ward.run(&["restart", "a"])
        .fails()
        .complains("Permission denied");
    ward.run(&["start", "app.sh", "--name", "c", "--interpreter", "none"])
        .succeeds()
        .complains("Script is not executable");
    assert_eq!(ward.status("c"), "errored");
}

fn file_name<'a>(app: &'a Value, key: &str) -> Option<&'a str> {
    Path::new(setting(app, key).as_str()?).file_name()?.to_str()
}

#[test]
fn log_files_are_named_as_under_pm2() {
    let ward = Ward::new();
    // Who listens is not waited for.
    ward.write("app.js", "require('http').createServer().listen(0)");
    for (more, out, merged) in [
        ("instances: 'max'", "a-out.log", json!(true)),
        (
            "instances: 'max', exec_mode: 'cluster'",
            "a-out-0.log",
            Value::Null,
        ),
        ("merge_logs: false", "a-out-0.log", Value::Null),
        ("name: 'a'", "a-out.log", json!(true)),
    ] {
        let text = format!("module.exports = {{apps: [{{name: 'a', script: 'app.js', {more}}}]}}");
        ward.write("e.config.js", &text);
        ward.run(&["start", "e.config.js"]).succeeds();
        let app = &ward.list()[0];
        assert_eq!(file_name(app, "pm_out_log_path"), Some(out), "{more}");
        assert_eq!(setting(app, "merge_logs"), &merged, "{more}");
        ward.run(&["delete", "all"]).succeeds();
    }
}

#[test]
fn an_app_without_a_version_has_no_such_variable() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    ward.run(&["start", "app.sh", "--name", "a"]).succeeds();
    for _ in 0..2 {
        let env = ward.environ("a");
        assert!(!env.iter().any(|variable| variable.starts_with("version=")));
        assert_eq!(setting(&ward.app("a"), "version"), "N/A");
        ward.run(&["restart", "a"]).succeeds();
    }
}

#[test]
fn the_record_shows_what_was_declared() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    ward.write(
        "e.config.js",
        "module.exports = {apps: [
            {name: 'a', script: 'app.sh', cwd: '.', args: ['--port', 8080, true], cron_restart: 0,
                kill_timeout: 0, max_restarts: 0},
            {name: 'b', script: 'app.sh', args: ''},
            {name: 'c', script: 'app.sh'}]}",
    );
    ward.run(&["start", "e.config.js"]).succeeds();
    let check = || {
        let a = ward.app("a");
        for (key, wanted) in [
            ("cwd", json!(".")),
            ("pm_cwd", json!(ward.dir())),
            ("args", json!(["--port", 8080, true])),
            ("cron_restart", json!(0)),
            ("kill_timeout", json!(0)),
            ("max_restarts", json!(0)),
        ] {
            assert_eq!(setting(&a, key), &wanted, "{key}");
        }
        assert_eq!(setting(&ward.app("b"), "args"), &json!([]));
        assert_eq!(setting(&ward.app("c"), "args"), &Value::Null);
    };
    check();
    ward.run(&["restart", "e.config.js"]).succeeds();
    check();
    ward.run(&["save"]).succeeds();
    ward.run(&["delete", "all"]).succeeds();
    ward.run(&["resurrect"]).succeeds();
    check();
}

/// Two apps at a time, as PM2's command line starts them.
#[test]
fn apps_of_one_file_get_their_ids_in_turns() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    ward.write(
        "e.config.js",
        "module.exports = {apps: ['api', 'worker', 'cron'].map((name, at) =>
            ({name, script: 'app.sh', instances: at < 2 ? 2 : 1}))}",
    );
    ward.run(&["start", "e.config.js"]).succeeds();
    let order = || -> Vec<String> {
        let apps = ward.list();
        let shown = apps.iter().map(|app| {
            let number = &app["pm2_env"]["NODE_APP_INSTANCE"];
            format!(
                "{} {} {number}",
                app["pm_id"],
                app["name"].as_str().unwrap()
            )
        });
        shown.collect()
    };
    let wanted = ["0 api 0", "1 worker 0", "2 api 1", "3 worker 1", "4 cron 0"];
    assert_eq!(order(), wanted);
    ward.run(&["restart", "all"]).succeeds();
    assert_eq!(order(), wanted);
    ward.run(&["save"]).succeeds();
    ward.run(&["delete", "all"]).succeeds();
    ward.run(&["resurrect"]).succeeds();
    assert_eq!(order(), wanted);
}
