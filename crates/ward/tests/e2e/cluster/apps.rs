//! Real frameworks from npm, unchanged: they are spread over the workers and survive a reload.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Instant;

use super::client::{Load, Style, get};
use crate::harness::{DEADLINE, Ward, free_port, npm};

/// A home in whose apps `require` finds this package.
fn with_package(package: &str) -> (Ward, u16) {
    let port = free_port();
    let modules = npm(package);
    let ward = Ward::new()
        .with_env("PORT", &port.to_string())
        .with_env("NODE_PATH", modules.to_str().unwrap());
    (ward, port)
}

/// Starts the app in two workers; both answer with their id and their being the main module, and a
/// reload under load costs nothing.
fn serves(package: &str, app: &str) {
    let (ward, port) = with_package(package);
    ward.write("app.js", app);
    ward.run(&["start", "app.js", "-i", "2"]).succeeds();
    // `start` waits a moment for workers to listen, but not as long as a large framework needs.
    let until = Instant::now() + DEADLINE;
    let mut workers = BTreeSet::new();
    while workers.len() < 2 {
        let answer = get(port);
        assert!(answer.ends_with("main"), "{package}: {answer}");
        workers.insert(answer);
        assert!(Instant::now() < until, "{package}: {workers:?}");
    }
    let load = Load::start(
        port,
        &[
            (Style::Close, 2),
            (Style::KeepAlive(std::time::Duration::from_millis(5)), 2),
        ],
    );
    ward.run(&["reload", "app"]).succeeds();
    load.serve_more(10);
    let outcome = load.finish();
    assert_eq!(outcome.errors, Vec::<String>::new(), "{package}");
    assert!(!workers.contains(&get(port)), "{package} was replaced");
}

const ANSWER: &str = "
const cluster = require('cluster')
const answer = cluster.worker.id + (require.main === module ? ' main' : ' wrapped')
";

#[test]
fn express() {
    let app = "
require('express')().get('/', (request, response) => response.send(answer)).listen(process.env.PORT)
";
    serves("express@5", &format!("{ANSWER}{app}"));
}

#[test]
fn fastify() {
    let app = "
const app = require('fastify')()
app.get('/', async () => answer)
app.listen({ port: Number(process.env.PORT) })
";
    serves("fastify@5", &format!("{ANSWER}{app}"));
}

#[test]
fn koa() {
    let app = "
const Koa = require('koa')
new Koa().use((context) => { context.body = answer }).listen(process.env.PORT)
";
    serves("koa@3", &format!("{ANSWER}{app}"));
}

#[test]
fn socket_io_polls_the_same_worker_under_sticky_ip() {
    let (ward, port) = with_package("socket.io@4");
    let modules = npm("socket.io-client@4");
    ward.write(
        "app.js",
        "
const server = require('http').createServer()
require('socket.io')(server).on('connection', (socket) => {
  socket.on('ask', (answer) => answer(process.pid))
})
server.listen(process.env.PORT)
",
    );
    let file = "module.exports = { name: 'app', script: 'app.js', instances: 2, exec_mode: 'cluster', sched: 'sticky-ip' }\n";
    ward.write("ecosystem.config.js", file);
    ward.run(&["start", "ecosystem.config.js"]).succeeds();
    let client = ward.write(
        "client.js",
        "
const { io } = require('socket.io-client')
const socket = io('http://127.0.0.1:' + process.env.PORT, { transports: ['polling'], reconnection: false })
const fail = (error) => { console.log('failed ' + error.message); process.exit(1) }
socket.on('connect_error', fail)
socket.on('disconnect', (reason) => fail(new Error(reason)))
const pids = new Set()
const ask = (left) => left
  ? socket.emit('ask', (pid) => { pids.add(pid); ask(left - 1) })
  : (console.log([...pids].length), process.exit())
ask(10)
",
    );
    let output = Command::new("node")
        .arg(client)
        .env("PORT", port.to_string())
        .env("NODE_PATH", modules)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "1");
}

#[test]
fn web_sockets_are_handed_over_whole() {
    let (ward, port) = with_package("ws@8");
    ward.write(
        "app.js",
        "
const { WebSocketServer } = require('ws')
new WebSocketServer({ port: process.env.PORT }).on('connection', (socket) => {
  socket.on('message', (text) => socket.send(process.pid + ' ' + text))
})
",
    );
    ward.run(&["start", "app.js", "-i", "2"]).succeeds();
    let client = ward.write(
        "client.js",
        "
const WebSocket = require('ws')
const pids = new Set()
let left = 4
for (let i = 0; i < 4; i++) {
  const socket = new WebSocket('ws://127.0.0.1:' + process.env.PORT)
  socket.on('open', () => socket.send('hello'))
  socket.on('message', (text) => {
    pids.add(String(text).split(' ')[0])
    socket.close()
    if (--left === 0) console.log(pids.size)
  })
}
",
    );
    let output = Command::new("node")
        .arg(client)
        .env("PORT", port.to_string())
        .env("NODE_PATH", npm("ws@8"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "2");
}
