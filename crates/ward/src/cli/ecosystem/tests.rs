//! Real files, and real node for those that are programs.

mod programs;
mod selected;

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
