//! Ecosystem files in every notation.

use crate::harness::Ward;

fn starts_two(ward: &Ward, file: &str) {
    ward.run(&["start", file]).succeeds();
    let names: Vec<String> = ward
        .list()
        .iter()
        .map(|app| app["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["a", "b"], "{file}");
    assert!(ward.environ("a").contains(&"X=1".to_owned()), "{file}");
    ward.run(&["delete", file]).succeeds();
    assert!(ward.list().is_empty(), "{file}");
}

#[test]
fn every_notation_declares_the_same() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    let object = "{apps: [{name: 'a', script: 'app.sh', env: {X: 1}}, {name: 'b', script: 'app.sh', args: ['q']}]}";
    for (file, text) in [
        ("eco.config.js", format!("module.exports = {object}")),
        ("eco.config.cjs", format!("module.exports = {object}")),
        ("eco.config.mjs", format!("export default {object}")),
        ("named.config.mjs", "export const apps = [{name: 'a', script: 'app.sh', env: {X: 1}}, {name: 'b', script: 'app.sh'}]".to_owned()),
        ("eco.json", format!("// a comment\n{object}")),
        ("eco.json5", object.to_owned()),
        ("array.json", "[{\"name\":\"a\",\"script\":\"app.sh\",\"env\":{\"X\":1}},{\"name\":\"b\",\"script\":\"app.sh\"}]".to_owned()),
        ("pm2.json", object.replace("apps:", "pm2:")),
        ("eco.yaml", "apps:\n  - name: a\n    script: app.sh\n    env:\n      X: 1\n  - name: b\n    script: app.sh\n".to_owned()),
        ("eco.yml", "- name: a\n  script: app.sh\n  env: {X: 1}\n- name: b\n  exec: app.sh\n".to_owned()),
        ("eco.toml", "[[apps]]\nname = 'a'\nscript = 'app.sh'\nenv = {X = 1}\n[[apps]]\nname = 'b'\nscript = 'app.sh'\n".to_owned()),
    ] {
        ward.write(file, &text);
        starts_two(&ward, file);
    }
}

/// `export default` in a package that is a module as a whole.
#[test]
fn a_module_package_can_export_its_apps() {
    let ward = Ward::new();
    ward.write("package.json", r#"{"type":"module"}"#);
    ward.write("app.sh", "exec sleep 1000");
    ward.write(
        "pm2.config.js",
        "export default {apps: [{name: 'esm', script: 'app.sh'}]}",
    );
    ward.run(&["start", "pm2.config.js"]).succeeds();
    assert_eq!(ward.status("esm"), "online");
}

#[test]
fn standard_input_is_a_file_too() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    let text = r#"{"apps":[{"name":"piped","script":"app.sh"}]}"#;
    ward.run_with_input(&["start", "-"], text).succeeds();
    assert_eq!(ward.status("piped"), "online");
    ward.run_with_input(&["stop", "-"], text).succeeds();
    assert_eq!(ward.status("piped"), "stopped");
    ward.run_with_input(&["start", "-"], "{ broken").fails();
}

#[test]
fn without_a_target_the_file_in_the_folder_counts() {
    let ward = Ward::new();
    ward.run(&["start"])
        .fails()
        .complains("ecosystem.config.js");
    ward.write("app.sh", "exec sleep 1000");
    ward.write(
        "ecosystem.config.js",
        "module.exports = {apps: {name: 'only', script: 'app.sh'}}",
    );
    ward.run(&["start"]).succeeds();
    assert_eq!(ward.status("only"), "online");
}

#[test]
fn only_some_of_the_apps() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    ward.write(
        "eco.json",
        r#"[{"name":"a","script":"app.sh"},{"name":"b","script":"app.sh"},{"name":"c","script":"app.sh"}]"#,
    );
    ward.run(&["start", "eco.json", "--only", "a,c"]).succeeds();
    let names = |ward: &Ward| -> Vec<String> {
        ward.list()
            .iter()
            .map(|app| app["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&ward), ["a", "c"]);
    ward.run(&["delete", "eco.json", "--only", "c"]).succeeds();
    assert_eq!(names(&ward), ["a"]);
    // The rest is started, what runs is restarted.
    ward.run(&["start", "eco.json"]).succeeds();
    assert_eq!(names(&ward), ["a", "b", "c"]);
    assert_eq!(ward.app("a")["pm2_env"]["restart_time"], 1);
    assert_eq!(ward.app("b")["pm2_env"]["restart_time"], 0);
    ward.run(&["stop", "eco.json"]).succeeds();
    ward.run(&["startOrRestart", "eco.json"]).succeeds();
    ward.run(&["startOrReload", "eco.json"]).succeeds();
    ward.run(&["startOrGracefulReload", "eco.json"]).succeeds();
    assert!(
        ward.list()
            .iter()
            .all(|app| app["pm2_env"]["status"] == "online")
    );
}

/// A changed declaration is applied as a whole by a restart from the file.
#[test]
fn a_restart_from_the_file_applies_what_changed() {
    let ward = Ward::new();
    ward.write("old.sh", "exec sleep 1000");
    ward.write("new/new.sh", "echo moved; exec sleep 1000");
    ward.write("eco.json", r#"[{"name":"a","script":"old.sh","args":"x"}]"#);
    ward.run(&["start", "eco.json"]).succeeds();
    ward.write(
        "eco.json",
        r#"[{"name":"a","script":"new.sh","cwd":"new","out_file":"here.log","kill_timeout":5}]"#,
    );
    let mut bus = ward.bus();
    ward.run(&["restart", "eco.json"]).succeeds();
    bus.wait_output("a", "moved");
    let record = ward.app("a")["pm2_env"].clone();
    assert_eq!(
        record["pm_exec_path"],
        ward.dir().join("new/new.sh").to_str().unwrap()
    );
    assert_eq!(record["kill_timeout"], 5);
    assert!(
        record
            .get("args")
            .is_none_or(|args| args == &serde_json::json!([]))
    );
}

#[test]
fn a_file_is_for_the_apps_that_run_wherever_it_is_used() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    ward.write("late.sh", "exec sleep 1000");
    let file = ward.write("eco.json", r#"[{"name":"a","script":"app.sh"}]"#);
    ward.run(&["start", "eco.json"]).succeeds();
    for action in ["restart", "reload", "start", "startOrReload"] {
        let before = ward.app("a");
        let ran = ward
            .command(&[action, file.to_str().unwrap()])
            .current_dir("/")
            .output()
            .unwrap();
        assert!(ran.status.success(), "{action}: {ran:?}");
        let now = ward.app("a");
        assert_ne!(now["pid"], before["pid"], "{action}");
        for key in ["pm_cwd", "pm_exec_path"] {
            assert_eq!(now["pm2_env"][key], before["pm2_env"][key], "{action}");
        }
    }
    // What does not run yet is looked for where the command is given.
    ward.write(
        "eco.json",
        r#"[{"name":"a","script":"app.sh"},{"name":"b","script":"late.sh"}]"#,
    );
    let ran = ward
        .command(&["restart", file.to_str().unwrap()])
        .current_dir("/")
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(1));
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(said.contains("Script not found: /late.sh"), "{said}");
    assert_eq!(ward.list().len(), 1);
}

#[test]
fn what_a_file_says_is_not_changed_by_the_number_of_instances() {
    let ward = Ward::new();
    ward.write("app.js", "setInterval(() => {}, 1000)");
    ward.write("eco.json", r#"[{"name":"a","script":"app.js"}]"#);
    ward.run(&["start", "eco.json", "-i", "3"])
        .succeeds()
        .prints("App [a] launched (1 instances)");
    assert_eq!(ward.app("a")["pm2_env"]["exec_mode"], "fork_mode");
}

#[test]
fn planned_restarts_of_a_file_are_announced() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    ward.write(
        "eco.json",
        r#"[{"name":"a","script":"app.sh","cron_restart":"0 1 * * *"}]"#,
    );
    for action in ["start", "restart"] {
        ward.run(&[action, "eco.json"])
            .succeeds()
            .prints("[PM2] cron restart at 0 1 * * *\n");
    }
}
