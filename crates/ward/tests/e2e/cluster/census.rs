//! `least-conn` knows how many connections each worker has.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::Command;

use rustix::process::Signal;

use crate::harness::{DEADLINE, Ward, free_port, kill, look_again_until};

/// Says who serves a connection, and keeps it open until the client closes it or says something.
const APP: &str = r"
const net = require('net')
net.createServer((socket) => {
  socket.on('error', () => {})
  socket.on('data', () => socket.destroy())
  socket.write(process.pid + '\n')
}).listen(process.env.PORT)
";

/// An app with three workers that get connections by this schedule.
fn start(more: &str) -> (Ward, u16) {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    ward.write("app.js", APP);
    let file = format!(
        "module.exports = {{ name: 'app', script: 'app.js', instances: 3, exec_mode: 'cluster', sched: 'least-conn'{more} }}\n"
    );
    ward.write("ecosystem.config.js", &file);
    ward.run(&["start", "ecosystem.config.js"]).succeeds();
    (ward, port)
}

/// A connection, and the process that has its other end.
struct Held {
    stream: TcpStream,
    pid: u64,
}

fn connect(port: u16) -> Held {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.set_read_timeout(Some(DEADLINE)).expect("a limit");
    let mut line = String::new();
    BufReader::new(&stream)
        .read_line(&mut line)
        .expect("a name");
    let pid = line.trim().parse().expect("a pid");
    Held { stream, pid }
}

/// So many connections, and how many each process has of them.
fn hold(port: u16, count: usize) -> (Vec<Held>, BTreeMap<u64, usize>) {
    let held: Vec<Held> = (0..count).map(|_| connect(port)).collect();
    let mut spread = BTreeMap::new();
    for one in &held {
        *spread.entry(one.pid).or_default() += 1;
    }
    (held, spread)
}

/// How many connections each process has, as far as the daemon knows. Of one that does not listen
/// yet it knows nothing.
fn counted(ward: &Ward) -> BTreeMap<u64, u64> {
    let list = ward.list();
    let known = list.iter().filter_map(|app| {
        let open = app["pm2_env"]["open_connections"].as_u64()?;
        Some((app["pid"].as_u64()?, open))
    });
    known.collect()
}

/// Waits until the counts are these, in any order.
fn wait_counts(ward: &Ward, wanted: [u64; 3]) {
    let count = || {
        let mut counts: Vec<u64> = counted(ward).into_values().collect();
        counts.sort_unstable();
        counts
    };
    look_again_until(&format!("{wanted:?}"), count, |counts| *counts == wanted);
}

#[test]
fn the_worker_with_the_fewest_connections_gets_the_next_one() {
    let (ward, port) = start("");
    let (mut held, _) = hold(port, 90);
    wait_counts(&ward, [30, 30, 30]);
    // One worker keeps its 30; the clients close the others, which they see nothing of.
    let busy = held[0].pid;
    held.retain(|one| one.pid == busy);
    wait_counts(&ward, [0, 0, 30]);
    let (_next, spread) = hold(port, 60);
    assert_eq!(spread.values().copied().collect::<Vec<_>>(), [30, 30]);
    assert!(!spread.contains_key(&busy), "{spread:?}");
    ward.run(&["describe", "0"])
        .succeeds()
        .prints("open connections");
}

#[test]
fn connections_that_the_worker_closes_count_no_more() {
    let (ward, port) = start("");
    let (mut held, spread) = hold(port, 9);
    assert_eq!(spread.values().copied().collect::<Vec<_>>(), [3, 3, 3]);
    let relieved = held[0].pid;
    for one in held.iter_mut().filter(|one| one.pid == relieved) {
        one.stream.write_all(b"x").unwrap();
    }
    wait_counts(&ward, [0, 3, 3]);
    let (_next, spread) = hold(port, 3);
    assert_eq!(spread.into_iter().collect::<Vec<_>>(), [(relieved, 3)]);
}

#[test]
fn a_crash_takes_the_connections_along() {
    let (ward, port) = start("");
    let (held, _) = hold(port, 9);
    wait_counts(&ward, [3, 3, 3]);
    let victim = held[0].pid;
    let mut bus = ward.bus();
    kill(u32::try_from(victim).unwrap(), Signal::KILL);
    bus.wait("its return", |event| event.is_process("online"));
    wait_counts(&ward, [0, 3, 3]);
    // The successor serves only once it listens; until then the others have their turn.
    let others: BTreeSet<u64> = held.iter().map(|one| one.pid).collect();
    let more = RefCell::new(Vec::new());
    let next = || {
        let one = connect(port);
        let pid = one.pid;
        more.borrow_mut().push(one);
        pid
    };
    let is_new = |pid: &u64| !others.contains(pid);
    let successor = look_again_until("connection to the successor", next, is_new);
    assert_eq!(counted(&ward)[&successor], 1);
}

