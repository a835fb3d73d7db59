//! The examples of the README run.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use crate::harness::{Ward, free_port};

fn examples() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples")
        .canonicalize()
        .unwrap()
}

/// All but the web server, whose port may be taken here.
#[test]
fn the_declared_examples_run() {
    let ward = Ward::new();
    let file = examples().join("ecosystem.config.js");
    let words = [
        "start",
        file.to_str().unwrap(),
        "--only",
        "worker,loop,sleeper",
    ];
    ward.run(&words).succeeds().prints("launched");
    let list = ward.list();
    assert_eq!(list.len(), 3);
    assert!(list.iter().all(|app| app["pm2_env"]["status"] == "online"));
}

#[test]
fn the_web_server_answers_and_comes_back() {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    let script = examples().join("http.js");
    let words = [
        "start",
        script.to_str().unwrap(),
        "--name",
        "web",
        "--wait-ready",
        "--listen-timeout",
        "60000",
    ];
    ward.run(&words).succeeds();
    assert!(get(port).contains("hello"), "it answers");
    let mut bus = ward.bus();
    crate::harness::kill(ward.pid("web"), rustix::process::Signal::KILL);
    bus.wait("its return", |event| event.is_process("online"));
    assert!(get(port).contains("hello"), "its successor answers");
    ward.run(&["stop", "web"]).succeeds();
    assert_eq!(
        ward.app("web")["pm2_env"]["exit_code"],
        0,
        "it closes politely"
    );
}

fn get(port: u16) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .write_all(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}
