//! What list, prettylist and describe print: scripts count words and look for rows in it.

use crate::harness::Ward;

const SLEEPER: &str = "exec sleep 1000\n";

fn count(text: &str, word: &str) -> usize {
    text.matches(word).count()
}

/// The names in the first column of the table that holds them, from top to bottom.
fn names(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| line.starts_with('│'))
        .skip(1)
        .filter_map(|line| line.split('│').nth(2))
        .map(|cell| cell.trim().to_owned())
        .collect()
}

#[test]
fn prettylist_says_each_thing_as_often_as_scripts_expect() {
    let ward = Ward::new();
    assert_eq!(ward.run(&["prettylist"]).succeeds().stdout(), "[]");
    ward.write("app.js", "setInterval(() => {}, 1000)");
    ward.write("shell.sh", SLEEPER);
    ward.run(&["start", "app.js", "-n", "echo"]).succeeds();
    ward.run(&["start", "shell.sh", "-n", "loop"]).succeeds();
    let out = ward.run(&["prettylist"]).succeeds().stdout();
    assert_eq!(count(&out, "online"), 2, "{out}");
    assert_eq!(count(&out, "restart_time"), 2, "{out}");
    assert_eq!(count(&out, "exec_mode"), 2, "{out}");
    assert_eq!(count(&out, "pm_id: 0"), 2, "{out}");
    assert_eq!(count(&out, "name: 'loop'"), 2, "{out}");
    // A third time as the module name of a node app.
    assert_eq!(count(&out, "name: 'echo'"), 3, "{out}");
    assert_eq!(count(&out, "app.js"), 1, "{out}");
    assert_eq!(count(&out, "node_args: []"), 2, "{out}");
    ward.run(&["stop", "all"]).succeeds();
    let out = ward.run(&["prettylist"]).succeeds().stdout();
    assert_eq!(
        (count(&out, "online"), count(&out, "stopped")),
        (0, 2),
        "{out}"
    );
}

#[test]
fn the_list_is_sorted_as_asked() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    for (name, namespace) in [("zeta", "a"), ("alpha", "b"), ("Beta", "c")] {
        ward.run(&[
            "start",
            "app.sh",
            "-f",
            "-n",
            name,
            "--namespace",
            namespace,
        ])
        .succeeds();
    }
    ward.run(&["stop", "alpha"]).succeeds();
    for (words, wanted) in [
        (&["ls"][..], ["Beta", "alpha", "zeta"]),
        (&["ls", "--sort", "name:desc"], ["zeta", "alpha", "Beta"]),
        (&["ls", "--sort", "id"], ["zeta", "alpha", "Beta"]),
        (&["ls", "--sort", "id:desc"], ["Beta", "alpha", "zeta"]),
        (
            &["--sort", "namespace:asc", "ls"],
            ["zeta", "alpha", "Beta"],
        ),
        (&["ls", "--sort", "bogus"], ["Beta", "alpha", "zeta"]),
    ] {
        assert_eq!(
            names(&ward.run(words).succeeds().stdout()),
            wanted,
            "{words:?}"
        );
    }
    let by_status = names(
        &ward
            .run(&["ls", "--sort", "status:desc"])
            .succeeds()
            .stdout(),
    );
    assert_eq!(by_status[0], "alpha");
}

#[test]
fn the_plain_list_has_a_line_for_each_fact() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    ward.run(&["start", "app.sh"]).succeeds();
    for words in [&["ls", "-m"][..], &["list", "--mini-list"]] {
        let out = ward.run(words).succeeds().stdout();
        let keys: Vec<&str> = out
            .lines()
            .filter_map(|line| line.split_once(" : "))
            .map(|(key, _)| key)
            .collect();
        assert_eq!(
            keys,
            [
                "namespace",
                "version",
                "pid",
                "pm2 id",
                "status",
                "mode",
                "restarted",
                "uptime",
                "memory usage",
                "error log",
                "watching",
                "PID file"
            ]
        );
        assert!(out.starts_with("+--- app\n"), "{out}");
    }
}

#[test]
fn describe_has_the_known_rows() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    ward.run(&[
        "start",
        "app.sh",
        "--max-memory-restart",
        "100M",
        "--",
        "a",
        "b",
    ])
    .succeeds();
    let out = ward.run(&["describe", "app"]).succeeds().stdout();
    for row in [
        "status",
        "name",
        "namespace",
        "version",
        "restarts",
        "max memory restart",
        "uptime",
        "script path",
        "script args",
        "error log path",
        "out log path",
        "pid path",
        "interpreter",
        "interpreter args",
        "script id",
        "exec cwd",
        "exec mode",
        "node.js version",
        "node env",
        "watch & reload",
        "unstable restarts",
        "created at",
    ] {
        let found = out.lines().any(|line| {
            line.split('│')
                .nth(1)
                .is_some_and(|cell| cell.trim() == row)
        });
        assert!(found, "{row} in {out}");
    }
    assert!(out.contains("│ script args        │ a b"), "{out}");
}