#[test]
fn a_reload_begins_to_count_anew() {
    let (ward, port) = start(", drain_timeout: 300");
    let (held, _) = hold(port, 9);
    wait_counts(&ward, [3, 3, 3]);
    ward.run(&["reload", "app"]).succeeds();
    wait_counts(&ward, [0, 0, 0]);
    let (_next, spread) = hold(port, 9);
    assert_eq!(spread.values().copied().collect::<Vec<_>>(), [3, 3, 3]);
    assert!(held.iter().all(|one| !spread.contains_key(&one.pid)));
}

/// One of two workers has half of these connections, and the other one's are closed: it gets the
/// next ones, as soon as it has closed its descriptors.
fn is_spared<C>(connect: impl Fn() -> (C, String)) {
    let mut held: Vec<(C, String)> = (0..20).map(|_| connect()).collect();
    let busy = held[0].1.clone();
    held.retain(|(_, name)| *name == busy);
    assert!((8..=12).contains(&held.len()), "{} of 20", held.len());
    let next = || {
        let next: Vec<(C, String)> = (0..5).map(|_| connect()).collect();
        next.into_iter().filter(|(_, name)| *name == busy).count()
    };
    look_again_until("relief of the busy worker", next, |more| *more == 0);
}

/// Two workers of the app.
const TWO: &str = "module.exports = { name: 'app', script: 'app.js', instances: 2, exec_mode: 'cluster', sched: 'least-conn' }\n";

#[test]
fn connections_on_unix_sockets_are_estimated() {
    let ward = Ward::new();
    let path = ward.dir().join("app.sock");
    let ward = ward.with_env("PORT", path.to_str().unwrap());
    ward.write("app.js", APP);
    ward.write("ecosystem.config.js", TWO);
    ward.run(&["start", "ecosystem.config.js"]).succeeds();
    is_spared(|| {
        let stream = UnixStream::connect(&path).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).unwrap();
        (stream, line)
    });
}

/// Runs a command line that can open no netlink socket.
const CONFINED: &str = "
import ctypes, os, platform, struct, sys
libc = ctypes.CDLL(None)
socket = {'x86_64': 41, 'aarch64': 198}[platform.machine()]
step = lambda code, yes, no, value: struct.pack('HBBI', code, yes, no, value)
program = b''.join([
  step(0x20, 0, 0, 0), step(0x15, 0, 3, socket),  # the call is socket
  step(0x20, 0, 0, 16), step(0x15, 0, 1, 16),     # of the family AF_NETLINK
  step(0x06, 0, 0, 0x00050001),                   # EPERM
  step(0x06, 0, 0, 0x7fff0000),
])
text = ctypes.create_string_buffer(program, len(program))
class Program(ctypes.Structure):
  _fields_ = [('length', ctypes.c_ushort), ('steps', ctypes.c_void_p)]
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(6, ctypes.addressof(text))), 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
";

#[test]
fn where_the_kernel_does_not_tell_connections_are_estimated_and_the_log_says_so_once() {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    ward.write("app.js", APP);
    ward.write("ecosystem.config.js", TWO);
    let first = ward.command(&["ping"]);
    let env = first.get_envs();
    let env = env.filter_map(|(name, value)| Some((name, value?)));
    let started = Command::new("python3")
        .args(["-c", CONFINED])
        .arg(first.get_program())
        .args(first.get_args())
        .current_dir(ward.dir())
        .env_clear()
        .envs(env)
        .output()
        .unwrap();
    assert!(started.status.success(), "{started:?}");
    ward.run(&["start", "ecosystem.config.js"]).succeeds();
    is_spared(|| {
        let held = connect(port);
        (held.stream, held.pid.to_string())
    });
    ward.run(&["restart", "app"]).succeeds();
    assert!(counted(&ward).is_empty(), "nothing is known exactly");
    let log = ward.daemon_log();
    let said = log.matches("does not tell when connections end").count();
    assert_eq!(said, 1, "{log}");
}
