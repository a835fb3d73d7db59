//! Real files, and real node for those that are programs.

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use super::*;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn read(name: &str, text: &str, selection: &Selection<'_>) -> Result<Loaded, Failure> {
    load(name, folder(&[(name, text)]).path(), selection)
}

#[test]
fn every_kind_of_file_says_the_same() {
    let wanted = json!([{"name": "a", "script": "a.js", "max_restarts": 0, "env": {"A": 1}}]);
    for (name, text) in [
        (
            "e.json",
            "{\"apps\": [{\"name\": \"a\", \"script\": \"a.js\", \"max_restarts\": 0, \"env\": {\"A\": 1}}]}",
        ),
        (
            "e.json5",
            "// c\n{apps: {name: 'a', script: 'a.js', maxRestarts: '0', env: {A: 1,},}}",
        ),
        (
            "e.yaml",
            "apps:\n- name: a\n  script: a.js\n  max_restarts: 0\n  env: {A: 1}\n",
        ),
        (
            "e.yml",
            "- name: a\n  exec: a.js\n  max_restarts: 0\n  env:\n    A: 1\n",
        ),
        (
            "e.toml",
            "[[apps]]\nname = 'a'\nscript = 'a.js'\nmax_restarts = 0\nenv.A = 1\n",
        ),
        (
            "t.toml",
            "[apps.a]\nscript = 'a.js'\nmax_restarts = 0\nenv.A = 1\n",
        ),
        (
            "e.config.js",
            "module.exports = {apps: [{name: 'a', script: 'a.js', max_restarts: 0, env: {A: 1}}]}",
        ),
        (
            "e.config.cjs",
            "exports.apps = [{name: 'a', script: 'a.js', max_restarts: 0, env: {A: 1}}]",
        ),
        (
            "e.config.mjs",
            "export default {apps: [{name: 'a', script: 'a.js', max_restarts: 0, env: {A: 1}}]}",
        ),
        (
            "n.config.mjs",
            "export const apps = [{name: 'a', script: 'a.js', max_restarts: 0, env: {A: 1}}]",
        ),
        (
            "f.config.js",
            "console.log('noise from a config file'); module.exports = async () => [{name: 'a', script: 'a.js', max_restarts: 0, env: {A: 1}}]",
        ),
    ] {
        let loaded = read(name, text, &Selection::default()).unwrap();
        assert_eq!(json!(loaded.apps), wanted, "{name}");
        assert!(loaded.notices.is_empty(), "{name}: {:?}", loaded.notices);
    }
}

#[test]
fn what_a_program_does_to_the_environment_is_told() {
    let text = "process.env.ADDED = 'x'; process.env.NUMBER = 1; delete process.env.PATH;
        process.env.HOME = 'elsewhere'; delete process.env.NEVER_THERE;";
    for (name, exports) in [
        ("e.config.js", "module.exports = []"),
        ("e.config.mjs", "export default []"),
        (
            "f.config.js",
            "module.exports = async () => { process.env.ADDED += ''; return [] }",
        ),
    ] {
        let loaded = read(name, &format!("{text}\n{exports}"), &Selection::default()).unwrap();
        let wanted = json!({"ADDED": "x", "NUMBER": "1", "HOME": "elsewhere"});
        assert_eq!(json!(loaded.changed.set), wanted, "{name}");
        assert_eq!(loaded.changed.unset, ["PATH"], "{name}");
    }
    let plain = read("p.config.js", "module.exports = []", &Selection::default()).unwrap();
    assert_eq!(plain.changed, Changed::default());
}

#[test]
fn a_program_sees_the_command_line() {
    let text = "module.exports = [{name: 'a', script: 'a', args: process.argv}]";
    let loaded = read("e.config.js", text, &Selection::default()).unwrap();
    let seen = loaded.apps[0]["args"].as_array().unwrap();
    assert!(seen[0].as_str().unwrap().ends_with("/node"), "{seen:?}");
    let own: Vec<String> = std::env::args().skip(1).collect();
    assert_eq!(json!(seen[2..]), json!(own));
    let program = Path::new(seen[1].as_str().unwrap());
    assert!(program.is_absolute(), "{program:?}");
}

