//! Files that are programs: what they may do, what they see, what is told of them.

use super::*;

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
fn typescript_is_read_or_refused_clearly() {
    let text = "const name: string = 'ts';\nexport default {apps: [{name, script: 'x.js'}]};\n";
    match read("e.config.ts", text, &Selection::default()) {
        Ok(loaded) => assert_eq!(loaded.apps[0]["name"], json!("ts")),
        Err(failure) => assert!(failure.message.contains("needs node >= 22.18"), "{failure}"),
    }
}
