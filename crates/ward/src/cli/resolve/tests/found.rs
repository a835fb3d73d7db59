//! Scripts and interpreters: what is found, what is chosen, what is refused.

use std::fs;

use serde_json::{Map, Value, json};

use super::World;

const ELF: &[u8] = b"\x7fELF\0\0\0\0";

#[test]
fn interpreters() {
    let world = World::new();
    for program in ["node", "python3", "bash", "ruby", "perl", "php", "deno"] {
        world.program(program);
    }
    world.file("exe", ELF, 0o755);
    fs::create_dir(world.at("work/dir")).unwrap();
    let node = world.text("bin/node");
    for (name, content, stated, wanted, args) in [
        ("a.js", "", None, "node", vec![]),
        ("a.sh", "", None, "bash", vec![]),
        ("a.py", "", None, "python3", vec![]),
        ("a.rb", "", None, "ruby", vec![]),
        ("a.pl", "", None, "perl", vec![]),
        ("a.php", "", None, "php", vec![]),
        ("a.mjs", "", None, node.as_str(), vec![]),
        (
            "a.cjs",
            "#!/usr/bin/env deno\n",
            None,
            node.as_str(),
            vec![],
        ),
        ("a.JS", "", None, node.as_str(), vec![]),
        ("plain", "hello", None, node.as_str(), vec![]),
        ("npm", "#!/usr/bin/env node\n", None, node.as_str(), vec![]),
        ("py", "#!/usr/bin/env python3\n", None, "python3", vec![]),
        ("sh", "#!/bin/sh -e\n", None, "/bin/sh", vec!["-e"]),
        (
            "dn",
            "#!/usr/bin/env -S deno run -A\n",
            None,
            "deno",
            vec!["run", "-A"],
        ),
        ("b.js", "", Some("deno"), "deno", vec![]),
        ("c.py", "", Some("python"), "python3", vec![]),
        ("d.js", "", Some("none"), "none", vec![]),
        ("e.js", "", Some("./exe"), "EXE", vec![]),
    ] {
        world.file(name, content.as_bytes(), 0o755);
        let mut decl = json!({"script": name});
        if let Some(stated) = stated {
            decl["interpreter"] = json!(stated);
        }
        let record = world.record(&decl);
        let wanted = if wanted == "EXE" {
            world.text("work/exe")
        } else {
            wanted.to_owned()
        };
        assert_eq!(record["exec_interpreter"], json!(wanted), "{name}");
        assert_eq!(record["node_args"], json!(args), "{name}");
        let unbuffered = record["env"].get("PYTHONUNBUFFERED").is_some();
        assert_eq!(unbuffered, wanted.contains("python"), "{name}");
    }
    assert_eq!(
        world.record(&json!({"script": "exe"}))["exec_interpreter"],
        json!("none")
    );
    assert_eq!(
        world.record(&json!({"script": "dir"}))["exec_interpreter"],
        json!("node")
    );
    let ours = world.record(&json!({"script": "c.py", "env": {"PYTHONUNBUFFERED": "0"}}));
    assert_eq!(ours["env"]["PYTHONUNBUFFERED"], json!("0"));
}

#[test]
fn scripts_are_found() {
    let world = World::new();
    for program in ["node", "bash", "tool"] {
        world.program(program);
    }
    world.file("my app.js", b"", 0o644);
    world.file("tool.js", b"", 0o644);
    let real = |record: &Map<String, Value>| record["pm_exec_path"].as_str().unwrap().to_owned();
    for (script, path, args, name) in [
        ("./tool.js", world.text("work/tool.js"), None, "tool"),
        ("../work/tool.js", world.text("work/tool.js"), None, "tool"),
        ("my app.js", world.text("work/my app.js"), None, "my app.js"),
        ("tool", world.text("bin/tool"), None, "tool"),
        (
            "tool --x 'y z'",
            world.text("bin/bash"),
            Some(json!(["-c", "tool --x 'y z'"])),
            "tool --x 'y z'",
        ),
    ] {
        let record = world.record(&json!({"script": script}));
        assert_eq!(real(&record), path, "{script}");
        assert_eq!(record.get("args"), args.as_ref(), "{script}");
        assert_eq!(record["name"], json!(name), "{script}");
    }
    let shell = world
        .resolve(&json!({"script": "tool /a/b/x.py"}), false)
        .unwrap()
        .record;
    assert_eq!(
        (&shell["name"], &shell["exec_interpreter"]),
        (&json!("x"), &json!("none"))
    );
    let sub = world.record(&json!({"script": "tool.js", "cwd": "../work/../work"}));
    assert_eq!(
        (&sub["pm_cwd"], &sub["env"]["PWD"]),
        (&json!(world.text("work")), &json!(world.text("work")))
    );
}

#[test]
fn what_cannot_start_is_refused() {
    let world = World::new();
    world.program("node");
    world.file("a.js", b"", 0o644);
    world.file("a.rb", b"", 0o644);
    world.file("a.py", b"", 0o644);
    world.file("a.ts", b"", 0o644);
    world.file("blob", ELF, 0o644);
    let unavailable = |name: &str| {
        format!(
            "Interpreter {name} is NOT AVAILABLE in PATH. (type 'which {name}' to double check.)"
        )
    };
    for (decl, message) in [
        (json!({"name": "x"}), "No script path - aborting".to_owned()),
        (
            json!({"script": "nope.js"}),
            format!("Script not found: {}", world.text("work/nope.js")),
        ),
        (
            json!({"script": "/nope/x"}),
            "Script not found: /nope/x".to_owned(),
        ),
        (json!({"script": "a.rb"}), unavailable("ruby")),
        (json!({"script": "a.py"}), unavailable("python")),
        (
            json!({"script": "a.js", "interpreter": "zork"}),
            unavailable("zork"),
        ),
        (
            json!({"script": "a.js", "interpreter": "./zork"}),
            unavailable("./zork"),
        ),
        (
            json!({"script": "a.js", "interpreter": "node@12.0.0"}),
            unavailable("node@12.0.0"),
        ),
        (
            json!({"script": "blob"}),
            format!("Script is not executable: {}", world.text("work/blob")),
        ),
        (
            json!({"script": "a.js", "cwd": "gone"}),
            format!(
                "Working directory does not exist: {}",
                world.text("work/gone")
            ),
        ),
        (
            json!({"script": "a.js", "cwd": "a.js"}),
            format!(
                "Working directory is no directory: {}",
                world.text("work/a.js")
            ),
        ),
        (
            json!({"script": "a.js", "out_file": "a.js/x/y.log"}),
            format!("Could not create folder: {}", world.text("work/a.js/x")),
        ),
    ] {
        let found = world.failure(&decl);
        assert!(found.starts_with(&message), "{decl}: {found}");
    }
    let typescript = world.failure(&json!({"script": "a.ts"}));
    assert!(
        typescript.starts_with("TypeScript apps require bun"),
        "{typescript}"
    );
}

/// As under PM2 the app is taken; the daemon then says that it cannot run.
#[test]
fn a_script_that_is_to_run_itself_and_cannot_is_taken_with_a_warning() {
    let world = World::new();
    world.file("a.js", b"", 0o644);
    for is_file in [true, false] {
        let decl = json!({"script": "a.js", "interpreter": "none"});
        let resolved = world.resolve(&decl, is_file).unwrap();
        assert_eq!(resolved.record["exec_interpreter"], "none");
        let said = format!("Script is not executable: {}", world.text("work/a.js"));
        assert_eq!(resolved.warnings[0], said);
    }
}