#[test]
fn a_program_sees_its_own_folder_and_packages() {
    let folder = folder(&[
        ("esm/package.json", "{\"type\": \"module\"}"),
        (
            "esm/e.config.js",
            "import {name} from './name.js'; export default [{name, script: 'x'}]",
        ),
        ("esm/name.js", "export const name = 'esm'"),
        (
            "cjs/e.config.js",
            "module.exports = [{name: require('./name'), script: __dirname + '/x'}]",
        ),
        ("cjs/name.js", "module.exports = 'cjs'"),
    ]);
    let esm = load("esm/e.config.js", folder.path(), &Selection::default()).unwrap();
    assert_eq!(esm.apps[0]["name"], json!("esm"));
    let cjs = load("cjs/e.config.js", folder.path(), &Selection::default()).unwrap();
    assert_eq!(cjs.apps[0]["name"], json!("cjs"));
    let script = cjs.apps[0]["script"].as_str().unwrap();
    assert!(script.ends_with("/cjs/x"), "{script}");
}

#[test]
fn json_that_is_javascript_is_evaluated_with_a_notice() {
    let text = "{apps: [{name: ['a', 'b'].join(''), script: `x${1 + 1}.js`}]}";
    let loaded = read("e.json", text, &Selection::default()).unwrap();
    assert_eq!(
        json!(loaded.apps),
        json!([{"name": "ab", "script": "x2.js"}])
    );
    assert_eq!(loaded.notices.len(), 1);
    assert!(
        loaded.notices[0].contains("evaluated as JavaScript"),
        "{:?}",
        loaded.notices
    );
}

#[test]
fn json_that_is_javascript_has_no_power() {
    let folder = folder(&[]);
    let trace = folder.path().join("trace");
    for code in [
        format!("require('fs').writeFileSync('{}', '')", trace.display()),
        format!(
            "process.mainModule.require('fs').writeFileSync('{}', '')",
            trace.display()
        ),
        format!(
            "this.constructor.constructor('return process')().mainModule.require('fs').writeFileSync('{}', '')",
            trace.display()
        ),
    ] {
        fs::write(
            folder.path().join("e.json"),
            format!("{{apps: [{{script: {code}}}]}}"),
        )
        .unwrap();
        assert!(
            load("e.json", folder.path(), &Selection::default()).is_err(),
            "{code}"
        );
        assert!(!trace.exists(), "{code}");
    }
    let failure = read(
        "e.json",
        "{apps: (() => { for (;;); })()}",
        &Selection::default(),
    )
    .unwrap_err();
    assert!(failure.to_string().contains("timed out"), "{failure}");
}

#[test]
fn a_broken_file_has_a_place() {
    for (name, text, place) in [
        (
            "e.json",
            "{\n  apps: [\n    { name 'a' }\n  ]\n}",
            "e.json:3:12: ",
        ),
        ("e.yaml", "apps:\n  - name: [a\n  - b: c\n", "e.yaml:3:"),
        ("e.toml", "[[apps]]\nname = a\n", "e.toml:2:8: "),
        (
            "e.config.js",
            "module.exports = {\n  apps: [ { name 'a' } ]\n}\n",
            "e.config.js:2:18: SyntaxError",
        ),
        (
            "e.config.mjs",
            "export default {\n  apps: [ { name 'a' } ]\n}\n",
            "e.config.mjs:2:18: SyntaxError",
        ),
        (
            "t.config.js",
            "const a = 1;\nmodule.exports = zork.y\n",
            "t.config.js:2:18: ReferenceError",
        ),
        (
            "m.config.mjs",
            "import 'nowhere-to-be-found';\n",
            "Error [ERR_MODULE_NOT_FOUND]",
        ),
    ] {
        let failure = read(name, text, &Selection::default()).unwrap_err();
        assert_eq!(failure.code, 1);
        let message = failure.to_string();
        assert!(
            message.starts_with(&format!("File {name} malformated\n{place}")),
            "{message}"
        );
    }
    assert_eq!(
        load("none.json", folder(&[]).path(), &Selection::default())
            .unwrap_err()
            .to_string(),
        "File none.json not found"
    );
    let failure = read("e.json", "'just text'", &Selection::default()).unwrap_err();
    assert!(
        failure.message.contains("an object or a list of apps"),
        "{failure}"
    );
}

#[test]
fn problems_and_unknown_keys() {
    let text = "apps:\n- name: a\n  script: a\n  max_restart: 3\n- name: b\n  script: b\n  max_restart: 4\n";
    let loaded = read("e.yaml", text, &Selection::default()).unwrap();
    assert_eq!(
        loaded.notices[0],
        "e.yaml:4: unknown key \"max_restart\" is ignored, did you mean \"max_restarts\"?"
    );
    let text = "apps:\n- name: a\n  script: a\n  instances: {}\n";
    let failure = read("e.yaml", text, &Selection::default()).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "Expect \"instances\" to be a typeof [object Number], but now is [object Object] (e.yaml:4: given {}, wanted a number)"
    );
}

