//! The whole tree of an app is ward's: nothing of a life survives its stop.

mod escapes;

use crate::harness::{Ward, alive, free_port, kill, wait_gone};

fn pids_in(text: &str, word: &str) -> Vec<u32> {
    text.lines()
        .filter_map(|line| line.strip_prefix(word)?.trim().parse().ok())
        .collect()
}

/// R3: an orphaned child does not keep the port, neither over restarts nor after delete.
#[test]
fn an_orphan_does_not_keep_the_port() {
    let ward = Ward::new();
    let port = free_port();
    ward.write(
        "child.js",
        &format!(
            "const s = require('http').createServer(() => {{}});
             s.on('error', (e) => {{ console.log(e.code); process.exit(1) }});
             s.listen({port}, '127.0.0.1', () => {{ console.log('listening'); process.send('up') }});
             process.on('SIGINT', () => {{}}); process.on('SIGTERM', () => {{}}); process.on('disconnect', () => {{}})",
        ),
    );
    ward.write(
        "parent.js",
        "const c = require('child_process').fork('child.js', {detached: true, stdio: ['ignore', 'inherit', 'inherit', 'ipc']});
         console.log('child ' + c.pid); c.on('message', () => process.exit(1))",
    );
    ward.write(
        "eco.json",
        r#"[{"name":"parent","script":"parent.js","max_restarts":3,"min_uptime":"1h","kill_timeout":100}]"#,
    );
    let mut bus = ward.bus();
    ward.run(&["start", "eco.json"]);
    bus.wait("the limit", |event| event.is_process("restart overlimit"));
    let out = ward.log_when("parent-out.log", |log| {
        log.matches("listening").count() >= 3
    });
    assert_eq!(out.matches("listening").count(), 3, "{out}");
    assert!(!out.contains("EADDRINUSE"), "{out}");
    for pid in pids_in(&out, "child ") {
        wait_gone(pid);
    }
    ward.run(&["delete", "parent"]).succeeds();
    std::net::TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
}

/// R4: children that ignore signals, and those in a session of their own, die with the app.
#[test]
fn children_that_ignore_signals_die() {
    let ward = Ward::new();
    ward.write(
        "app.sh",
        "(trap '' INT TERM; echo \"pid $BASHPID\"; while :; do sleep 0.2; done) &\n\
         setsid bash -c 'trap \"\" INT TERM; echo \"pid $$\"; while :; do sleep 0.2; done' &\n\
         (setsid bash -c 'trap \"\" INT TERM HUP; echo \"pid $$\"; while :; do sleep 0.2; done' &)\n\
         wait\n",
    );
    let mut bus = ward.bus();
    ward.run(&["start", "app.sh", "--kill-timeout", "300"])
        .succeeds();
    let mut seen = 0;
    while seen < 3 {
        let event = bus.wait_output("app", "pid ");
        seen += event.payload["data"]
            .as_str()
            .unwrap()
            .matches("pid ")
            .count();
    }
    let written = |log: &str| pids_in(log, "pid ").len() >= 3;
    let pids = pids_in(&ward.log_when("app-out.log", written), "pid ");
    assert_eq!(pids.len(), 3);
    assert!(pids.iter().all(|pid| alive(*pid)));
    ward.run(&["stop", "app"]).succeeds();
    for pid in pids {
        assert!(!alive(pid), "{pid} survived the stop");
    }
}

/// R5: memory is that of the whole tree.
#[test]
fn memory_of_a_wrapper_counts_its_tree() {
    let ward = Ward::new();
    ward.write(
        "package.json",
        r#"{"name":"x","version":"1.2.3","scripts":{"start":"node big.js"}}"#,
    );
    ward.write(
        "big.js",
        "const b = Buffer.alloc(150 << 20, 1); console.log('allocated ' + b.length); setInterval(() => b, 1000)",
    );
    let mut bus = ward.bus();
    ward.run(&["start", "npm", "--", "start"]).succeeds();
    bus.wait_output("npm", "allocated");
    let memory = ward.app("npm")["monit"]["memory"].as_u64().unwrap();
    assert!(memory > 150 << 20, "{memory} bytes");
}

