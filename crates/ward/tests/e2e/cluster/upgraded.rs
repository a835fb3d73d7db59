//! Connections that stopped being HTTP, such as `WebSocket`s, at a reload: nobody can tell their
//! client to come back, so they may go on until the app's `drain_timeout`, and are counted as cut.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rstest::rstest;

use super::drain::{ENDLESS, cut, home, reload_while, start, tallies};
use crate::harness::DEADLINE;

/// Echoes what comes behind the upgrade.
const APP: &str = r"
const server = require('http').createServer((request, response) => response.end('plain'))
server.on('upgrade', (request, socket) => {
  socket.on('error', () => {})
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
  socket.pipe(socket)
})
server.listen(process.env.PORT)
";

/// A connection behind its upgrade.
fn upgraded(port: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let request =
        "GET / HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101"));
    stream
}

fn echoes(stream: &mut TcpStream) -> bool {
    let mut word = [0; 4];
    stream.write_all(b"word").is_ok() && stream.read_exact(&mut word).is_ok() && &word == b"word"
}

/// What ends a connection. A machine that was put to sleep interrupts a read that has a time limit
/// (signal(7)), and ends nothing by it.
fn end_of(stream: &mut TcpStream) -> io::Result<usize> {
    loop {
        match stream.read(&mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            end => return end,
        }
    }
}

#[rstest]
fn they_go_on_until_the_drain_timeout_and_are_counted(
    #[values(true, false)] agent: bool,
    #[values("rr", "shared")] sched: &str,
) {
    let more = format!("sched: '{sched}', agent: {agent}, parallel: 2");
    let (ward, port) = home();
    start(&ward, APP, &format!("{more}, {ENDLESS}"));
    let mut leaving: Vec<TcpStream> = (0..3).map(|_| upgraded(port)).collect();
    reload_while(&ward, 2, || {
        assert!(leaving.iter_mut().all(echoes), "{more}: they still work");
        leaving.clear();
    });
    let told = tallies(&ward, 2);
    assert_eq!(cut(&told), [0, 0], "{more}: {told:?}");
    ward.run(&["delete", "app"]).succeeds();
    start(&ward, APP, &format!("{more}, drain_timeout: 2000"));
    let mut staying = upgraded(port);
    // Its worker may be told to finish long before the other one's successor listens.
    let before = Instant::now();
    let took = reload_while(&ward, 4, || {
        // It ends without being asked.
        assert!(!matches!(end_of(&mut staying), Ok(1..)), "{more}");
        before.elapsed()
    });
    assert!(took >= Duration::from_secs(2), "{more}: cut after {took:?}");
    let told = tallies(&ward, 4);
    assert_eq!(cut(&told[2..]), [0, 1], "{more}: {told:?}");
}
