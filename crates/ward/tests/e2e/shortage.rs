//! Shortage is not failure: what the daemon cannot do for want of descriptors is done when there are some again.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit, setrlimit};

use crate::harness::{Attack, DEADLINE, Ward, free_port, kill};

/// Open files the daemon may have at most, under attack.
const LIMIT: u64 = 512;

/// Connections the attacker tries to hold; more than daemon, workers and kernel have room for.
const SILENT: usize = 3000;

/// Said once when a start has to wait, and once when it is over.
const WAITS: &str = "it waits, and is tried again until it can";
const GOES_ON: &str = "was started after it had to wait";

/// Sets how many descriptors a process may have from now on; what it has it keeps.
fn limit_open_files(pid: u32, current: u64) {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let hard = line.unwrap().split_ascii_whitespace().nth(4).unwrap();
    let pid = Pid::from_raw(i32::try_from(pid).unwrap());
    let limit = Rlimit {
        current: Some(current),
        maximum: hard.parse().ok(),
    };
    prlimit(pid, Resource::Nofile, limit).unwrap();
}

#[test]
fn an_app_that_ends_while_descriptors_are_short_runs_again() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    ward.run(&["start", "app.sh"]).succeeds();
    let (daemon, before) = (ward.daemons()[0], ward.pid("app"));
    limit_open_files(daemon, 8);
    kill(before, Signal::KILL);
    ward.daemon_log_when(|log| log.contains(WAITS));
    limit_open_files(daemon, 1024);
    let log = ward.daemon_log_when(|log| log.contains(GOES_ON));
    assert_eq!(
        (log.matches(WAITS).count(), log.matches(GOES_ON).count()),
        (1, 1),
        "{log}"
    );
    ward.wait_status("app", "online");
    let app = ward.app("app");
    assert_ne!(app["pid"], before);
    assert_eq!(app["pm2_env"]["restart_time"], 1, "tries do not count");
}

/// Who asks for a start that cannot be made for now is told, and does not have to ask again.
#[test]
fn a_start_for_which_there_are_no_descriptors_is_answered_and_made_later() {
    let ward = Ward::new();
    ward.run(&["ping"]).succeeds();
    ward.write("app.sh", "exec sleep 1000");
    let daemon = ward.daemons()[0];
    // Enough for a command, and not for a start beside it.
    limit_open_files(daemon, highest_descriptor(daemon) + 4);
    let told = ward.run(&["start", "app.sh"]);
    assert_eq!(told.code(), 1, "{}", told.stdout());
    told.complains("it is tried again until it can");
    assert_eq!(ward.status("app"), "waiting restart");
    ward.run(&["describe", "app"])
        .succeeds()
        .prints("Too many open files");
    limit_open_files(daemon, 1024);
    ward.wait_status("app", "online");
    assert!(ward.app("app")["pm2_env"]["failure"].is_null());
    assert_eq!(ward.app("app")["pm2_env"]["restart_time"], 0);
}

fn highest_descriptor(pid: u32) -> u64 {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let numbers = open.filter_map(|it| it.unwrap().file_name().to_str()?.parse().ok());
    numbers.max().unwrap()
}

/// Silent clients of a sticky app take all they can get; what the daemon does itself goes on.
#[test]
fn silent_clients_of_a_sticky_app_leave_the_daemon_its_descriptors() {
    raise_own_limit();
    let port = free_port();
    let ward = Ward::under_attack().with_env("PORT", &port.to_string());
    start_limited(&ward);
    ward.write(
        "app.js",
        "require('http').createServer((request, response) => response.end('served')).listen(process.env.PORT)",
    );
    ward.write(
        "ecosystem.config.js",
        "module.exports = { name: 'app', script: 'app.js', instances: 2, exec_mode: 'cluster', sched: 'sticky-cookie', cluster: { cookie: 'sid' } }\n",
    );
    ward.run(&["start", "ecosystem.config.js"]).succeeds();
    ward.write("other.sh", "exec sleep 1000");
    let attack = Attack::begin(&ward);
    let silent = crowd(port);
    ward.daemon_log_when(|log| log.contains("No connections are accepted for now"));
    ward.run(&["start", "other.sh"]).succeeds();
    ward.run(&["restart", "other"]).succeeds();
    ward.run(&["jlist"]).succeeds();
    assert_eq!(ward.status("other"), "online");
    attack.end();
    drop(silent);
    assert!(asked(port).ends_with("served"));
    let log = ward.daemon_log_when(|log| log.contains("Connections are accepted again"));
    assert!(!log.contains("cannot"), "{log}");
}

/// Subscribers that say nothing take all they can get, and the daemon keeps what it needs itself.
#[test]
fn subscribers_leave_the_daemon_its_descriptors() {
    raise_own_limit();
    let ward = Ward::under_attack();
    start_limited(&ward);
    ward.write("other.sh", "exec sleep 1000");
    let attack = Attack::begin(&ward);
    let socket = ward.home().join("pub.sock");
    let mute: Vec<UnixStream> = (0..2 * LIMIT)
        .filter_map(|_| UnixStream::connect(&socket).ok())
        .collect();
    ward.run(&["start", "other.sh"]).succeeds();
    ward.run(&["restart", "other"]).succeeds();
    attack.end();
    drop(mute);
}

/// The test holds the other ends of what is taken from the daemon.
fn raise_own_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

/// Starts a daemon that can have few descriptors.
fn start_limited(ward: &Ward) {
    let first = ward.command(&["ping"]);
    let env = first.get_envs();
    let env = env.filter_map(|(name, value)| Some((name, value?)));
    let started = Command::new("bash")
        .args(["-c", &format!("ulimit -n {LIMIT}; exec \"$@\""), "bash"])
        .arg(first.get_program())
        .args(first.get_args())
        .current_dir(ward.dir())
        .env_clear()
        .envs(env)
        .output()
        .unwrap();
    assert!(started.status.success(), "{started:?}");
}

/// Connections that say nothing, until the port takes no more.
fn crowd(port: u16) -> Vec<TcpStream> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let connect = |_| TcpStream::connect_timeout(&address, Duration::from_millis(500)).ok();
    (0..SILENT).map_while(connect).collect()
}

/// The answer to a request.
fn asked(port: u16) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = "GET / HTTP/1.1\r\nHost: x\r\nCookie: sid=1\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}
