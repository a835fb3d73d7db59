//! The channel thread against real programs: node, bash, python.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use ward_core::id::Life;
use ward_wire::node_ipc::Junk;

use super::{ChannelEvent, ChannelHandle, ChannelThread};

const LIMIT: Duration = Duration::from_secs(20);

struct Desk {
    handle: ChannelHandle,
    events: UnboundedReceiver<ChannelEvent>,
}

impl Desk {
    fn new() -> Self {
        let (sender, events) = unbounded_channel();
        Self {
            handle: ChannelThread::start(sender).unwrap(),
            events,
        }
    }

    /// The child's end in the hands of the test.
    fn open(&self, life: u64) -> UnixStream {
        let stream = UnixStream::from(self.handle.open(Life(life), None).unwrap());
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        stream
    }

    /// A real program with the child's end as descriptor 3.
    fn spawn(&self, life: u64, program: &str, args: &[&str]) -> Program {
        let end: OwnedFd = self.handle.open(Life(life), None).unwrap();
        // Bash puts the descriptor where Node expects it; the copy is not close-on-exec.
        let child = Command::new("bash")
            .args(["-c", "exec 3<&0; exec \"$@\" </dev/null", "bash"])
            .arg(program)
            .args(args)
            .env("NODE_CHANNEL_FD", "3")
            .env("NODE_CHANNEL_SERIALIZATION_MODE", "json")
            .stdin(Stdio::from(end))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Program(child)
    }

    fn next(&mut self) -> ChannelEvent {
        let deadline = Instant::now() + LIMIT;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime
            .block_on(async {
                let left = deadline.saturating_duration_since(Instant::now());
                tokio::time::timeout(left, self.events.recv()).await
            })
            .expect("an event comes in time")
            .expect("the thread lives")
    }

    fn message(&mut self) -> Value {
        match self.next() {
            ChannelEvent::Message { value, .. } => value.value().unwrap(),
            other => panic!("a message, not {other:?}"),
        }
    }

    fn expect_closed(&mut self, life: u64) {
        match self.next() {
            ChannelEvent::Closed { life: closed } => assert_eq!(closed, Life(life)),
            other => panic!("closed, not {other:?}"),
        }
    }
}

struct Program(Child);

