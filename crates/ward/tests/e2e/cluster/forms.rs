//! All the ways to listen.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::APP;
use super::client::try_get;
use crate::harness::{DEADLINE, Ward, free_port};

#[test]
fn a_port_in_use_is_an_error_of_the_app_and_the_log_names_the_stranger() {
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = stranger.local_addr().unwrap().port();
    let ward = Ward::where_nobody_listens();
    let app = "
require('http').createServer().on('error', (error) => {
  console.log('got', error.code, error.syscall)
  setInterval(() => {}, 1000)
}).listen(PORT, '127.0.0.1')
";
    ward.write("app.js", &app.replace("PORT", &port.to_string()));
    ward.run(&["start", "app.js", "-i", "1"]).succeeds();
    let me = format!("process {} has it", std::process::id());
    let log = ward.daemon_log_when(|log| log.contains(&me));
    assert!(log.contains(&format!("127.0.0.1:{port}")), "{log}");
}

#[test]
fn unix_sockets_are_shared_and_removed_in_the_end() {
    let ward = Ward::new();
    let path = ward.dir().join("app.sock");
    let app = "
require('net').createServer((socket) => socket.end(String(process.pid))).listen(process.env.SOCK)
";
    let ward = ward.with_env("SOCK", path.to_str().unwrap());
    ward.write("app.js", app);
    ward.run(&["start", "app.js", "-i", "2"]).succeeds();
    let ask = || {
        let mut text = String::new();
        UnixStream::connect(&path)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text
    };
    let pids: BTreeSet<String> = (0..4).map(|_| ask()).collect();
    assert_eq!(pids.len(), 2);
    ward.run(&["reload", "app"]).succeeds();
    assert!(!pids.contains(&ask()));
    ward.run(&["stop", "app"]).succeeds();
    assert!(!path.exists());
    // What a killed daemon leaves behind is in nobody's way.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    ward.run(&["start", "app"]).succeeds();
    ask();
}

#[test]
fn port_zero_is_one_port_for_all_workers() {
    let ward = Ward::new();
    let app = "
const server = require('http').createServer((request, response) => {
  const body = String(process.pid)
  response.setHeader('Content-Length', body.length)
  response.end(body)
}).listen({ port: 0 }, () => process.send({ type: 'bound', data: { port: server.address().port } }))
";
    ward.write("app.js", app);
    let mut bus = ward.bus();
    ward.run(&["start", "app.js", "-i", "2"]).succeeds();
    let mut port = || {
        let event = bus.wait("a port", |event| event.topic == "bound");
        u16::try_from(event.payload["data"]["port"].as_u64().unwrap()).unwrap()
    };
    let (first, second) = (port(), port());
    assert_eq!(first, second);
    let pids: BTreeSet<String> = (0..4).map(|_| try_get(first).unwrap()).collect();
    assert_eq!(pids.len(), 2);
}

#[test]
fn udp_sockets_are_shared() {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    let app = "
const socket = require('dgram').createSocket('udp4')
socket.on('message', (text, from) => socket.send('got ' + text, from.port, from.address))
socket.bind(process.env.PORT, '127.0.0.1')
";
    ward.write("app.js", app);
    ward.run(&["start", "app.js", "-i", "2"]).succeeds();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    for _ in 0..5 {
        socket.send_to(b"it", ("127.0.0.1", port)).unwrap();
        let mut buffer = [0; 64];
        let (count, _) = socket.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..count], b"got it");
    }
}

#[test]
fn a_server_can_be_closed_and_opened_again() {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    let app = "
const make = () => require('http').createServer((request, response) => {
  response.setHeader('Content-Length', 2)
  response.end('ok')
})
const first = make().listen(process.env.PORT, () => first.close(() => {
  make().listen(process.env.PORT, () => process.send({ type: 'again', data: { done: true } }))
}))
";
    ward.write("app.js", app);
    let mut bus = ward.bus();
    ward.run(&["start", "app.js", "-i", "1"]).succeeds();
    bus.wait("the second server", |event| event.topic == "again");
    assert_eq!(try_get(port).unwrap(), "ok");
}

#[test]
fn a_raw_server_gets_whole_connections() {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    ward.write(
        "app.js",
        "require('net').createServer((socket) => socket.pipe(socket)).listen(process.env.PORT)\n",
    );
    ward.run(&["start", "app.js", "-i", "2"]).succeeds();
    for size in [1, 100_000, 1_000_000] {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let sent = vec![b'x'; size];
        let mut writer = stream.try_clone().unwrap();
        let bytes = sent.clone();
        let sender = std::thread::spawn(move || {
            writer.write_all(&bytes).unwrap();
            writer.shutdown(std::net::Shutdown::Write).unwrap();
        });
        let mut received = Vec::new();
        stream.read_to_end(&mut received).unwrap();
        sender.join().unwrap();
        assert_eq!(received.len(), size);
    }
}

#[test]
fn a_server_at_its_limit_lets_clients_wait() {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    let app = "
const server = require('net').createServer((socket) => socket.write(process.hrtime.bigint() + '\\n'))
server.maxConnections = 1
server.listen(process.env.PORT)
";
    ward.write("app.js", app);
    ward.run(&["start", "app.js", "-i", "2"]).succeeds();
    let connect = || {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    };
    let served_at = |stream: &TcpStream| -> u64 {
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line.trim().parse().unwrap()
    };
    let (first, second) = (connect(), connect());
    served_at(&first);
    served_at(&second);
    let third = connect();
    // One more round through the daemon, in which it could have been served.
    ward.run(&["describe", "app"]).succeeds();
    let full = clock_gettime(ClockId::Monotonic);
    let full = Duration::try_from(full).unwrap().as_nanos();
    drop(first);
    let since = u128::from(served_at(&third));
    assert!(since > full, "served at {since}, while both are full");
}

#[test]
fn descriptors_of_the_worker_can_be_listened_on() {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    // The interpreter is a program that listens and becomes node with the socket as descriptor 9.
    let node = ward.write(
        "node",
        "#!/usr/bin/env python3
import os, socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('127.0.0.1', int(os.environ['PORT'])))
s.listen()
os.dup2(s.fileno(), 9, inheritable=True)
os.execvp('node', ['node'] + sys.argv[1:])
",
    );
    std::fs::set_permissions(&node, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    ward.write(
        "app.js",
        &APP.replace("listen(process.env.PORT)", "listen({ fd: 9 })"),
    );
    let interpreter = node.to_str().unwrap();
    ward.run(&["start", "app.js", "-i", "1", "--interpreter", interpreter])
        .succeeds();
    let answer = try_get(port).unwrap();
    assert!(answer.contains("\"isWorker\":true"), "{answer}");
}
