//! Workers finish what they have, with our agent inside and without it.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;

use rstest::rstest;

use crate::harness::{DEADLINE, Flag, Ward, free_port};

/// Two workers of this app, with more keys of their declaration.
pub(super) fn start(ward: &Ward, app: &str, more: &str) {
    ward.write("app.js", app);
    let file = format!(
        "module.exports = {{ name: 'app', script: 'app.js', instances: 2, exec_mode: 'cluster', {more} }}\n"
    );
    ward.write("ecosystem.config.js", &file);
    ward.run(&["start", "ecosystem.config.js"]).succeeds();
}

/// A worker is given longer than a test waits for a command.
pub(super) const ENDLESS: &str = "drain_timeout: 600000, kill_timeout: 600000";

/// A home whose apps know their port.
pub(super) fn home() -> (Ward, u16) {
    let port = free_port();
    (Ward::new().with_env("PORT", &port.to_string()), port)
}

/// A connection the server has greeted.
fn greeted<S: Read>(mut client: S) -> S {
    client.read_exact(&mut [0]).unwrap();
    client
}

/// Says something, reads to the end and closes; what it read.
fn finish(mut client: impl Read + Write, word: &str) -> String {
    client.write_all(word.as_bytes()).unwrap();
    let mut text = String::new();
    // Cut by a reset: nothing was read.
    client.read_to_string(&mut text).ok();
    text
}

/// Reloads the app; meanwhile, when all its workers are being drained, clients act.
pub(super) fn reload_while<T>(ward: &Ward, replaced: usize, act: impl FnOnce() -> T) -> T {
    std::thread::scope(|scope| {
        let reload = scope.spawn(|| ward.run(&["reload", "app"]).succeeds());
        wait_lines(ward, "New worker listening", replaced);
        let done = act();
        reload.join().unwrap();
        done
    })
}

/// Waits for so many lines with this text in the daemon's log; what follows the text in each.
fn wait_lines(ward: &Ward, text: &str, count: usize) -> Vec<String> {
    let log = ward.daemon_log_when(|log| log.matches(text).count() >= count);
    let found = log.lines().filter_map(|line| line.split_once(text));
    found.map(|(_, rest)| rest.to_owned()).collect()
}

/// What the daemon said about the connections of the workers that were replaced, so many of them.
/// The end of a reload does not wait for it.
pub(super) fn tallies(ward: &Ward, count: usize) -> Vec<String> {
    wait_lines(ward, "finished its connections: ", count)
}

/// How many connections were cut, ascending.
pub(super) fn cut(tallies: &[String]) -> Vec<u32> {
    let words = tallies.iter().map(|it| it.rsplit(' ').nth(1).unwrap());
    let mut counts: Vec<u32> = words.map(|count| count.parse().unwrap()).collect();
    counts.sort_unstable();
    counts
}

/// Greets; whoever says `x` gets an answer and an end, others get nothing.
const GREETING: &str = "
require('net').createServer((socket) => {
  socket.on('error', () => {})
  socket.write('a')
  socket.on('data', (data) => data == 'x' && socket.end('b'))
}).listen(process.env.PORT)
";

#[test]
fn connections_on_unix_sockets_are_waited_for() {
    for more in [
        "sched: 'rr', agent: false",
        "sched: 'shared', agent: false",
        "sched: 'rr'",
    ] {
        let ward = Ward::new();
        let path = ward.dir().join("app.sock");
        let ward = ward.with_env("PORT", path.to_str().unwrap());
        start(&ward, GREETING, &format!("{more}, parallel: 2"));
        let clients: Vec<UnixStream> = (0..6)
            .map(|_| {
                let client = UnixStream::connect(&path).unwrap();
                client.set_read_timeout(Some(DEADLINE)).unwrap();
                greeted(client)
            })
            .collect();
        reload_while(&ward, 2, || {
            for client in clients {
                assert_eq!(finish(client, "x"), "b", "{more}");
            }
        });
        let told = tallies(&ward, 2);
        assert_eq!(cut(&told), [0, 0], "{more}: {told:?}");
    }
}

#[rstest]
fn raw_connections_are_finished_and_those_that_do_not_end_are_cut(
    #[values(true, false)] agent: bool,
    #[values("rr", "shared")] sched: &str,
) {
    let (ward, port) = home();
    let more = format!("sched: '{sched}', agent: {agent}, parallel: 2");
    let connect = || {
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        client.set_read_timeout(Some(DEADLINE)).unwrap();
        greeted(client)
    };
    start(&ward, GREETING, &format!("{more}, {ENDLESS}"));
    let clients: Vec<TcpStream> = (0..6).map(|_| connect()).collect();
    reload_while(&ward, 2, || {
        for client in clients {
            assert_eq!(finish(client, "x"), "b", "{more}");
        }
    });
    let told = tallies(&ward, 2);
    assert_eq!(cut(&told), [0, 0], "{more}: {told:?}");
    ward.run(&["delete", "app"]).succeeds();
    start(&ward, GREETING, &format!("{more}, drain_timeout: 500"));
    let endless = connect();
    reload_while(&ward, 4, || assert_eq!(finish(endless, "y"), "", "{more}"));
    let told = tallies(&ward, 4);
    assert_eq!(cut(&told[2..]), [0, 1], "{more}: {told:?}");
}

/// Answers each datagram a moment later.
const LATE: &str = "
const socket = require('dgram').createSocket('udp4')
socket.on('message', (text, from) => {
  setTimeout(() => socket.send(text, from.port, from.address), 5)
})
socket.bind(process.env.PORT, '127.0.0.1')
";

/// Answers each datagram at once. Without the agent, the signal would end the process between
/// reading and answering.
const MINDFUL: &str = "
const socket = require('dgram').createSocket('udp4')
socket.on('message', (text, from) => socket.send(text, from.port, from.address))
socket.bind(process.env.PORT, '127.0.0.1')
process.on('SIGINT', () => socket.close(() => process.exit()))
";

#[rstest]
#[case::with_agent("agent: true", LATE)]
#[case::without_agent("agent: false", MINDFUL)]
fn datagrams_are_answered_through_reloads(#[case] agent: &str, #[case] app: &str) {
    let (ward, port) = home();
    start(&ward, app, &format!("{agent}, {ENDLESS}"));
    let stop = Flag::default();
    let outcomes: Vec<(i32, i32)> = std::thread::scope(|scope| {
        let ask = |client| datagrams(port, client, &stop);
        let clients: Vec<_> = (0..4)
            .map(|client| scope.spawn(move || ask(client)))
            .collect();
        for _ in 0..10 {
            // Nobody waits for the time that a worker would be given: that ends behind the test.
            ward.run(&["reload", "app"]).succeeds();
        }
        stop.raise();
        clients.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let served: i32 = outcomes.iter().map(|(served, _)| served).sum();
    let lost: i32 = outcomes.iter().map(|(_, lost)| lost).sum();
    assert!(served > 100, "{outcomes:?}");
    assert_eq!(lost, 0, "{agent}, of {served}");
}

/// Asks one question after the other; how many were answered, and how many were not.
fn datagrams(port: u16, client: u32, stop: &Flag) -> (i32, i32) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let (mut served, mut lost) = (0, 0);
    while !stop.is_raised() {
        let word = format!("{client} {served}");
        let address = ("127.0.0.1", port);
        socket.send_to(word.as_bytes(), address).unwrap();
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
}
