//! Workers finish what they have, with our agent inside and without it.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::APP;
use super::client::{Load, Style};
use crate::harness::{DEADLINE, Ward, free_port};

/// Two workers of this app, with more keys of their declaration.
fn start(ward: &Ward, app: &str, more: &str) {
    ward.write("app.js", app);
    let file = format!(
        "module.exports = {{ name: 'app', script: 'app.js', instances: 2, exec_mode: 'cluster', {more} }}\n"
    );
    ward.write("ecosystem.config.js", &file);
    ward.run(&["start", "ecosystem.config.js"]).succeeds();
}

/// A home whose apps know their port.
fn home() -> (Ward, u16) {
    let port = free_port();
    (Ward::new().with_env("PORT", &port.to_string()), port)
}

/// Reloads twenty times while clients open a connection for each request.
fn survives(more: &str) {
    let (ward, port) = home();
    start(&ward, APP, more);
    let load = Load::start(port, &[(Style::Close, 4)]);
    for _ in 0..20 {
        let began = Instant::now();
        ward.run(&["reload", "app"]).succeeds();
        // Nobody waits for the time that a worker would be given.
        assert!(began.elapsed() < Duration::from_secs(15), "{more}");
        load.serve_more(8);
    }
    let outcome = load.finish();
    assert_eq!(
        outcome.errors,
        Vec::<String>::new(),
        "{more}: of {}",
        outcome.served
    );
}

#[test]
fn a_shared_socket_with_agent() {
    survives("sched: 'shared'");
}

#[test]
fn a_shared_socket_without_agent() {
    survives("sched: 'shared', agent: false");
}

#[test]
fn a_socket_per_slot_with_agent() {
    survives("sched: 'slot'");
}

#[test]
fn a_socket_per_slot_without_agent() {
    survives("sched: 'slot', agent: false");
}

#[test]
fn turns_without_agent() {
    survives("sched: 'rr', agent: false");
}

/// What the daemon said about the connections of workers that were replaced.
fn tallies(ward: &Ward) -> Vec<String> {
    let log = ward.daemon_log();
    let said = log.lines().filter_map(|line| {
        let (_, tally) = line.split_once("finished its connections: ")?;
        Some(tally.to_owned())
    });
    said.collect()
}

#[test]
fn connections_on_unix_sockets_are_waited_for() {
    for more in [
        "sched: 'rr', agent: false",
        "sched: 'shared', agent: false",
        "sched: 'rr'",
    ] {
        let ward = Ward::new();
        let path = ward.dir().join("app.sock");
        let ward = ward.with_env("SOCK", path.to_str().unwrap());
        // Answers late, and says when it has begun.
        let app = "
require('net').createServer((socket) => {
  socket.write('a')
  socket.once('data', () => setTimeout(() => socket.end('b'), 1000))
}).listen(process.env.SOCK)
";
        start(&ward, app, more);
        let mut clients: Vec<UnixStream> = Vec::new();
        for _ in 0..6 {
            let mut client = UnixStream::connect(&path).unwrap();
            client.set_read_timeout(Some(DEADLINE)).unwrap();
            client.read_exact(&mut [0]).unwrap();
            client.write_all(b"x").unwrap();
            clients.push(client);
        }
        ward.run(&["reload", "app"]).succeeds();
        for mut client in clients {
            let mut text = String::new();
            client.read_to_string(&mut text).unwrap();
            assert_eq!(text, "b", "{more}");
        }
        let told = tallies(&ward);
        assert_eq!(told.len(), 2, "{more}: {told:?}");
        let mut drained = 0;
        for tally in &told {
            assert!(tally.ends_with(" 0 cut"), "{more}: {tally}");
            let first = tally.split(' ').next().unwrap();
            drained += first.parse::<usize>().unwrap();
        }
        assert_eq!(drained, 6, "{more}: {told:?}");
    }
}

#[test]
fn raw_connections_are_finished_and_those_that_do_not_end_are_cut() {
    for agent in [true, false] {
        for sched in ["rr", "shared"] {
            let (ward, port) = home();
            let app = "
require('net').createServer((socket) => {
  socket.on('error', () => {})
  socket.write('a')
  socket.on('data', (data) => setTimeout(() => data == 'x' && socket.end('b'), 500))
}).listen(process.env.PORT)
";
            let more = format!("sched: '{sched}', agent: {agent}, drain_timeout: 2000");
            start(&ward, app, &more);
            let connect = |word: &[u8]| {
                let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
                client.set_read_timeout(Some(DEADLINE)).unwrap();
                client.read_exact(&mut [0]).unwrap();
                client.write_all(word).unwrap();
                client
            };
            let ending: Vec<TcpStream> = (0..6).map(|_| connect(b"x")).collect();
            ward.run(&["reload", "app"]).succeeds();
            for mut client in ending {
                let mut text = String::new();
                client.read_to_string(&mut text).unwrap();
                assert_eq!(text, "b", "{more}");
            }
            let mut endless = connect(b"y");
            let began = Instant::now();
            ward.run(&["reload", "app"]).succeeds();
            assert!(began.elapsed() >= Duration::from_secs(2), "{more}");
            endless.read_to_end(&mut Vec::new()).ok();
            let cut = tallies(&ward)
                .iter()
                .filter(|tally| tally.ends_with(" 1 cut"))
                .count();
            assert_eq!(cut, 1, "{more}: {:?}", tallies(&ward));
        }
    }
}

#[test]
fn datagrams_are_answered_through_reloads() {
    for agent in [true, false] {
        let (ward, port) = home();
        let app = "
const socket = require('dgram').createSocket('udp4')
socket.on('message', (text, from) => socket.send(text, from.port, from.address))
socket.bind(process.env.PORT, '127.0.0.1')
";
        start(&ward, app, &format!("agent: {agent}"));
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..4_u32)
            .map(|client| {
                let stop = Arc::clone(&stop);
                std::thread::spawn(move || {
                    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                    socket
                        .set_read_timeout(Some(Duration::from_secs(5)))
                        .unwrap();
                    let (mut served, mut lost) = (0, 0);
                    while !stop.load(Ordering::SeqCst) {
                        let word = format!("{client} {served}");
                        socket
                            .send_to(word.as_bytes(), ("127.0.0.1", port))
                            .unwrap();
                        let mut buffer = [0; 64];
                        match socket.recv_from(&mut buffer) {
                            Ok((count, _)) => {
                                assert_eq!(&buffer[..count], word.as_bytes());
                                served += 1;
                            }
                            Err(_) => lost += 1,
                        }
                    }
                    (served, lost)
                })
            })
            .collect();
        for _ in 0..10 {
            let began = Instant::now();
            ward.run(&["reload", "app"]).succeeds();
            assert!(began.elapsed() < Duration::from_secs(6), "agent: {agent}");
        }
        stop.store(true, Ordering::SeqCst);
        let outcomes: Vec<(i32, i32)> = clients.into_iter().map(|it| it.join().unwrap()).collect();
        let lost: i32 = outcomes.iter().map(|(_, lost)| lost).sum();
        let served: i32 = outcomes.iter().map(|(served, _)| served).sum();
        assert!(served > 100, "{outcomes:?}");
        assert_eq!(lost, 0, "agent: {agent}, of {served}");
    }
}
