//! HTTP/2: every stream that was put on the wire is answered, whatever good-bye it crosses.

use std::sync::Arc;
use std::thread::JoinHandle;

use super::frames::{ALL, Event, Session};
use super::{reload, rounds, start};
use crate::harness::{Counter, Flag, Ward};

pub(super) const SERVER: &str = r"
const server = require('http2').createServer()
server.on('stream', (stream, headers) => {
  const token = headers[':path'].slice(1)
  setTimeout(() => {
    stream.on('error', () => {})
    stream.respond({ ':status': 200 })
    stream.end(token.repeat(64))
  }, Number(token) % 5)
})
server.listen(process.env.PORT)
";

/// Streams each client has open at a time.
const LANES: usize = 8;

/// Clients that send as fast as they can until they have read a good-bye.
struct Streams {
    stop: Arc<Flag>,
    served: Arc<Counter>,
    clients: Vec<JoinHandle<Vec<String>>>,
}

impl Streams {
    fn start(port: u16, clients: u32) -> Self {
        let (stop, served) = (Arc::<Flag>::default(), Arc::<Counter>::default());
        let begin = |number: u32| {
            let (stop, served) = (Arc::clone(&stop), Arc::clone(&served));
            std::thread::spawn(move || {
                let mut failures = Vec::new();
                let mut token = number * 1_000_000 + 1_000_000;
                while !stop.is_raised() && failures.len() < 20 {
                    if let Err(failure) = connection(port, &mut token, &stop, &served) {
                        failures.push(failure);
                    }
                }
                failures
            })
        };
        let clients = (0..clients).map(begin).collect();
        Self {
            stop,
            served,
            clients,
        }
    }

    fn serve_more(&self, count: u64) {
        let goal = self.served.value() + count;
        self.served.wait_for(goal, "streams served");
    }

    fn finish(self, what: &str) {
        self.stop.raise();
        let clients = self.clients.into_iter();
        let failures: Vec<_> = clients
            .flat_map(|it| it.join().expect("a client"))
            .collect();
        let served = self.served.value();
        eprintln!(
            "{what}: {served} streams served, {} failures",
            failures.len()
        );
        assert!(failures.is_empty(), "{what}: of {served}: {failures:?}");
    }
}

/// One connection, until the server has said good-bye or the test ends, and everything is answered.
fn connection(port: u16, token: &mut u32, stop: &Flag, served: &Counter) -> Result<(), String> {
    let mut session = Session::start(port).map_err(|error| format!("connect: {error}"))?;
    let mut asked = Vec::new();
    let mut ask = |session: &mut Session, asked: &mut Vec<String>| {
        *token += 1;
        asked.push(token.to_string());
        session.ask(&token.to_string())
    };
    let broken = |error| format!("cut: {error}");
    for _ in 0..LANES {
        ask(&mut session, &mut asked).map_err(broken)?;
    }
    while !session.open.is_empty() {
        match session.next().map_err(broken)? {
            Event::Answer(body) => {
                let place = asked.iter().position(|it| it.repeat(64) == body);
                asked.remove(place.ok_or_else(|| format!("a wrong body: {body}"))?);
                served.increment();
                if session.leaving.is_none() && !stop.is_raised() {
                    ask(&mut session, &mut asked).map_err(broken)?;
                }
            }
            Event::Ping(bytes) => session.pong(&bytes).map_err(broken)?,
            Event::Leaving(last) => {
                let refused = session.open.keys().filter(|id| **id > last).count();
                if refused > 0 {
                    return Err(format!("{refused} refused"));
                }
            }
            Event::Reset(code) => return Err(format!("reset: {code}")),
            Event::End => return Err(format!("cut: {} are open", session.open.len())),
            Event::Other => {}
        }
    }
    Ok(())
}

fn survives(version: Option<&str>) {
    let (ward, port) = start(SERVER, 2, version, &[]);
    let streams = Streams::start(port, 4);
    let rounds = rounds(25);
    for _ in 0..rounds {
        streams.serve_more(200);
        reload(&ward);
    }
    streams.serve_more(200);
    streams.finish(&format!("HTTP/2, {rounds} reloads, Node {version:?}"));
}

#[test]
fn streams() {
    survives(None);
}

#[test]
fn streams_on_node_18() {
    survives(Some("18"));
}

#[test]
fn streams_on_node_22() {
    survives(Some("22"));
}

#[test]
fn streams_on_node_24() {
    survives(Some("24"));
}

/// A session whose one stream was served, so that its worker knows it well.
fn acquainted(port: u16) -> Session {
    let mut session = Session::start(port).unwrap();
    session.ask("1000").unwrap();
    wait(&mut session, &Event::Answer("1000".repeat(64)));
    session
}

/// Reads on to an event.
fn wait(session: &mut Session, wanted: &Event) {
    loop {
        match session.next().unwrap() {
            event if event == *wanted => return,
            Event::Other => {}
            event => panic!("{event:?} instead of {wanted:?}"),
        }
    }
}

/// What the worker wants to hear back after it has asked for no more streams.
fn asked_to_stop(session: &mut Session) -> Vec<u8> {
    wait(session, &Event::Leaving(ALL));
    loop {
        match session.next().unwrap() {
            Event::Ping(bytes) => return bytes,
            event => assert_eq!(event, Event::Other),
        }
    }
}

/// The good-bye that tells which stream was the last, which Node says once more at the end.
fn gone(session: &mut Session, last: u32) {
    wait(session, &Event::Leaving(last));
    loop {
        match session.next().unwrap() {
            Event::End => return,
            Event::Leaving(again) => assert_eq!(again, last),
            event => assert_eq!(event, Event::Other),
        }
    }
}

fn reloading(ward: &Ward) -> std::process::Child {
    let mut command = ward.command(&["reload", "app"]);
    command.stdout(std::process::Stdio::null()).spawn().unwrap()
}

#[test]
fn a_stream_that_crosses_the_good_bye_is_answered() {
    let (ward, port) = start(SERVER, 1, None, &[]);
    let mut session = acquainted(port);
    let mut command = reloading(&ward);
    let bytes = asked_to_stop(&mut session);
    // As if it had been under way: the worker has not heard that the good-bye arrived.
    session.ask("1004").unwrap();
    wait(&mut session, &Event::Answer("1004".repeat(64)));
    session.pong(&bytes).unwrap();
    gone(&mut session, 3);
    assert!(command.wait().unwrap().success());
}

#[test]
fn a_client_that_never_answers_is_let_go() {
    let (ward, port) = start(SERVER, 1, None, &[]);
    let mut session = acquainted(port);
    let mut command = reloading(&ward);
    asked_to_stop(&mut session);
    gone(&mut session, 1);
    assert!(command.wait().unwrap().success());
}
