//! Records recorded from a stock client and its daemon (`captured.json`; `everything` is made), and
//! made ones.

use core::time::Duration;

use serde_json::{Map, Value, json};

use super::*;
use crate::spec::{FilterEnv, Mode};

fn captured(name: &str) -> Map<String, Value> {
    let all: Value = serde_json::from_str(include_str!("captured.json")).unwrap();
    all[name].as_object().unwrap().clone()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("no object: {other}"),
    }
}

#[test]
fn captured_records_survive_the_way_there_and_back() {
    for name in ["fork", "cluster", "ecosystem"] {
        let record = captured(name);
        let spec = spec_from(&record).unwrap();
        let back = spec_keys(&spec);
        assert_eq!(Value::Object(back.clone()), Value::Object(record), "{name}");
        assert_eq!(spec_from(&back).unwrap(), spec, "{name}");
        assert_eq!(spec_from(&prepare_record(&spec)).unwrap(), spec, "{name}");
    }
}

#[test]
fn the_order_of_keys_is_that_of_a_client() {
    for name in ["fork", "cluster"] {
        let record = captured(name);
        let back = spec_keys(&spec_from(&record).unwrap());
        let keys = |map: &Map<String, Value>| {
            map.keys()
                .filter(|key| *key != "instances")
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(keys(&back), keys(&record), "{name}");
    }
}

#[test]
fn the_state_of_a_process_is_no_declaration() {
    let declared = spec_from(&captured("fork")).unwrap();
    let mut running = captured("running");
    running.insert("_tree_pids".to_owned(), json!([1, 2]));
    let mut spec = spec_from(&running).unwrap();
    assert!(spec.extra.is_empty(), "{:?}", spec.extra);
    assert!(spec.env.injected.shift_remove("unique_id").is_some());
    // The daemon put the id in.
    assert_eq!(
        spec.pid_path.as_deref(),
        Some("/srv/demo/home/pids/web-0.pid")
    );
    spec.pid_path.clone_from(&declared.pid_path);
    assert_eq!(spec, declared);
}

#[test]
fn variables_left_over_by_a_restart_from_a_file_stay_variables() {
    let mut running = captured("running");
    running.insert("env".to_owned(), json!({"PORT": 80}));
    running.insert("script".to_owned(), json!("web.js"));
    running.insert("trace".to_owned(), json!(true));
    let spec = spec_from(&running).unwrap();
    assert_eq!(
        spec.env.captured["PATH"],
        json!("/usr/local/bin:/usr/bin:/bin")
    );
    assert_eq!(spec.env.captured["PORT"], json!(80));
    assert_eq!(spec.extra, object(json!({"trace": true})));
}

#[test]
fn a_dump_whose_variables_overwrote_options_is_still_read() {
    let mut running = captured("running");
    running.insert("max_restarts".to_owned(), json!("many"));
    assert_eq!(spec_from(&running).unwrap().restart.max_restarts, None);
    let mut record = captured("fork");
    record.insert("max_restarts".to_owned(), json!("many"));
    let error = spec_from(&record).unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"max_restarts\" must be a number, but is \"many\""
    );
}

#[test]
fn the_smallest_record() {
    let record =
        object(json!({"env": {}, "pm_exec_path": "/srv/a.test.js", "pm_pid_path": "/run/a.pid"}));
    let spec = spec_from(&record).unwrap();
    assert_eq!(
        (spec.name.as_str(), spec.program.cwd.as_str()),
        ("a.test", "/srv")
    );
    assert_eq!((spec.mode, spec.instances), (Mode::Fork, None));
    assert!(spec.start.autostart && spec.restart.auto && spec.stop.tree && spec.start.ipc);
    assert_eq!(
        spec_from(&Map::new()),
        Err(BadSpec::Missing("pm_exec_path"))
    );
}

