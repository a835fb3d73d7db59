//! Which apps and which environment of a file are meant.

use super::*;

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
    let text = "{apps: [{name: 'a', script: 'a', env_prod: {watch: 'src'}}]}";
    let prod = Selection {
        env: Some("prod"),
        ..Selection::default()
    };
    let loaded = read("e.json5", text, &prod).unwrap();
    assert!(loaded.undefined.is_empty(), "{:?}", loaded.undefined);
    assert!(
        loaded.notices[0].contains("sets watch"),
        "{:?}",
        loaded.notices
    );
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
