//! What apps find in their environment.

mod bytes;

use crate::harness::{Ward, environ_of};

fn has(environ: &[String], entry: &str) -> bool {
    environ.iter().any(|known| known == entry)
}

fn names(environ: &[String], name: &str) -> bool {
    environ
        .iter()
        .any(|known| known.starts_with(&format!("{name}=")))
}

/// R2: a variable removed from the file is gone after a restart from the file.
#[test]
fn a_variable_removed_from_the_file_is_gone() {
    let ward = Ward::new().with_env("FROM_SHELL", "kept");
    ward.write("app.sh", "exec sleep 1000");
    ward.write(
        "eco.json",
        r#"{"apps":[{"name":"app","script":"app.sh","env":{"FOO":"one","BAR":"two"}}]}"#,
    );
    ward.run(&["start", "eco.json"]).succeeds();
    let before = ward.environ("app");
    assert!(has(&before, "FOO=one") && has(&before, "BAR=two") && has(&before, "FROM_SHELL=kept"));
    ward.write(
        "eco.json",
        r#"{"apps":[{"name":"app","script":"app.sh","env":{"BAR":"three"}}]}"#,
    );
    ward.run(&["restart", "eco.json", "--update-env"])
        .succeeds();
    let after = ward.environ("app");
    assert!(!names(&after, "FOO"), "FOO is gone");
    assert!(has(&after, "BAR=three") && has(&after, "FROM_SHELL=kept"));
    assert!(
        ward.app("app")["pm2_env"].get("FOO").is_none(),
        "and not in the record either"
    );
    ward.run(&["restart", "app"]).succeeds();
    assert!(!names(&ward.environ("app"), "FOO"), "it stays gone");
}

/// Who deploys from cron or CI has another environment than who started the app. As under PM2, one
/// that declares variables keeps what it was started with, the others get new ones and lose none.
#[test]
fn a_file_does_not_take_the_environment_of_another_shell_unasked() {
    let mut ward = Ward::new().with_env("API_KEY", "given");
    ward.write("app.sh", "exec sleep 1000");
    ward.write(
        "eco.json",
        r#"[{"name":"with","script":"app.sh","env":{"A":1}},{"name":"without","script":"app.sh"}]"#,
    );
    ward.run(&["start", "eco.json"]).succeeds();
    ward.unset_env("API_KEY");
    ward.set_env("SSH_TTY", "/dev/pts/0");
    for action in ["restart", "start", "startOrReload"] {
        ward.run(&[action, "eco.json"]).succeeds();
        for (app, is_new) in [("with", false), ("without", true)] {
            let environ = ward.environ(app);
            assert!(has(&environ, "API_KEY=given"), "{action}: {environ:?}");
            assert_eq!(names(&environ, "SSH_TTY"), is_new, "{action}: {environ:?}");
        }
    }
    ward.run(&["restart", "eco.json", "--update-env"])
        .succeeds();
    for app in ["with", "without"] {
        let environ = ward.environ(app);
        assert!(!names(&environ, "API_KEY") && has(&environ, "SSH_TTY=/dev/pts/0"));
    }
}

#[test]
fn update_env_takes_the_shells_environment_as_it_is_now() {
    let mut ward = Ward::new()
        .with_env("OLD", "1")
        .with_env("CHANGED", "before");
    ward.write("app.sh", "exec sleep 1000");
    ward.run(&["start", "app.sh"]).succeeds();
    ward.unset_env("OLD");
    ward.set_env("CHANGED", "after");
    ward.set_env("NEW", "1");
    ward.run(&["restart", "app"]).succeeds();
    assert!(has(&ward.environ("app"), "CHANGED=before") && has(&ward.environ("app"), "OLD=1"));
    ward.run(&["restart", "app", "--update-env"]).succeeds();
    let after = ward.environ("app");
    assert!(has(&after, "CHANGED=after") && has(&after, "NEW=1") && !names(&after, "OLD"));
}

#[test]
fn the_variables_pm2_gives_are_there() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    ward.run(&["start", "app.sh", "--name", "envy", "-i", "2"])
        .succeeds();
    for (id, app) in ward.list().iter().enumerate() {
        let environ = environ_of(u32::try_from(app["pid"].as_u64().unwrap()).unwrap());
        let home = ward.home();
        for entry in [
            format!("NODE_APP_INSTANCE={id}"),
            format!("pm_id={id}"),
            "name=envy".to_owned(),
            format!("PM2_HOME={}", home.display()),
            "PM2_USAGE=CLI".to_owned(),
            "exec_mode=fork_mode".to_owned(),
            "namespace=default".to_owned(),
            "restart_time=0".to_owned(),
            format!("pm_exec_path={}", ward.dir().join("app.sh").display()),
            format!("pm_cwd={}", ward.dir().display()),
            format!(
                "pm_out_log_path={}",
                home.join(format!("logs/envy-out-{id}.log")).display()
            ),
            "NODE_CHANNEL_FD=3".to_owned(),
            "NODE_CHANNEL_SERIALIZATION_MODE=json".to_owned(),
        ] {
            assert!(has(&environ, &entry), "{entry} in {environ:#?}");
        }
        assert!(names(&environ, "unique_id") && names(&environ, "pm_uptime"));
    }
}

