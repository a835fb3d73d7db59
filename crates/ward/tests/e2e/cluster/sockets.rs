//! Sockets other than a TCP port, where files and schedules meet them.

use std::fs;
use std::os::unix::net::UnixStream;

use crate::harness::{Ward, text_when};

/// Listens on the path in `SOCK`; says in a file of its own what came of it.
const APP: &str = r"
const fs = require('fs'), id = process.env.NODE_APP_INSTANCE
const said = (text) => fs.writeFileSync('said-' + id, text)
const server = require('net').createServer((socket) => socket.end('hello\n'))
server.on('error', (error) => said(error.code))
server.listen(process.env.SOCK, () => said('listening'))
setInterval(() => {}, 1000)
";

/// A home with workers that were told of their socket.
fn start(sched: &str, workers: u32, prepare: impl FnOnce(&Ward)) -> (Ward, Vec<String>) {
    // What came of it is in files; some never listen.
    let ward = Ward::where_nobody_listens();
    let path = ward.dir().join("app.sock");
    let ward = ward.with_env("SOCK", path.to_str().unwrap());
    prepare(&ward);
    ward.write("app.js", APP);
    let file = format!(
        "module.exports = {{ name: 'app', script: 'app.js', instances: {workers}, exec_mode: 'cluster', sched: '{sched}' }}"
    );
    ward.write("ecosystem.config.js", &file);
    ward.run(&["start", "ecosystem.config.js"]).succeeds();
    let said = (0..workers).map(|id| said(&ward, id)).collect();
    (ward, said)
}

/// What a worker wrote into its file.
fn said(ward: &Ward, id: u32) -> String {
    let file = ward.dir().join(format!("said-{id}"));
    text_when(&file, |text| !text.is_empty())
}

/// A path with somebody's data is in use, as in Node; the data stays.
#[test]
fn a_file_in_the_way_of_a_socket_is_left_alone() {
    let (ward, said) = start("rr", 1, |ward| {
        ward.write("app.sock", "data");
    });
    assert_eq!(said, ["EADDRINUSE"]);
    ward.run(&["delete", "app"]).succeeds();
    let left = fs::read_to_string(ward.dir().join("app.sock")).unwrap();
    assert_eq!(left, "data");
}

/// What a killed daemon left behind is no obstacle.
#[test]
fn a_deserted_socket_is_replaced() {
    let (ward, said) = start("rr", 1, |ward| {
        drop(std::os::unix::net::UnixListener::bind(ward.dir().join("app.sock")).unwrap());
    });
    assert_eq!(said, ["listening"]);
    assert!(UnixStream::connect(ward.dir().join("app.sock")).is_ok());
}

/// Somebody puts a file of his own where the socket was: it is not ours to remove.
#[test]
fn a_file_put_in_the_place_of_a_socket_stays() {
    let (ward, said) = start("rr", 1, |_| {});
    assert_eq!(said, ["listening"]);
    let path = ward.dir().join("app.sock");
    fs::remove_file(&path).unwrap();
    fs::write(&path, "data").unwrap();
    ward.run(&["delete", "app"]).succeeds();
    ward.run(&["kill"]).succeeds();
    assert_eq!(fs::read_to_string(&path).unwrap(), "data");
}

/// The kernel spreads TCP connections only: a path is shared by all slots.
#[test]
fn all_slots_share_a_path() {
    let (_ward, said) = start("slot", 2, |_| {});
    assert_eq!(said, ["listening", "listening"]);
}