#[test]
fn selection() {
    let text = "{apps: [
        {name: 'a', script: 'a', env: {X: 1}, env_prod: {X: 2}},
        {script: 'b.js', append_env_to_name: true, env_prod: {}},
        {name: 'c', script: 'c'}]}";
    for (only, env, names, notices) in [
        (None, None, vec!["a", "b", "c"], 0),
        (Some("a,c"), None, vec!["a", "c"], 0),
        (Some("c  a"), None, vec!["a", "c"], 0),
        (Some("a, c"), Some("prod"), vec!["a", "c"], 0),
        (Some("b"), Some("prod"), vec!["b-prod"], 0),
        (Some("b-prod"), Some("prod"), vec!["b-prod"], 0),
        (Some("a,x"), None, vec!["a"], 1),
        (None, Some("nope"), vec!["a", "b-nope", "c"], 0),
    ] {
        let loaded = read(
            "e.json5",
            text,
            &Selection {
                env,
                only,
                silent: false,
            },
        )
        .unwrap();
        let found: Vec<&str> = loaded
            .apps
            .iter()
            .map(|app| app["name"].as_str().unwrap())
            .collect();
        assert_eq!(found, names, "{only:?} {env:?}");
        assert_eq!(
            loaded.notices.len(),
            notices,
            "{only:?} {env:?}: {:?}",
            loaded.notices
        );
    }
    let loaded = read(
        "e.json5",
        text,
        &Selection {
            env: Some("prod"),
            ..Selection::default()
        },
    )
    .unwrap();
    assert_eq!(loaded.apps[0]["env"], json!({"X": 2}));
    assert_eq!(loaded.undefined, ["c"]);
}

#[test]
fn deploy_is_kept_apart() {
    let text = "{apps: [{name: 'a', script: 'a'}], deploy: {prod: {host: 'h', env: {D: '1'}}}}";
    let loaded = read(
        "e.json",
        text,
        &Selection {
            env: Some("prod"),
            ..Selection::default()
        },
    )
    .unwrap();
    assert_eq!(loaded.deploy.unwrap()["prod"]["host"], json!("h"));
    assert_eq!(loaded.apps[0]["env"], json!({"D": "1"}));
    assert!(loaded.notices.is_empty(), "{:?}", loaded.notices);
}

#[test]
fn names_of_configurations() {
    let folder = folder(&[
        ("my.json.dist", "{}"),
        ("ecosystem.yaml", "[]"),
        ("ecosystem.config.cjs", ""),
    ]);
    for (word, wanted) in [
        ("process.json", true),
        ("a/b.yml", true),
        ("x.config.js", true),
        ("x.config.mjs", true),
        ("x.config.ts", true),
        ("x.toml", true),
        ("my.json.dist", true),
        ("other.json.dist", false),
        ("ecosystem.js", false),
        ("app.js", false),
        ("json", false),
        ("all", false),
    ] {
        assert_eq!(is_config_name(word, folder.path()), wanted, "{word}");
    }
    assert_eq!(
        default_file(folder.path()),
        Some(folder.path().join("ecosystem.config.cjs"))
    );
    assert_eq!(default_file(&folder.path().join("nowhere")), None);
}

#[test]
fn typescript_is_read_or_refused_clearly() {
    let text = "const name: string = 'ts';\nexport default {apps: [{name, script: 'x.js'}]};\n";
    match read("e.config.ts", text, &Selection::default()) {
        Ok(loaded) => assert_eq!(loaded.apps[0]["name"], json!("ts")),
        Err(failure) => assert!(failure.message.contains("needs node >= 22.18"), "{failure}"),
    }
}

#[test]
fn the_examples_say_the_same() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let read = |name: &str| {
        let loaded = load(name, &folder, &Selection::default()).unwrap();
        assert!(loaded.notices.is_empty(), "{name}: {:?}", loaded.notices);
        loaded.apps
    };
    let wanted = read("ecosystem.yaml");
    assert_eq!(wanted.len(), 4);
    for name in ["ecosystem.json5", "ecosystem.toml", "ecosystem.config.js"] {
        let mut apps = read(name);
        for app in &mut apps {
            app.shift_remove("cwd");
        }
        assert_eq!(json!(apps), json!(wanted), "{name}");
    }
}
