//! Starts that have to wait for something: only the app waits, says for what, and leaves nothing
//! behind when it is not wanted any more.
//!
//! A slow disk is simulated by a lease on the program (fcntl(2), `F_SETLEASE`): whoever wants to load
//! it waits until the holder gives it back, for at most 45 seconds.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::{Ward, alive, kill, look_again_until, processes, wait_gone};

const HOLD: &str = "
import fcntl, os, signal, sys
signal.signal(signal.SIGIO, signal.SIG_IGN)
held = [os.open(path, os.O_RDONLY) for path in sys.argv[1:]]
for fd in held:
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print('held', flush=True)
sys.stdin.read()
";

/// Programs that cannot be loaded as long as this is there.
struct SlowDisk(Child);

impl SlowDisk {
    fn with(programs: &[PathBuf]) -> Self {
        let mut holder = Command::new("python3")
            .args(["-c", HOLD])
            .args(programs)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let mut line = String::new();
        let output = holder.stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut line).expect("a line");
        assert_eq!(line, "held\n", "no lease can be had here");
        Self(holder)
    }
}

impl Drop for SlowDisk {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().ok();
    }
}

/// A program of its own, which sleeps.
fn program(ward: &Ward, name: &str) -> PathBuf {
    let path = ward.dir().join(name);
    fs::copy("/bin/sleep", &path).expect("a copy");
    path
}

fn declare(ward: &Ward, file: &str, apps: &[Value]) {
    ward.write(file, &json!({ "apps": apps }).to_string());
}

fn app(name: &str, program: &Path) -> Value {
    json!({
        "name": name, "script": program, "args": "1000", "interpreter": "none", "autostart": false,
    })
}

/// Processes that run this program, or are about to.
fn running(ward: &Ward, name: &str) -> Vec<u32> {
    let mark = format!("name={name}");
    let home = ward.home().display().to_string();
    processes()
        .filter(|pid| {
            let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            text.split('\0').any(|it| it == mark) && text.contains(&home) && alive(*pid)
        })
        .collect()
}

