//! Heads of requests that come slowly: who looks into them, waits for them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::harness::{DEADLINE, Ward, free_port};

/// Answers with the number of the instance and what was sent.
const APP: &str = r"
require('http').createServer((request, response) => {
  let body = ''
  request.on('data', (chunk) => { body += chunk })
  request.on('end', () => response.end(process.env.NODE_APP_INSTANCE + ' ' + body))
}).listen(process.env.PORT)
";

fn start() -> (Ward, u16) {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    ward.write("app.js", APP);
    let file = "module.exports = { name: 'app', script: 'app.js', instances: 3, exec_mode: 'cluster', sched: 'sticky-header', cluster: { header: 'x-session' } }\n";
    ward.write("ecosystem.config.js", file);
    ward.run(&["start", "ecosystem.config.js"]).succeeds();
    (ward, port)
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.set_read_timeout(Some(DEADLINE)).expect("a limit");
    stream
}

/// The instance that answers a request with this line in its head.
fn served_by(port: u16, line: &str) -> String {
    let mut stream = connect(port);
    stream.write_all(request(line).as_bytes()).unwrap();
    answer(stream)
}

fn request(line: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{line}\r\nContent-Length: 4\r\n\r\nbody"
    )
}

/// The instance; the body has to be whole.
fn answer(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let words: Vec<&str> = body.split_ascii_whitespace().collect();
    let instance = words.iter().position(|word| *word == "body").unwrap() - 1;
    words[instance].to_owned()
}

/// One that speaks slowly holds nobody up, and is read to the end of its head; one that says
/// nothing and one that leaves harm nobody.
#[test]
fn a_head_in_pieces_is_waited_for_and_others_are_served() {
    let (_ward, port) = start();
    let line = "X-Session: slow".to_owned();
    let home = served_by(port, &line);
    let mut slow = connect(port);
    let request = request(&line);
    let (first, rest) = request.split_at(request.find("slow").unwrap() + 2);
    slow.write_all(first.as_bytes()).unwrap();
    let silent = connect(port);
    drop(connect(port));
    for _ in 0..6 {
        served_by(port, &line);
    }
    slow.write_all(rest.as_bytes()).unwrap();
    assert_eq!(answer(slow), home);
    // Who says nothing for two seconds is handed out all the same: Node closes it in its own time.
    let mut silent = silent;
    silent.write_all(request.as_bytes()).unwrap();
    assert_eq!(answer(silent), home);
}

#[test]
fn who_says_too_little_for_too_long_is_served_by_anybody() {
    let (_ward, port) = start();
    let mut slow = connect(port);
    // Node answers an unfinished head only when it has the connection.
    slow.write_all(b"GET / HTTP/1.1\r\nbroken header\r\n")
        .unwrap();
    let mut text = String::new();
    slow.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 400"), "{text}");
}
