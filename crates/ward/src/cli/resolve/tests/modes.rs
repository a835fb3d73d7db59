//! Modes, instances and their logs.

use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn modes_instances_and_merged_logs() {
    let world = World::new();
    for program in ["node", "python3", "bun", "deno"] {
        world.program(program);
    }
    world.file("a.js", b"", 0o644);
    world.file("a.py", b"", 0o644);
    let (fork, cluster) = ("fork_mode", "cluster_mode");
    for (decl, mode, instances, merge) in [
        (json!({"script": "a.js"}), fork, 1, Some(true)),
        (
            json!({"script": "a.js", "merge_logs": false}),
            fork,
            1,
            None,
        ),
        (json!({"script": "a.js", "instances": 1}), cluster, 1, None),
        (json!({"script": "a.js", "instances": 4}), cluster, 4, None),
        (
            json!({"script": "a.js", "instances": "max"}),
            cluster,
            0,
            Some(true),
        ),
        (
            json!({"script": "a.js", "instances": "max", "merge_logs": false}),
            cluster,
            0,
            None,
        ),
        (
            json!({"script": "a.js", "instances": "max", "exec_mode": "cluster"}),
            cluster,
            0,
            None,
        ),
        (
            json!({"script": "a.js", "instances": -1}),
            cluster,
            -1,
            None,
        ),
        (
            json!({"script": "a.js", "instances": 4, "merge_logs": true}),
            cluster,
            4,
            Some(true),
        ),
        (
            json!({"script": "a.js", "exec_mode": "cluster"}),
            cluster,
            1,
            None,
        ),
        (
            json!({"script": "a.js", "exec_mode": "fork", "instances": 2}),
            fork,
            2,
            None,
        ),
        (
            json!({"script": "a.js", "exec_mode": "fork", "instances": 0}),
            fork,
            0,
            Some(true),
        ),
        (
            json!({"script": "a.js", "exec_mode": "fork", "instances": 0, "merge_logs": false}),
            fork,
            0,
            None,
        ),
        (
            json!({"script": "a.js", "execute_command": true, "instances": 2}),
            fork,
            2,
            None,
        ),
        (json!({"script": "a.py", "instances": 2}), fork, 2, None),
        (
            json!({"script": "a.js", "interpreter": "bun", "instances": 2}),
            cluster,
            2,
            None,
        ),
        (
            json!({"script": "a.js", "interpreter": "deno", "instances": 2}),
            cluster,
            2,
            None,
        ),
        (
            json!({"script": "a.js", "interpreter": "deno"}),
            fork,
            1,
            Some(true),
        ),
    ] {
        let record = world.record(&decl);
        assert_eq!(record["exec_mode"], json!(mode), "{decl}");
        assert_eq!(record["instances"], json!(instances), "{decl}");
        assert_eq!(
            record.get("merge_logs").and_then(Value::as_bool),
            merge,
            "{decl}"
        );
    }
}
