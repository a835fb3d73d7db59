//! Layers of the environment, and owners.

use super::*;

#[test]
fn layers_of_the_environment() {
    let world = World::new();
    world.program("node");
    world.file("a.js", b"", 0o644);
    fs::create_dir_all(&world.paths.home).unwrap();
    fs::write(
        &world.paths.module_conf,
        "{\"w\": {\"foo\": \"bar\"}, \"x\": 1}",
    )
    .unwrap();
    let decl = json!({
        "script": "a.js", "name": "w", "filter_env": ["SECRET"], "port": 80, "io": {"a": 1},
        "env": {"A": {"b": 1}, "N": 1},
    });
    let record = world.record(&decl);
    let layers = &record["ward"];
    assert_eq!(
        layers["captured"],
        json!({"PATH": world.text("bin"), "HOME": world.text("me"), "PWD": world.text("work")})
    );
    assert_eq!(
        layers["declared"],
        json!({"A": "{\"b\":1}", "N": 1, "PORT": 80, "io": "{\"a\":1}"})
    );
    assert_eq!(
        layers["injected"],
        json!({
            "PM2_HOME": world.text("home"), "PM2_USAGE": "CLI", "PM2_JSON_PROCESSING": "true", "foo": "bar",
            "w": "{\"foo\":\"bar\"}",
        })
    );
    let spec = ward_core::record::spec_from(&record).unwrap();
    assert_eq!(json!(*spec.env.captured), layers["captured"]);
    assert_eq!(json!(spec.env.declared), layers["declared"]);
    assert_eq!(json!(spec.env.injected), layers["injected"]);
    assert_eq!(
        json!(ward_core::record::merged_env(&spec.env)),
        record["env"]
    );
    assert!(
        spec.extra.contains_key("io") && spec.extra.len() == 1,
        "{:?}",
        spec.extra
    );
    let bare = world.record(&json!({"script": "a.js", "filter_env": true}));
    assert_eq!(bare["ward"]["captured"], json!({}));
}

#[test]
fn what_the_file_set_is_a_layer_of_its_own() {
    let world = World::new();
    world.program("node");
    world.file("a.js", b"", 0o644);
    let mut context = world.context(true);
    let set = json!({"DOTENV": "1", "SECRET_B": "s", "PWD": "elsewhere"});
    context.evaluated = set.as_object().unwrap().clone();
    context.env.extend(context.evaluated.clone());
    let decl = json!({"script": "a.js", "cwd": ".", "filter_env": ["SECRET"], "env": {"A": "1"}});
    let record = resolve(decl.as_object().unwrap(), &context).unwrap().record;
    let layers = &record["ward"];
    assert_eq!(
        layers["captured"],
        json!({"PATH": world.text("bin"), "HOME": world.text("me"), "PWD": world.text("work")})
    );
    assert_eq!(layers["evaluated"], json!({"DOTENV": "1"}));
    let spec = ward_core::record::spec_from(&record).unwrap();
    assert_eq!(json!(spec.env.evaluated), layers["evaluated"]);
    assert_eq!(
        json!(ward_core::record::merged_env(&spec.env)),
        record["env"]
    );
}

#[test]
fn owners() {
    let world = World::new();
    world.program("node");
    world.file("a.js", b"", 0o644);
    if !rustix::process::geteuid().is_root() {
        let message = world.failure(&json!({"script": "a.js", "uid": "root"}));
        assert_eq!(message, "To use UID and GID please run PM2 as root");
        return;
    }
    let record = world.record(&json!({"script": "a.js", "uid": "root"}));
    assert_eq!((&record["uid"], &record["gid"]), (&json!(0), &json!(0)));
    assert_eq!(record["env"]["HOME"], json!("/root"));
    for (decl, message) in [
        (
            json!({"script": "a.js", "uid": "nobody-here"}),
            "User nobody-here cannot be found",
        ),
        (
            json!({"script": "a.js", "uid": 0, "gid": "no-group"}),
            "Group no-group cannot be found",
        ),
        (
            json!({"script": "a.js", "gid": 0}),
            "User undefined cannot be found",
        ),
    ] {
        assert_eq!(world.failure(&decl), message, "{decl}");
    }
}