impl Program {
    fn line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        line
    }

    fn code(&mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn bash_says_ready() {
    let mut desk = Desk::new();
    let _bash = desk.spawn(1, "bash", &["-c", "echo '\"ready\"' >&3"]);
    assert_eq!(desk.message(), json!("ready"));
    desk.expect_closed(1);
}

#[test]
fn python_says_ready_and_reads_an_answer() {
    let mut desk = Desk::new();
    let script = "import os, socket\n\
        s = socket.socket(fileno=int(os.environ['NODE_CHANNEL_FD']))\n\
        s.sendall(b'\"ready\"\\n')\n\
        print(s.makefile().readline().strip(), flush=True)";
    let mut python = desk.spawn(2, "python3", &["-c", script]);
    assert_eq!(desk.message(), json!("ready"));
    desk.handle.send(Life(2), &json!({"type": "hello"}));
    assert_eq!(python.line(), "{\"type\":\"hello\"}\n");
    desk.expect_closed(2);
}

#[test]
fn node_talks_both_ways_and_null_is_a_message() {
    let mut desk = Desk::new();
    let script = "process.send('ready'); process.send(null); process.send({type: 'a', data: [1]});
        process.on('message', m => { process.send({echo: m}); process.disconnect() })";
    let mut node = desk.spawn(3, "node", &["-e", script]);
    assert_eq!(desk.message(), json!("ready"));
    assert_eq!(desk.message(), Value::Null);
    assert_eq!(desk.message(), json!({"type": "a", "data": [1]}));
    desk.handle.send(Life(3), &json!("shutdown"));
    assert_eq!(desk.message(), json!({"echo": "shutdown"}));
    desk.expect_closed(3);
    assert_eq!(node.code(), Some(0));
}

#[test]
fn a_closed_channel_is_a_disconnect_for_node() {
    let mut desk = Desk::new();
    let script = "process.on('disconnect', () => process.exit(7)); process.send('up')";
    let mut node = desk.spawn(4, "node", &["-e", script]);
    assert_eq!(desk.message(), json!("up"));
    desk.handle.close(Life(4));
    desk.expect_closed(4);
    assert_eq!(node.code(), Some(7));
}

#[test]
fn last_words_of_a_dying_program_arrive() {
    let mut desk = Desk::new();
    let script = "for (let i = 0; i < 200; i++) process.send(i); process.exit(1)";
    let mut node = desk.spawn(5, "node", &["-e", script]);
    assert_eq!(node.code(), Some(1));
    for number in 0..200 {
        assert_eq!(desk.message(), json!(number));
    }
    desk.expect_closed(5);
}

#[test]
fn node_can_send_a_socket_and_goes_on_talking() {
    let mut desk = Desk::new();
    let script = "const net = require('net');
        const server = net.createServer(s => { process.send('with socket', s);
            process.send('after'); setTimeout(() => process.exit(), 100) });
        server.listen(0, () => net.connect(server.address().port))";
    let _node = desk.spawn(6, "node", &["-e", script]);
    assert_eq!(desk.message(), json!("with socket"));
    assert_eq!(
        desk.message(),
        json!("after"),
        "the handle was acknowledged"
    );
    desk.expect_closed(6);
}

#[test]
fn questions_about_sockets_are_answered() {
    let mut desk = Desk::new();
    let mut app = desk.open(7);
    app.write_all(b"{\"cmd\":\"NODE_SOCKET_GET_COUNT\",\"key\":\"k\"}\n")
        .unwrap();
    app.write_all(b"{\"cmd\":\"NODE_SOCKET_NOTIFY_CLOSE\",\"key\":\"k\"}\n")
        .unwrap();
    app.write_all(b"{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Socket\",\"msg\":1}\n")
        .unwrap();
    app.write_all(b"{\"cmd\":\"NODE_\"}\n").unwrap();
    assert_eq!(desk.message(), json!({"cmd": "NODE_"}), "is a user message");
    let mut answers = BufReader::new(app).lines().map(Result::unwrap);
    assert_eq!(
        answers.next().unwrap(),
        "{\"cmd\":\"NODE_SOCKET_COUNT\",\"key\":\"k\",\"count\":0}"
    );
    assert_eq!(
        answers.next().unwrap(),
        "{\"cmd\":\"NODE_SOCKET_ALL_CLOSED\",\"key\":\"k\"}"
    );
    assert_eq!(answers.next().unwrap(), "{\"cmd\":\"NODE_HANDLE_NACK\"}");
}

#[test]
fn junk_is_told_once_and_harms_nothing() {
    let mut desk = Desk::new();
    let mut app = desk.open(8);
    let deep = "[".repeat(100_000);
    app.write_all(format!("not json\n\n\u{1}\n{deep}\n\"fine\"\n").as_bytes())
        .unwrap();
    match desk.next() {
        ChannelEvent::Junk { life, junk } => {
            assert_eq!((life, junk), (Life(8), Junk::NotJson { size: 8 }));
        }
        other => panic!("junk, not {other:?}"),
    }
    assert_eq!(desk.message(), json!("fine"));
}

#[test]
fn a_line_without_end_is_thrown_away() {
    let mut desk = Desk::new();
    let mut app = desk.open(13);
    for _ in 0..40 {
        app.write_all(&vec![b'x'; 1 << 20]).unwrap();
    }
    app.write_all(b"\n\"fine\"\n").unwrap();
    assert!(matches!(
        desk.next(),
        ChannelEvent::Junk {
            junk: Junk::TooLong { .. },
            ..
        }
    ));
    assert_eq!(desk.message(), json!("fine"));
}

#[test]
fn an_app_that_floods_is_not_read_until_its_messages_are_dealt_with() {
    let mut desk = Desk::new();
    let mut app = desk.open(9);
    let mut calm = desk.open(10);
    // Far more than the window and the socket hold: the writer is stopped.
    let flood = std::thread::spawn(move || {
        let line = format!("\"{}\"\n", "x".repeat(1000));
        for _ in 0..20_000 {
            app.write_all(line.as_bytes()).unwrap();
        }
    });
    let mut kept = Vec::new();
    while kept.len() < 500 {
        kept.push(desk.next());
    }
    calm.write_all(b"\"calm\"\n").unwrap();
    let mut seen = kept.len();
    let mut heard = false;
    while !heard {
        let event = desk.next();
        heard = matches!(&event, ChannelEvent::Message { life: Life(10), .. });
        seen += usize::from(!heard);
        kept.push(event);
    }
    assert!(seen < 3000, "the other app waited behind {seen} messages");
    assert!(!flood.is_finished());
    drop(kept);
    for _ in seen..20_000 {
        drop(desk.message());
    }
    flood.join().unwrap();
    desk.expect_closed(9);
}

#[test]
fn an_app_that_never_reads_costs_bounded_memory_and_is_told_once() {
    let mut desk = Desk::new();
    let mut app = desk.open(11);
    let message = json!("x".repeat(100_000));
    for _ in 0..200 {
        desk.handle.send(Life(11), &message);
    }
    assert!(matches!(
        desk.next(),
        ChannelEvent::Choked { life: Life(11) }
    ));
    app.write_all(b"\"still here\"\n").unwrap();
    assert_eq!(desk.message(), json!("still here"));
    // What was accepted arrives whole.
    let mut line = String::new();
    BufReader::new(&app).read_line(&mut line).unwrap();
    assert_eq!(line.len(), 100_003);
    drop(app);
    desk.expect_closed(11);
}

/// The unfinished lines of all channels are bounded together; who began first has to give way, and who
/// sends at a stretch is heard.
#[test]
fn lines_without_end_of_many_apps_do_not_add_up() {
    let mut desk = Desk::new();
    let mut apps: Vec<UnixStream> = (20..30).map(|life| desk.open(life)).collect();
    for app in &mut apps {
        app.write_all(&vec![b'x'; 4 << 20]).unwrap();
    }
    // Ten times 4 MiB are begun, of which no more than four are kept.
    let mut given_up = 0;
    while given_up < 6 {
        match desk.next() {
            ChannelEvent::Junk { life, junk } => {
                assert!(matches!(junk, Junk::GivenUp { .. }), "{junk:?}");
                assert!(life.0 < 30);
                given_up += 1;
            }
            other => panic!("junk, not {other:?}"),
        }
    }
    let mut honest = desk.open(40);
    let text = "y".repeat(4 << 20);
    honest
        .write_all(format!("\"{text}\"\n").as_bytes())
        .unwrap();
    loop {
        match desk.next() {
            ChannelEvent::Junk { life, .. } => assert_ne!(life, Life(40)),
            ChannelEvent::Message { life, value, .. } => {
                assert_eq!((life, value.size()), (Life(40), text.len() + 2));
                break;
            }
            other => panic!("a message, not {other:?}"),
        }
    }
}

#[test]
fn a_stopped_thread_closes_all_channels() {
    let desk = Desk::new();
    let mut app = desk.open(12);
    drop(desk);
    assert_eq!(app.read(&mut [0; 8]).unwrap(), 0);
}
