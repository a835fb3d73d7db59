//! A daemon that an app of another daemon starts, for a home of its own.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{Ward, alive, text_when};

/// The commands of an app that starts a daemon for another home, unless one runs there, and goes on.
fn script(inner: &Path, ping: &str) -> String {
    format!(
        "export WARD_HOME='{}'\n[ -e \"$WARD_HOME/up\" ] || {ping}\ntouch \"$WARD_HOME/up\"\n\
         exec sleep 1000\n",
        inner.display()
    )
}

fn inner_home(ward: &Ward) -> PathBuf {
    let inner = ward.root().join("inner");
    fs::create_dir(&inner).unwrap();
    inner
}

fn end(ward: &Ward, inner: &Path) {
    let killed = ward.command(&["kill"]).env("WARD_HOME", inner).status();
    assert!(killed.unwrap().success());
}

/// Ends the inner daemon by the restart, the stop and the end of the outer one; it lives on.
fn survives(ward: &Ward, inner: &Path) {
    text_when(&inner.join("pm2.pid"), |text| !text.is_empty());
    ward.log_when("app-out.log", |text| text.contains("up"));
    let daemon = fs::read_to_string(inner.join("pm2.pid")).unwrap();
    let daemon: u32 = daemon.parse().unwrap();
    let ping = || {
        let pong = ward
            .command(&["jlist"])
            .env("WARD_HOME", inner)
            .output()
            .unwrap();
        assert!(pong.status.success());
        assert!(alive(daemon), "the inner daemon ended with the app");
        let pid = fs::read_to_string(inner.join("pm2.pid")).unwrap();
        assert_eq!(pid, daemon.to_string(), "another one was started");
    };
    let before = ward.pid("app");
    ward.run(&["restart", "app"]).succeeds();
    assert_ne!(ward.pid("app"), before);
    ping();
    ward.run(&["stop", "app"]).succeeds();
    ping();
    ward.run(&["kill"]).succeeds();
    ping();
    end(ward, inner);
}

#[test]
fn a_daemon_that_an_app_has_started_outlives_the_app() {
    let ward = Ward::new();
    let inner = inner_home(&ward);
    let ping = format!("'{}' ping", env!("CARGO_BIN_EXE_ward"));
    ward.write(
        "app.sh",
        &(script(&inner, &ping).replace("exec", "echo up; exec")),
    );
    ward.run(&["start", "app.sh", "--name", "app"]).succeeds();
    survives(&ward, &inner);
}

/// PM2's own client starts the daemon's program directly, with all of its environment.
#[test]
fn a_daemon_that_was_started_with_the_mark_of_the_app_outlives_it() {
    let ward = Ward::new();
    let inner = inner_home(&ward);
    let start = format!(
        "{{ (setsid '{}' __daemon >>\"$WARD_HOME/pm2.log\" 2>&1 </dev/null &); \
         while [ ! -e \"$WARD_HOME/rpc.sock\" ]; do sleep 0.1; done; }}",
        env!("CARGO_BIN_EXE_ward")
    );
    ward.write(
        "app.sh",
        &(script(&inner, &start).replace("exec", "echo up; exec")),
    );
    ward.run(&["start", "app.sh", "--name", "app"]).succeeds();
    survives(&ward, &inner);
}