#[test]
fn values_in_every_spelling() {
    let base = json!({"pm_exec_path": "/a", "env": {}});
    let read = |key: &str, value: Value| {
        let mut record = object(base.clone());
        record.insert(key.to_owned(), value);
        spec_from(&record).unwrap()
    };
    assert_eq!(
        read("kill_timeout", json!(0)).stop.kill_timeout,
        Some(Duration::ZERO)
    );
    assert_eq!(read("max_restarts", json!(0)).restart.max_restarts, Some(0));
    assert_eq!(
        read("max_memory_restart", json!("1.5G")).restart.max_memory,
        Some(1_610_612_736)
    );
    assert_eq!(
        read("stop_exit_codes", json!(3)).restart.stop_exit_codes,
        [3]
    );
    assert_eq!(
        read("stop_exit_codes", json!(["3", 4]))
            .restart
            .stop_exit_codes,
        [3, 4]
    );
    assert_eq!(
        read("stop_exit_codes", json!("3,4"))
            .restart
            .stop_exit_codes,
        [3, 4]
    );
    assert_eq!(read("instances", json!("max")).instances, Some(0));
    assert_eq!(read("instances", json!("-2")).instances, Some(-2));
    assert_eq!(
        read("args", json!("a 'b c'")).program.args,
        Some(vec![json!("a"), json!("b c")])
    );
    assert_eq!(
        read("filter_env", json!(true)).filter_env,
        Some(FilterEnv::All)
    );
    assert_eq!(
        read("filter_env", json!("X")).filter_env,
        Some(FilterEnv::Exactly("X".to_owned()))
    );
    assert_eq!(read("filter_env", json!(false)).filter_env, None);
    assert_eq!(
        read("some_new_key", json!([1])).extra,
        object(json!({"some_new_key": [1]}))
    );
    assert_eq!(
        read("env_prod", json!({"A": 1})).env.variants,
        object(json!({"env_prod": {"A": 1}}))
    );
    assert_eq!(
        read("instance_var", json!("")).instance_var,
        "NODE_APP_INSTANCE"
    );
}

#[test]
fn layers_stay_apart_and_merge_in_order() {
    let record = object(json!({
        "name": "w", "pm_exec_path": "/a",
        "env": {"A": "file", "B": "shell", "w": {}, "unique_id": "u"},
        "ward": {"captured": {"A": "shell", "B": "shell"}, "declared": {"A": "file"}},
    }));
    let spec = spec_from(&record).unwrap();
    assert_eq!(
        spec.env.captured,
        object(json!({"A": "shell", "B": "shell"})).into()
    );
    assert_eq!(spec.env.declared, object(json!({"A": "file"})));
    assert_eq!(
        spec.env.injected,
        object(json!({"w": {}, "unique_id": "u"}))
    );
    assert_eq!(
        merged_env(&spec.env),
        object(json!({"A": "file", "B": "shell", "w": {}, "unique_id": "u"}))
    );
    assert!(!spec_keys(&spec).contains_key("ward"));
    assert_eq!(spec_from(&prepare_record(&spec)).unwrap(), spec);
}

#[test]
fn what_a_file_set_stays_until_the_shell_has_it() {
    let record = object(json!({
        "name": "w", "pm_exec_path": "/a",
        "ward": {
            "captured": {"A": "shell", "GONE": "shell"},
            "evaluated": {"A": "dotenv", "B": "dotenv", "C": "dotenv"},
            "declared": {"B": "file"},
        },
    }));
    let mut spec = spec_from(&record).unwrap();
    assert_eq!(
        merged_env(&spec.env),
        object(json!({"A": "dotenv", "GONE": "shell", "B": "file", "C": "dotenv"}))
    );
    assert_eq!(spec_from(&prepare_record(&spec)).unwrap(), spec);
    recapture(&mut spec, &object(json!({"A": "new", "D": "new"})));
    assert_eq!(
        merged_env(&spec.env),
        object(json!({"A": "new", "D": "new", "B": "file", "C": "dotenv"}))
    );
}

#[test]
fn current_conf() {
    let before = spec_from(&captured("ecosystem")).unwrap();
    let mut spec = before.clone();
    let conf = json!({
        "name": "renamed", "node_args": "null", "max_memory_restart": 1000, "env": {}, "username": "ops",
        "filter_env": [], "script": "other.js", "exec_mode": "fork_mode", "args": null, "novel": 1,
    });
    apply_conf(&mut spec, &object(conf)).unwrap();
    assert_eq!(spec.name, "renamed");
    assert!(spec.program.interpreter_args.is_empty());
    assert_eq!(spec.restart.max_memory, Some(1000));
    assert_eq!(spec.user.username.as_deref(), Some("ops"));
    assert_eq!(spec.filter_env, Some(FilterEnv::Containing(Vec::new())));
    assert_eq!(spec.extra["novel"], json!(1));
    assert_eq!(
        (&spec.env, &spec.program.script),
        (&before.env, &before.program.script)
    );
    assert_eq!(
        (spec.mode, &spec.program.args),
        (Mode::Cluster, &before.program.args)
    );
    apply_conf(&mut spec, &object(json!({"env": {"ONLY": 1}}))).unwrap();
    assert_eq!(spec.env.declared, object(json!({"ONLY": 1})));
    assert_eq!(spec.env.captured, before.env.captured);
    let restored = spec.clone();
    assert!(
        apply_conf(
            &mut spec,
            &object(json!({"namespace": "n", "kill_timeout": {}}))
        )
        .is_err()
    );
    assert_eq!(spec, restored);
}