#[test]
fn an_app_over_its_memory_limit_is_restarted() {
    let ward = Ward::new().with_env("PM2_WORKER_INTERVAL", "100");
    ward.write(
        "app.py",
        "b = bytearray(120 << 20)\nprint('allocated', len(b))\nimport time\ntime.sleep(1000)\n",
    );
    let mut bus = ward.bus();
    ward.run(&["start", "app.py", "--max-memory-restart", "60M"])
        .succeeds();
    let first = ward.pid("app");
    bus.wait("its restart", |event| {
        event.is_process("online") && event.payload["process"]["restart_time"].as_u64() > Some(0)
    });
    wait_gone(first);
    ward.daemon_log_when(|log| log.contains("exceeds --max-memory-restart"));
}

/// Lifecycle 10.10: no external program is needed to end a tree.
#[test]
fn restarts_need_no_tools_in_path() {
    let mut ward = Ward::new();
    let bash = ward.dir().join("bin");
    std::fs::create_dir(&bash).unwrap();
    for tool in ["bash", "sleep"] {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .map(|folder| folder.join(tool))
            .find(|path| path.exists())
            .unwrap();
        std::os::unix::fs::symlink(found, bash.join(tool)).unwrap();
    }
    ward.set_env("PATH", bash.to_str().unwrap());
    ward.write("app.sh", "sleep 1000 &\necho child $!\nwait\n");
    ward.run(&["start", "app.sh"]).succeeds();
    for _ in 0..5 {
        ward.run(&["restart", "app"]).succeeds();
    }
    ward.run(&["delete", "app"]).succeeds();
    let written = |log: &str| !pids_in(log, "child ").is_empty();
    let children = pids_in(&ward.log_when("app-out.log", written), "child ");
    assert!(children.iter().all(|pid| !alive(*pid)));
}

/// Lifecycle 10.11: what was killed before plays no part in the next stop.
#[test]
fn a_message_stop_after_a_signal_stop_leaves_one_process() {
    let ward = Ward::new();
    ward.write(
        "app.js",
        "process.on('message', (m) => { if (m === 'shutdown') setTimeout(() => process.exit(0), 300) });
         console.log('pid ' + process.pid)",
    );
    let mut bus = ward.bus();
    ward.run(&["start", "app.js", "--kill-timeout", "20000"])
        .succeeds();
    bus.wait_output("app", "pid ");
    ward.run(&["restart", "app"]).succeeds();
    bus.wait_output("app", "pid ");
    ward.run(&["restart", "app", "--shutdown-with-message"])
        .succeeds();
    bus.wait_output("app", "pid ");
    let written = |log: &str| pids_in(log, "pid ").len() >= 3;
    let pids = pids_in(&ward.log_when("app-out.log", written), "pid ");
    assert_eq!(pids.len(), 3);
    let living: Vec<u32> = pids.into_iter().filter(|pid| alive(*pid)).collect();
    assert_eq!(living, [ward.pid("app")]);
    ward.run(&["delete", "all"]).succeeds();
    assert!(!alive(living[0]));
}

#[test]
fn without_treekill_only_the_main_process_is_ended() {
    let ward = Ward::new();
    ward.write("app.sh", "sleep 1000 &\necho \"pid $!\"\nwait\n");
    let mut bus = ward.bus();
    ward.run(&["start", "app.sh", "--no-treekill"]).succeeds();
    bus.wait_output("app", "pid ");
    ward.run(&["stop", "app"]).succeeds();
    let [child] = pids_in(
        &ward.log_when("app-out.log", |log| log.contains('\n')),
        "pid ",
    )[..] else {
        panic!("one child")
    };
    assert!(alive(child), "it was to be left alone");
    kill(child, rustix::process::Signal::KILL);
}

/// The kill ladder: the polite request, the grace period, SIGKILL.
#[test]
fn an_app_that_ignores_the_request_is_killed_after_its_grace_period() {
    let ward = Ward::new();
    ward.write(
        "app.sh",
        "trap 'echo asked' INT\necho up\nwhile :; do sleep 0.1; done\n",
    );
    let mut bus = ward.bus();
    ward.run(&["start", "app.sh", "--kill-timeout", "400"])
        .succeeds();
    bus.wait_output("app", "up");
    ward.run(&["stop", "app"]).succeeds();
    let app = ward.app("app");
    assert_eq!(app["pm2_env"]["exit_signal"], "SIGKILL");
    ward.log_when("app-out.log", |log| log.contains("asked"));
}