/// Lifecycle 10.14: an app's variables do not change what ward knows about it.
#[test]
fn an_apps_variables_cannot_change_its_record() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    ward.write(
        "eco.json",
        r#"[{"name":"real","script":"app.sh","env":{"name":"hacked","pm_id":"7","exec_mode":"zzz","kill_timeout":"1","status":"none","OWN":"1"}}]"#,
    );
    ward.run(&["start", "eco.json"]).succeeds();
    let app = ward.app("real");
    assert_eq!(app["pm_id"], 0);
    let record = &app["pm2_env"];
    assert_eq!(
        (record["name"].as_str(), record["pm_id"].as_u64()),
        (Some("real"), Some(0))
    );
    assert_eq!(
        (record["exec_mode"].as_str(), record["status"].as_str()),
        (Some("fork_mode"), Some("online"))
    );
    assert_eq!(record["OWN"], "1");
    ward.run(&["stop", "real"]).succeeds();
}

#[test]
fn filter_env_leaves_variables_out() {
    let ward = Ward::new()
        .with_env("SECRET_KEY", "1")
        .with_env("OTHER", "1");
    ward.write("app.sh", "exec sleep 1000");
    ward.run(&["start", "app.sh", "--filter-env", "SECRET"])
        .succeeds();
    let environ = ward.environ("app");
    assert!(!names(&environ, "SECRET_KEY") && has(&environ, "OTHER=1"));
    ward.write(
        "eco.json",
        r#"[{"name":"bare","script":"app.sh","filter_env":true,"env":{"MINE":"1"}}]"#,
    );
    ward.run(&["start", "eco.json"]).succeeds();
    let environ = ward.environ("bare");
    assert!(!names(&environ, "OTHER") && has(&environ, "MINE=1"));
}

#[test]
fn increment_var_counts_and_env_blocks_are_chosen() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    ward.write(
        "eco.json",
        r#"[{"name":"many","script":"app.sh","instances":3,"exec_mode":"fork","increment_var":"PORT",
             "env":{"PORT":8000,"STAGE":"dev"},"env_production":{"STAGE":"prod"}}]"#,
    );
    ward.run(&["start", "eco.json", "--env", "production"])
        .succeeds();
    for (index, app) in ward.list().iter().enumerate() {
        assert_eq!(app["pm2_env"]["PORT"], 8000 + index);
        assert_eq!(app["pm2_env"]["STAGE"], "prod");
    }
    ward.run(&["delete", "all"]).succeeds();
    ward.run(&["start", "eco.json", "--env", "nope"])
        .succeeds()
        .prints("[PM2][WARN] Environment [nope] is not defined in process file");
}

/// `require.main === module`, the words and the working directory are as under plain node.
#[test]
fn a_node_script_runs_as_under_plain_node() {
    let ward = Ward::new();
    ward.write(
        "sub/app.js",
        "console.log(JSON.stringify({main: require.main === module, argv: process.argv.slice(1), cwd: process.cwd(),
           exec: process.execArgv, connected: process.connected, dir: __dirname, channel: process.env.NODE_CHANNEL_FD}));
         setInterval(() => {}, 1000);",
    );
    let mut bus = ward.bus();
    ward.run(&[
        "start",
        "sub/app.js",
        "--node-args",
        "--no-warnings",
        "--",
        "a",
        "b c",
    ])
    .succeeds();
    let event = bus.wait_output("app", "main");
    let said: serde_json::Value =
        serde_json::from_str(event.payload["data"].as_str().unwrap().trim()).unwrap();
    let script = ward.dir().join("sub/app.js");
    assert_eq!(said["main"], true);
    assert_eq!(said["argv"], serde_json::json!([script, "a", "b c"]));
    assert_eq!(said["cwd"], serde_json::json!(ward.dir()));
    assert_eq!(said["exec"], serde_json::json!(["--no-warnings"]));
    assert_eq!(said["connected"], true);
    assert!(said.get("channel").is_none());
}