/// A value of each key that a record can carry, in the shape a client sends.
fn everything() -> Map<String, Value> {
    captured("everything")
}

#[test]
fn every_key_has_its_place() {
    let record = everything();
    let spec = spec_from(&record).unwrap();
    for key in spec.extra.keys() {
        assert!(
            keys::KEPT.contains(&key.as_str()),
            "{key} has no typed place"
        );
    }
    let back = spec_keys(&spec);
    assert_eq!(Value::Object(back.clone()), Value::Object(record.clone()));
    assert_eq!(spec_from(&back).unwrap(), spec);
    let translated = [
        "script",
        "cwd",
        "out_file",
        "error_file",
        "log_file",
        "pid_file",
        "append_env_to_name",
        "execute_command",
        "disable_trace",
        "write",
    ];
    for field in crate::config::fields::FIELDS {
        assert!(
            record.contains_key(field.name) || translated.contains(&field.name),
            "{} is declared, but in no record",
            field.name
        );
    }
}

#[test]
fn a_dump_brings_back_what_was_declared() {
    let declared = spec_from(&everything()).unwrap();
    let mut dumped = prepare_record(&declared);
    for (key, value) in &merged_env(&declared.env) {
        dumped.insert(key.clone(), value.clone());
    }
    dumped.extend(object(
        json!({"status": "online", "pm_uptime": 1, "pm_id": 3, "N": 0, "exit_code": 1}),
    ));
    assert_eq!(spec_from(&dumped).unwrap(), declared);
}

#[test]
fn a_plain_restart_by_the_stock_client_changes_nothing_unasked() {
    let sent = object(json!({
        "filter_env": [], "env": {}, "merge_logs": true, "instance_var": "NODE_APP_INSTANCE", "username": "root",
        "windowsHide": true, "kill_retry_time": 100, "km_link": false,
    }));
    let mut before = spec_from(&captured("everything")).unwrap();
    before.log.merge = false;
    before.log.merge_stated = false;
    before.node.shown = object(json!({"windowsHide": true, "km_link": false}));
    before.user.username = Some("root".to_owned());
    let mut spec = before.clone();
    apply_conf(&mut spec, &sent).unwrap();
    assert_eq!(spec, before);
    let mut from_file = sent;
    from_file.insert("treekill".to_owned(), json!(true));
    apply_conf(&mut spec, &from_file).unwrap();
    assert!(spec.log.merge && spec.stop.tree);
    assert_eq!(spec.instance_var, "NODE_APP_INSTANCE");
    let mut ours = before.clone();
    apply_conf(
        &mut ours,
        &object(json!({"merge_logs": true, "pm_cwd": "/new"})),
    )
    .unwrap();
    assert!(ours.log.merge && ours.program.cwd == "/new");
}

#[test]
fn mixed_variables_are_known_as_such() {
    let from_file = spec_from(&captured("ecosystem")).unwrap();
    assert!(env_is_mixed(&from_file.env));
    assert!(!env_is_mixed(&spec_from(&captured("fork")).unwrap().env));
    let ours = object(json!({
        "pm_exec_path": "/a", "env": {"PM2_JSON_PROCESSING": "true", "A": 1},
        "ward": {"captured": {"A": 1}, "declared": {}, "injected": {"PM2_JSON_PROCESSING": "true"}},
    }));
    assert!(!env_is_mixed(&spec_from(&ours).unwrap().env));
}

#[test]
fn a_new_shell_takes_the_place_of_the_old_one() {
    let record = object(json!({
        "name": "w", "pm_exec_path": "/srv/a", "pm_cwd": "/srv", "filter_env": ["SECRET"], "uid": 33,
        "ward": {
            "captured": {"OLD": "1", "HOME": "/var/www", "PWD": "/srv"}, "declared": {"PORT": 80},
            "injected": {"PM2_JSON_PROCESSING": "true"},
        },
    }));
    let shell = object(
        json!({"NEW": "2", "SECRET_A": "s", "HOME": "/root", "PWD": "/tmp", "PORT": "1", "PM2_USAGE": "CLI"}),
    );
    let mut spec = spec_from(&record).unwrap();
    recapture(&mut spec, &shell);
    let layers = &spec.env;
    let wanted = json!({"NEW": "2", "HOME": "/var/www", "PWD": "/srv", "PORT": "1"});
    assert_eq!(json!(*layers.captured), wanted);
    assert_eq!(merged_env(layers)["PORT"], json!(80));
    // PM2's dump does not tell the file's variables from the shell's: none may be lost.
    let mut mixed = spec_from(&captured("ecosystem")).unwrap();
    recapture(&mut mixed, &shell);
    assert_eq!(mixed.env.captured["NEW"], json!("2"));
    assert_eq!(mixed.env.captured["NODE_ENV"], json!("production"));
    assert!(env_is_mixed(&mixed.env) && !mixed.env.captured.contains_key("SECRET_A"));
}

