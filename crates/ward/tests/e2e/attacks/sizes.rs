//! Numbers and depths no machine could serve: refused in a sentence, by the command and by the daemon.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::harness::{Attack, Ward};

#[test]
fn more_instances_than_there_can_be_are_refused_with_the_maximum() {
    let ward = Ward::under_attack();
    ward.write("app.sh", "exec sleep 1000");
    ward.run(&["start", "app.sh"]).succeeds();
    let attack = Attack::begin(&ward);
    for wanted in ["1000000000000", "+18446744073709551614", "10001"] {
        ward.run(&["scale", "app", wanted])
            .fails()
            .complains("at most 10000 instances");
    }
    for wanted in ["4000000000", "9223372036854775807", "10001"] {
        ward.run(&["start", "app.sh", "--name", "more", "-i", wanted])
            .fails()
            .complains("The maximum of \"instances\" is 10000");
    }
    // As many CPUs as there are less so many is one.
    ward.run(&["start", "app.sh", "--name", "few", "-i", "-9999999999"])
        .succeeds();
    // Other clients ask the daemon itself.
    let mut rpc = ward.rpc();
    let app = |count: Value| json!({"name": "rpc", "pm_exec_path": "/bin/true", "env": {}, "instances": count});
    for count in [json!(4_000_000_000_u64), json!("4000000000"), json!(1e300)] {
        for (method, args) in [
            ("prepare", json!([app(count.clone())])),
            ("ward:prepare", json!([{"apps": [app(count.clone())]}])),
        ] {
            let reply = rpc.call(method, &args);
            let error = reply["error"].as_str().expect("it is refused");
            assert!(error.contains("at most 10000 instances"), "{error}");
        }
    }
    for count in [json!(1_000_000_000_000_u64), json!(u64::MAX)] {
        let args = json!([{"name": "app", "count": count}]);
        let reply = rpc.call("ward:scale", &args);
        let error = reply["error"].as_str().expect("it is refused");
        assert!(error.contains("at most 10000 instances"), "{error}");
    }
    assert_eq!(ward.list().len(), 2);
    attack.end();
}

#[test]
fn a_config_nested_without_end_is_refused() {
    const LEVELS: usize = 200_000;
    let ward = Ward::new();
    let (open, close) = ("[".repeat(LEVELS), "]".repeat(LEVELS));
    let objects = format!("{}1{}", "{\"a\":".repeat(LEVELS), "}".repeat(LEVELS));
    let loop_of_lists = format!(
        "let a = []; for (let i = 0; i < {LEVELS}; i++) a = [a]; \
         module.exports = {{ apps: [{{ script: 'a.sh', env: {{ a }} }}] }};"
    );
    for (file, text) in [
        ("list.json", format!("{open}{close}")),
        ("half.json", open.clone()),
        ("object.json", objects.clone()),
        (
            "app.json",
            format!("{{\"apps\":[{{\"script\":\"a.sh\",\"x\":{objects}}}]}}"),
        ),
        ("list.yaml", format!("{open}{close}")),
        ("dashes.yaml", format!("{}a", "- ".repeat(LEVELS))),
        ("list.toml", format!("a = {open}{close}")),
        ("keys.toml", format!("{}b = 1", "a.".repeat(LEVELS))),
        ("loop.config.js", loop_of_lists),
    ] {
        ward.write(file, &text);
        ward.run(&["start", file]).fails().complains("malformated");
    }
    assert!(ward.list().is_empty(), "nothing was registered");
}

/// Apps of a shell with a large environment have it once, on the way to the daemon and in it.
#[test]
fn seven_hundred_apps_of_a_shell_with_a_large_environment_start() {
    const APPS: usize = 700;
    let mut ward = Ward::under_attack();
    ward.run(&["ping"]).succeeds();
    ward.set_env("LARGE", &"x".repeat(100_000));
    let attack = Attack::begin(&ward);
    let apps: Vec<Value> = (0..APPS)
        .map(|at| json!({"name": format!("app{at}"), "script": "/bin/true", "autostart": false}))
        .collect();
    ward.write("apps.json", &json!({ "apps": apps }).to_string());
    ward.run(&["start", "apps.json"]).succeeds();
    let summaries = ward.rpc().call("ward:list", &json!([{}]));
    assert_eq!(summaries["args"][0].as_array().map(Vec::len), Some(APPS));
    let spec = ward.rpc().call("ward:spec", &json!([{"id": APPS - 1}]));
    let captured = &spec["args"][0]["ward"]["captured"]["LARGE"];
    assert_eq!(captured.as_str().map(str::len), Some(100_000));
    attack.end();
}

/// A saved list longer than any request comes back whole, and its list is longer than any request, too.
#[test]
fn a_saved_list_longer_than_a_request_is_restored_and_listed() {
    const APPS: usize = 700;
    let ward = Ward::new();
    let filler = "x".repeat(50_000);
    let app = |at: usize| {
        json!({
            "name": format!("app{at}"), "pm_exec_path": "/bin/true", "exec_mode": "fork_mode",
            "status": "stopped", "pm_cwd": "/", "created_at": 1_700_000_000_000_u64, "pm_id": at,
            "env": {"FILLER": filler},
        })
    };
    let saved: Vec<Value> = (0..APPS).map(app).collect();
    std::fs::create_dir_all(ward.home()).expect("a home");
    std::fs::set_permissions(ward.home(), std::fs::Permissions::from_mode(0o700))
        .expect("it is ours");
    std::fs::write(ward.home().join("dump.pm2"), json!(saved).to_string()).expect("a saved list");
    ward.run(&["resurrect", "--silent"]).succeeds();
    let list = ward.run(&["jlist"]).succeeds();
    let list: Vec<Value> = serde_json::from_str(&list.stdout()).expect("a whole list");
    assert_eq!(list.len(), APPS);
    // Once more finds all of them there.
    ward.run(&["resurrect", "--silent"]).succeeds();
    ward.run(&["save"]).succeeds();
}