#[test]
fn a_program_on_a_slow_disk_delays_only_its_own_app() {
    let ward = Ward::new();
    let slow = program(&ward, "slow");
    declare(&ward, "slow.json", &[app("slow", &slow)]);
    ward.run(&["start", "slow.json"]).succeeds();
    let disk = SlowDisk::with(&[slow]);
    let mut start = ward
        .command(&["start", "slow"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    ward.daemon_log_when(|log| log.contains("App [slow:0] waits: loading "));
    let record = ward.app("slow");
    let waits = record["pm2_env"]["waits_for"].as_str().unwrap();
    assert!(waits.starts_with("loading /"), "{waits}");
    let described = ward.run(&["describe", "slow"]).succeeds().stdout();
    assert!(described.contains("waits for"), "{described}");
    declare(
        &ward,
        "fast.json",
        &[json!({
            "name": "fast", "script": "/bin/sleep", "args": "1000", "interpreter": "none",
        })],
    );
    ward.run(&["start", "fast.json"]).succeeds();
    assert_eq!(ward.status("fast"), "online");
    assert_eq!(ward.status("slow"), "launching");
    drop(disk);
    assert!(start.wait().unwrap().success());
    assert_eq!(ward.status("slow"), "online");
    assert_eq!(ward.app("slow")["pm2_env"].get("waits_for"), None);
    ward.daemon_log_when(|log| log.contains("App [slow:0] goes on after "));
}

#[test]
fn a_start_that_comes_through_after_its_stop_is_ended_at_once() {
    for (words, status) in [("stop", "stopped"), ("delete", "")] {
        let ward = Ward::new();
        let slow = program(&ward, "slow");
        let declared = json!({
            "name": "slow", "script": slow, "args": "1000", "interpreter": "none",
            "autostart": false, "kill_timeout": 100,
        });
        declare(&ward, "slow.json", &[declared]);
        ward.run(&["start", "slow.json"]).succeeds();
        let disk = SlowDisk::with(&[slow]);
        let mut start = ward
            .command(&["start", "slow"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        ward.daemon_log_when(|log| log.contains("App [slow:0] waits: loading "));
        let mut stop = ward
            .command(&[words, "slow"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        start.wait().unwrap();
        drop(disk);
        stop.wait().unwrap();
        // Nothing is told of a process that nobody waits for.
        let left = || (ward.list(), running(&ward, "slow"));
        look_again_until("end of all of it", left, |(list, running)| {
            let is_so = |app: &Value| app["pm2_env"]["status"] == status;
            list.iter().all(is_so) && running.is_empty()
        });
    }
}

#[test]
fn a_daemon_that_ends_leaves_no_start_behind() {
    let ward = Ward::new();
    let slow = program(&ward, "slow");
    let declared = json!({
        "name": "slow", "script": slow, "args": "1000", "interpreter": "none",
        "autostart": false, "kill_timeout": 100,
    });
    declare(&ward, "slow.json", &[declared]);
    ward.run(&["start", "slow.json"]).succeeds();
    let daemon = ward.daemons()[0];
    let disk = SlowDisk::with(&[slow]);
    let mut start = ward
        .command(&["start", "slow"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    ward.daemon_log_when(|log| log.contains("App [slow:0] waits: loading "));
    ward.run(&["kill"]);
    wait_gone(daemon);
    start.wait().unwrap();
    drop(disk);
    assert_eq!(running(&ward, "slow"), Vec::<u32>::new());
}

#[test]
fn nothing_blocks_the_control_loop_while_many_start_from_a_slow_disk() {
    const SLOW: usize = 6;
    let ward = Ward::new().with_env("WARD_MEASURE_STALLS", "1");
    let programs: Vec<PathBuf> = (0..SLOW)
        .map(|number| program(&ward, &format!("slow-{number}")))
        .collect();
    let sleep = Path::new("/bin/sleep");
    let apps: Vec<Value> = (0..100)
        .map(|number| {
            let program = match number % 16 {
                0 => programs.get(number / 16).map_or(sleep, PathBuf::as_path),
                _ => sleep,
            };
            app(&format!("app-{number}"), program)
        })
        .collect();
    declare(&ward, "all.json", &apps);
    ward.run(&["start", "all.json"]).succeeds();
    let disk = SlowDisk::with(&programs);
    let mut start = ward
        .command(&["start", "all", "--parallel", "100"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let online = |list: &[Value]| {
        let is_online = |app: &&Value| app["pm2_env"]["status"] == "online";
        list.iter().filter(is_online).count()
    };
    ward.wait_until("all but those on the slow disk", |list| {
        online(list) == 100 - SLOW
    });
    ward.run(&["ping"]).succeeds();
    drop(disk);
    assert!(start.wait().unwrap().success());
    assert_eq!(online(&ward.list()), 100);
    let measured = ward.rpc().call("ward:status", &json!([{}]))["args"][0]["loop"].clone();
    assert!(measured["events"].as_u64().unwrap() > 100, "{measured}");
    let blocked = measured["blocked"]["us"].as_u64().expect("it is measured");
    assert!(blocked < 10_000, "{measured}");
}

#[test]
fn a_panic_in_the_launch_plane_is_a_failed_start_of_one_app() {
    for point in ["launch:2", "launch.started:2"] {
        let ward = Ward::new().with_env("WARD_INJECT_PANIC", point);
        let script = ward.write("app.sh", "#!/bin/sh\nexec sleep 1000\n");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        ward.run(&["start", "app.sh", "--name", "first"]).succeeds();
        ward.run(&["start", "app.sh", "--name", "second"])
            .complains("fault of ward");
        assert_eq!(ward.status("second"), "errored");
        running(&ward, "second").into_iter().for_each(wait_gone);
        ward.run(&["restart", "second"]).succeeds();
        let first = ward.pid("first");
        kill(first, Signal::KILL);
        ward.wait_until("the first is started again", |list| {
            let is_again = |app: &Value| {
                app["name"] == "first"
                    && app["pid"] != first
                    && app["pm2_env"]["status"] == "online"
            };
            list.iter().any(is_again)
        });
    }
}

/// Processes that end before the daemon has heard that they began.
#[test]
fn the_end_of_those_that_end_at_once_is_not_lost() {
    let ward = Ward::new();
    let apps: Vec<Value> = (0..60)
        .map(|number| {
            json!({
                "name": format!("app-{number}"), "script": "/bin/false", "interpreter": "none",
                "autorestart": false,
            })
        })
        .collect();
    declare(&ward, "all.json", &apps);
    ward.run(&["start", "all.json"]);
    ward.wait_until("all ends are known", |list| {
        let has_ended =
            |app: &Value| app["pm2_env"]["status"] == "stopped" && app["pm2_env"]["exit_code"] == 1;
        list.len() == 60 && list.iter().all(has_ended)
    });
}

#[test]
fn who_is_told_that_an_app_has_stopped_finds_no_pid_file() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    for _ in 0..20 {
        ward.run(&["start", "app.sh"]).succeeds();
        let file = ward.app("app")["pm2_env"]["pm_pid_path"].clone();
        let file = PathBuf::from(file.as_str().unwrap());
        assert!(file.exists());
        let mut rpc = ward.rpc();
        rpc.call("stopProcessId", &json!([0]));
        assert!(!file.exists());
        ward.run(&["delete", "app"]).succeeds();
    }
}