#[test]
fn a_new_declaration_keeps_the_old_shell() {
    let record = |captured: Value, more: Value| {
        let mut record = object(json!({
            "name": "w", "pm_exec_path": "/srv/a", "pm_cwd": "/srv",
            "ward": {"captured": captured, "declared": {"PORT": 80}, "injected": {}},
        }));
        record.extend(object(more));
        spec_from(&record).unwrap()
    };
    let old = record(
        json!({"A": "1", "SECRET": "s", "HOME": "/home/u", "PWD": "/srv"}),
        json!({}),
    );
    let shell = json!({"A": "2", "NEW": "n", "HOME": "/root", "PWD": "/new"});
    for (more, wanted) in [
        (
            json!({}),
            json!({"A": "1", "SECRET": "s", "HOME": "/home/u", "PWD": "/srv"}),
        ),
        (
            json!({"filter_env": "SECRET", "pm_cwd": "/new"}),
            json!({"A": "1", "HOME": "/home/u", "PWD": "/new"}),
        ),
        (
            json!({"uid": 33}),
            json!({"A": "1", "SECRET": "s", "HOME": "/root", "PWD": "/srv"}),
        ),
    ] {
        let mut new = record(shell.clone(), more.clone());
        keep_captured(&mut new, &old);
        assert_eq!(json!(*new.env.captured), wanted, "{more}");
    }
    let mut without = record(shell.clone(), json!({}));
    without.env.declared.clear();
    keep_captured(&mut without, &old);
    let wanted = json!({"A": "2", "SECRET": "s", "HOME": "/root", "PWD": "/new", "NEW": "n"});
    assert_eq!(json!(*without.env.captured), wanted);
    // Where the file's own variables lie among the shell's, keeping these would keep those.
    let mixed = spec_from(&captured("ecosystem")).unwrap();
    let mut new = record(shell.clone(), json!({}));
    keep_captured(&mut new, &mixed);
    assert_eq!(json!(*new.env.captured), shell);
}

mod hostile {
    //! Whatever stands in a record: no panic, and what was understood is a fixed point.

    use proptest::prelude::*;

    use super::*;

    fn leaf() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            prop_oneof![
                Just("null"),
                Just("true"),
                Just("max"),
                Just("200M"),
                Just("1.5s"),
                Just(""),
                Just("a 'b c'"),
                Just("cluster_mode"),
                Just("/dev/null"),
                Just("\u{fffd}ä"),
                Just("-3"),
                Just("1e300"),
            ]
            .prop_map(Value::from),
        ]
    }

    fn value() -> impl Strategy<Value = Value> {
        leaf().prop_recursive(2, 8, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::vec(("[a-z_]{0,3}", inner), 0..3)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    fn record() -> impl Strategy<Value = Map<String, Value>> {
        let mut keys: Vec<String> = captured("everything").keys().cloned().collect();
        keys.extend(captured("running").keys().cloned());
        keys.extend(
            ["ward", "env_", "env_x", "zzz", "script", "N", "A", "null"].map(str::to_owned),
        );
        let entry = (proptest::sample::select(keys), value());
        (any::<bool>(), proptest::collection::vec(entry, 0..12)).prop_map(|(whole, entries)| {
            let mut record = if whole {
                captured("everything")
            } else {
                captured("running")
            };
            record.extend(entries);
            record
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

        #[test]
        fn what_was_understood_stays(record in record(), conf in record()) {
            if let Ok(mut spec) = spec_from(&record) {
                let again = spec_from(&prepare_record(&spec));
                prop_assert_eq!(again.as_ref(), Ok(&spec));
                let before = spec.clone();
                if apply_conf(&mut spec, &conf).is_err() {
                    prop_assert_eq!(&spec, &before);
                }
            }
        }
    }
}
