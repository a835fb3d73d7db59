//! The first command starts the daemon: exactly one, properly detached, private.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use rustix::process::Signal;

use crate::harness::{Ward, alive, kill, wait_gone};

/// R1 and lifecycle 10.9: parallel first commands give one daemon and lose no answer.
#[test]
fn a_hundred_first_commands_at_once_give_one_daemon() {
    let ward = Ward::new();
    let mut children: Vec<_> = (0..100)
        .map(|number| {
            let name = format!("app-{number}");
            let words = ["start", "/bin/sleep", "--name", &name, "--", "1000"];
            ward.command(&words)
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children.drain(..) {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert_eq!(ward.daemons().len(), 1);
    let list = ward.list();
    assert_eq!(list.len(), 100);
    assert!(list.iter().all(|app| app["pm2_env"]["status"] == "online"));
}

#[test]
fn the_daemon_is_detached_and_holds_nothing_of_the_shell() {
    let ward = Ward::new();
    ward.run(&["ping"]).succeeds().prints("pong");
    let [daemon] = ward.daemons()[..] else {
        panic!("one daemon")
    };
    assert_eq!(
        fs::read_link(format!("/proc/{daemon}/cwd"))
            .unwrap()
            .to_str(),
        Some("/")
    );
    let stat = fs::read_to_string(format!("/proc/{daemon}/stat")).unwrap();
    let session: u32 = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .nth(3)
        .unwrap()
        .parse()
        .unwrap();
    let own = fs::read_to_string("/proc/self/stat").unwrap();
    let ours: u32 = own
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .nth(3)
        .unwrap()
        .parse()
        .unwrap();
    assert_ne!(session, ours, "a session of its own");
    for fd in 0..3 {
        let target = fs::read_link(format!("/proc/{daemon}/fd/{fd}")).unwrap();
        let target = target.to_str().unwrap();
        assert!(
            target == "/dev/null" || target.ends_with("pm2.log"),
            "fd {fd} is {target}"
        );
    }
    assert_eq!(
        fs::read_to_string(ward.home().join("pm2.pid")).unwrap(),
        daemon.to_string()
    );
}

/// R6 and lifecycle 10.27, 10.29: nothing in the home can be read by others.
#[test]
fn nobody_else_can_read_the_home() {
    let ward = Ward::new().with_env("SECRET_TOKEN", "hunter2");
    ward.write("app.sh", "echo up; exec sleep 1000");
    ward.run(&["start", "app.sh"]).succeeds();
    ward.run(&["save"]).succeeds();
    let mut folders = vec![ward.home()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let meta = entry.path().symlink_metadata().unwrap();
            let mode = meta.permissions().mode() & 0o777;
            assert_eq!(
                mode & 0o077,
                0,
                "{} has mode {mode:o}",
                entry.path().display()
            );
            seen += 1;
            if meta.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    assert!(seen > 8, "the home has its files");
    assert_eq!(
        fs::metadata(ward.home()).unwrap().permissions().mode() & 0o777,
        0o700
    );
}

#[test]
fn help_version_and_typos_start_no_daemon() {
    let ward = Ward::new();
    ward.run(&["--help"]).succeeds().prints("start");
    ward.run(&["--version"]).succeeds();
    ward.run(&["strat"]).fails();
    ward.run(&[]).fails();
    assert!(!ward.home().join("rpc.sock").exists());
    assert!(ward.daemons().is_empty());
}

#[test]
fn a_killed_daemon_leaves_a_stale_socket_that_is_taken_over() {
    let ward = Ward::new();
    ward.run(&["ping"]).succeeds();
    let [daemon] = ward.daemons()[..] else {
        panic!("one daemon")
    };
    kill(daemon, Signal::KILL);
    wait_gone(daemon);
    assert!(
        ward.home().join("rpc.sock").exists(),
        "the socket file is still there"
    );
    ward.run(&["ping"]).succeeds().prints("pong");
    let [successor] = ward.daemons()[..] else {
        panic!("one daemon")
    };
    assert_ne!(daemon, successor);
}

#[test]
fn kill_ends_the_daemon_and_its_apps_and_cleans_up() {
    let ward = Ward::new();
    ward.run(&["start", "/bin/sleep", "--", "1000"]).succeeds();
    let app = ward.pid("sleep");
    let [daemon] = ward.daemons()[..] else {
        panic!("one daemon")
    };
    ward.run(&["kill"]).succeeds();
    wait_gone(daemon);
    assert!(!alive(app));
    for name in ["rpc.sock", "pub.sock", "pm2.pid"] {
        assert!(!ward.home().join(name).exists(), "{name} is gone");
    }
    ward.run(&["kill"]).succeeds();
    assert!(ward.daemons().is_empty(), "kill starts no daemon");
}

/// Lifecycle 10.20, 10.27: SIGTERM stops all, exits 0 and leaves the saved list alone.
#[test]
fn sigterm_stops_everything_and_saves_nothing() {
    let ward = Ward::new();
    ward.run(&["start", "/bin/sleep", "--name", "kept", "--", "1000"])
        .succeeds();
    ward.run(&["save"]).succeeds();
    let saved = fs::read_to_string(ward.home().join("dump.pm2")).unwrap();
    ward.run(&["start", "/bin/sleep", "--name", "other", "--", "1000"])
        .succeeds();
    let pids = [ward.pid("kept"), ward.pid("other")];
    let [daemon] = ward.daemons()[..] else {
        panic!("one daemon")
    };
    let mut bus = ward.bus();
    kill(daemon, Signal::TERM);
    bus.wait("pm2:kill", |event| event.topic == "pm2:kill");
    wait_gone(daemon);
    assert!(pids.iter().all(|pid| !alive(*pid)));
    assert_eq!(
        fs::read_to_string(ward.home().join("dump.pm2")).unwrap(),
        saved
    );
}

#[test]
fn the_home_follows_the_name_and_the_variables() {
    let mut ward = Ward::new().called("pm2");
    ward.unset_env("WARD_HOME");
    ward.run(&["ping"]).succeeds().prints("pong");
    assert!(ward.home().ends_with(".pm2") && ward.home().join("rpc.sock").exists());
}

#[test]
fn a_home_that_cannot_be_written_is_said_plainly() {
    let mut ward = Ward::new();
    ward.set_env("WARD_HOME", "/proc/ward-home");
    ward.run(&["ls"]).fails().complains("/proc/ward-home");
    ward.set_env("WARD_HOME", "/dev/null");
    ward.run(&["ls"]).fails().complains("/dev/null");
    ward.set_env("WARD_HOME", &ward.dir().display().to_string());
}

#[test]
fn without_a_daemon_a_signal_ends_the_apps_and_then_the_command() {
    for signal in [Signal::INT, Signal::TERM] {
        let ward = Ward::new();
        ward.write("app.sh", "exec sleep 1000");
        let mut command = ward
            .command(&["start", "app.sh", "--no-daemon"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let shown = BufReader::new(command.stdout.take().unwrap());
        let mut shown = shown.lines().map_while(Result::ok);
        assert!(shown.any(|line| line.contains("Exit on target PM2 exit")));
        let app = ward.pid("app");
        kill(command.id(), signal);
        // Whatever it still says has to be read.
        shown.for_each(drop);
        let status = command.wait().unwrap();
        assert_eq!(status.signal(), Some(signal.as_raw()), "{status}");
        assert!(!alive(app));
    }
}
