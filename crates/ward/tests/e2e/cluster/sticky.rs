//! Connections that belong together by a header or a cookie.

use std::collections::{BTreeMap, BTreeSet};
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

fn start(sched: &str, name: &str) -> (Ward, u16) {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    ward.write("app.js", APP);
    let file = format!(
        "module.exports = {{ name: 'app', script: 'app.js', instances: 3, exec_mode: 'cluster', sched: '{sched}', cluster: {{ sticky: '{name}' }} }}\n"
    );
    ward.write("ecosystem.config.js", &file);
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

/// Which instance each of these lines leads to; the same one each time.
fn homes(port: u16, lines: &[String]) -> BTreeMap<String, String> {
    let mut homes = BTreeMap::new();
    for round in 0..3 {
        for line in lines {
            let home = served_by(port, line);
            let before = homes.insert(line.clone(), home.clone());
            assert!(
                round == 0 || before == Some(home),
                "{line} moved: {homes:?}"
            );
        }
    }
    homes
}

fn survive_a_reload(ward: &Ward, port: u16, lines: &[String]) {
    let before = homes(port, lines);
    let used: BTreeSet<&String> = before.values().collect();
    assert_eq!(used.len(), 3, "20 sessions use all instances: {before:?}");
    ward.run(&["reload", "app"]).succeeds();
    assert_eq!(homes(port, lines), before);
}

#[test]
fn a_header_leads_to_the_same_instance_also_after_a_reload() {
    let (ward, port) = start("sticky-header", "X-Session");
    let lines: Vec<String> = (0..20).map(|n| format!("x-session: user-{n}")).collect();
    survive_a_reload(&ward, port, &lines);
}

#[test]
fn a_cookie_leads_to_the_same_instance_and_new_sessions_take_turns() {
    let (ward, port) = start("sticky-cookie", "sid");
    let lines: Vec<String> = (0..20)
        .map(|n| format!("Cookie: theme=dark; sid=s{n}; lang=en"))
        .collect();
    survive_a_reload(&ward, port, &lines);
    let mut fresh: Vec<String> = (0..3).map(|_| served_by(port, "Accept: */*")).collect();
    fresh.sort();
    assert_eq!(fresh, ["0", "1", "2"]);
}

/// One that speaks slowly holds nobody up, and is read to the end of its head; one that says
/// nothing and one that leaves harm nobody.
#[test]
fn a_head_in_pieces_is_waited_for_and_others_are_served() {
    let (_ward, port) = start("sticky-header", "x-session");
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
    let (_ward, port) = start("sticky-header", "x-session");
    let mut slow = connect(port);
    // Node answers an unfinished head only when it has the connection.
    slow.write_all(b"GET / HTTP/1.1\r\nbroken header\r\n")
        .unwrap();
    let mut text = String::new();
    slow.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 400"), "{text}");
}

#[test]
fn what_is_no_http_sticks_by_address_and_that_is_said_once() {
    let (ward, port) = start("sticky-cookie", "sid");
    let mut bus = ward.bus();
    for _ in 0..2 {
        let mut stream = connect(port);
        stream.write_all(b"\x16\x03\x01\x00\x05hello").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok();
    }
    bus.wait("that it is no HTTP", |event| {
        event.topic == "log:PM2" && event.payload.to_string().contains("stick by address")
    });
    served_by(port, "Cookie: sid=1");
    assert_eq!(ward.daemon_log().matches("stick by address").count(), 1);
}

#[test]
fn a_sched_that_needs_a_name_says_so() {
    let ward = Ward::new();
    ward.write("app.js", APP);
    let file = "module.exports = { name: 'app', script: 'app.js', instances: 2, exec_mode: 'cluster', sched: 'sticky-cookie' }\n";
    ward.write("ecosystem.config.js", file);
    ward.run(&["start", "ecosystem.config.js"])
        .fails()
        .complains("cluster: { sticky:");
}
