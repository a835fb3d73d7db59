//! `sticky-header` and `sticky-cookie`: a session finds its worker by what its first request says.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::Signal;

use super::APP;
use super::client::{Load, Style};
use crate::harness::{Ward, free_port, kill, look_again_until, wait_at_rest, wait_gone};

/// Longer than a head is awaited.
const PATIENCE: Duration = Duration::from_secs(20);

fn start(sched: &str, cluster: &str) -> (Ward, u16) {
    start_app(APP, sched, cluster)
}

fn start_app(app: &str, sched: &str, cluster: &str) -> (Ward, u16) {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    ward.write("app.js", app);
    let file = format!(
        "module.exports = {{ name: 'app', script: 'app.js', instances: 3, exec_mode: 'cluster',
          sched: '{sched}', cluster: {cluster} }}\n"
    );
    ward.write("ecosystem.config.js", &file);
    ward.run(&["start", "ecosystem.config.js"]).succeeds();
    (ward, port)
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn own_port(stream: &TcpStream) -> u64 {
    stream.local_addr().unwrap().port().into()
}

/// The slot that answers on a connection that closes after its request.
fn slot_of(stream: TcpStream) -> String {
    answer(stream).0
}

/// The slot that answers, and its process.
fn answer(mut stream: TcpStream) -> (String, u32) {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let slot = body["instance"].as_str().unwrap().to_owned();
    let pid = body["pid"].as_u64().unwrap();
    (slot, u32::try_from(pid).unwrap())
}

fn head(lines: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}Connection: close\r\n\r\n")
}

fn ask(port: u16, lines: &str) -> String {
    ask_both(port, lines).0
}

fn ask_both(port: u16, lines: &str) -> (String, u32) {
    let mut stream = connect(port);
    stream.write_all(head(lines).as_bytes()).unwrap();
    answer(stream)
}

/// The slots of many sessions.
fn map(port: u16, line: impl Fn(usize) -> String) -> BTreeMap<usize, String> {
    let slot = |session| (session, ask(port, &line(session)));
    (0..24).map(slot).collect()
}

#[test]
fn a_cookie_leads_to_its_slot_over_reloads_and_crashes() {
    let (ward, port) = start("sticky-cookie", "{ cookie: 'sid' }");
    let line = |session| format!("cookie: theme=dark; sid=s{session}; sid=other\r\n");
    let before = map(port, line);
    let slots: BTreeSet<&String> = before.values().collect();
    assert_eq!(slots.len(), 3, "{before:?}");
    assert_eq!(map(port, line), before);
    let load = Load::start(port, &[(Style::Close, 2)]);
    ward.run(&["reload", "app"]).succeeds();
    load.serve_more(10);
    assert_eq!(load.finish().errors, Vec::<String>::new());
    assert_eq!(map(port, line), before);
    let (_, pid) = ask_both(port, &line(0));
    kill(pid, Signal::KILL);
    wait_gone(pid);
    // Others serve them until the slot has a new worker.
    let slot = || ask(port, &line(0));
    look_again_until("return to the slot", slot, |slot| *slot == before[&0]);
    assert_ne!(ask_both(port, &line(0)).1, pid);
    assert_eq!(map(port, line), before);
    // Who has no session yet takes turns.
    let fresh: BTreeSet<String> = (0..6).map(|_| ask(port, "cookie: a=b\r\n")).collect();
    assert_eq!(fresh.len(), 3);
}

#[test]
fn a_header_is_found_however_it_arrives() {
    let (_ward, port) = start("sticky-header", "{ header: 'X-Session' }");
    let line = |session| format!("x-sEssion: a{session}, b\r\n");
    let before = map(port, line);
    assert_eq!(map(port, line), before);
    for session in [0, 1] {
        let mut stream = connect(port);
        for byte in head(&line(session)).bytes() {
            stream.write_all(&[byte]).unwrap();
        }
        assert_eq!(slot_of(stream), before[&session]);
    }
}

#[test]
fn slow_clients_hold_up_nobody_and_are_served_in_the_end() {
    let app = APP.replace(
        "createServer(",
        "createServer().on('connection', CAME).on('request', ",
    );
    let came = "({ remotePort }) => process.send({ type: 'came', data: { remotePort } })";
    let app = app.replace("CAME", came);
    let (ward, port) = start_app(&app, "sticky-header", "{ header: 'x-session' }");
    let mut bus = ward.bus();
    // One more than may wait.
    let mut slow: Vec<TcpStream> = (0..513).map(|_| connect(port)).collect();
    for stream in &mut slow {
        stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    }
    // Some never speak and are gone again.
    drop((0..10).map(|_| connect(port)).collect::<Vec<_>>());
    let home = ask(port, "x-session: a\r\n");
    assert_eq!(ask(port, "x-session: a\r\n"), home);
    // It does not spin over the bytes that it leaves where they are.
    wait_at_rest(ward.daemons()[0]);
    // After the deadline a worker has them, so that the rest of the head comes too late to decide.
    let mut waiting: BTreeSet<u64> = slow.iter().map(own_port).collect();
    while !waiting.is_empty() {
        let event = bus.wait("a worker's connection", |event| event.topic == "came");
        waiting.remove(&event.payload["data"]["remotePort"].as_u64().unwrap());
    }
    // All of them: a worker that is slow just then is passed over, and may get none of a few.
    let slots: BTreeSet<String> = slow
        .into_iter()
        .map(|mut stream| {
            let rest = b"x-session: a\r\nConnection: close\r\nHost: a\r\n\r\n";
            stream.write_all(rest).unwrap();
            slot_of(stream)
        })
        .collect();
    assert_eq!(slots.len(), 3, "in turn");
}

#[test]
fn what_is_no_http_goes_by_its_address_and_the_log_says_so_once() {
    let (ward, port) = start("sticky-cookie", "{ cookie: 'sid' }");
    for _ in 0..3 {
        let mut stream = connect(port);
        stream.write_all(b"\x16\x03\x01\x00\x05hello").unwrap();
        let mut answer = Vec::new();
        // Node does not speak TLS here and says so in its way.
        stream.read_to_end(&mut answer).ok();
    }
    ask(port, "");
    let text = "stick by address";
    // A command does not wait for it to be written.
    let log = ward.daemon_log_when(|log| log.contains(text));
    assert_eq!(log.matches(text).count(), 1, "{log}");
}

#[test]
fn without_the_name_of_the_cookie_nothing_starts() {
    let ward = Ward::new();
    ward.write("app.js", APP);
    for (sched, key) in [("sticky-cookie", "cookie"), ("sticky-header", "header")] {
        let file = format!(
            "module.exports = {{ name: 'app', script: 'app.js', instances: 2, exec_mode: 'cluster', sched: '{sched}', cluster: {{ {key}: 'a b' }} }}\n"
        );
        ward.write("ecosystem.config.js", &file);
        ward.run(&["start", "ecosystem.config.js"])
            .fails()
            .complains(&format!("cluster: {{ {key}:"));
    }
}
