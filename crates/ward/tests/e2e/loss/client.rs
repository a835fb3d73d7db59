//! Clients that repeat nothing: each request gets one whole answer with the right body in time, or
//! it is an error.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::http::whole;
use crate::harness::{Counter, DEADLINE, Flag};

/// A request without answer for so long is a hung one.
pub(super) const PATIENCE: Duration = DEADLINE;

/// How a client uses its connections.
#[derive(Clone, Copy, Debug)]
pub(super) enum Style {
    /// A new one for each request.
    Close,
    /// The same one as long as the server lets it, with a pause between requests.
    KeepAlive(Duration),
    /// A new one for each request, with answers that take between 300 ms and this.
    Long(Duration),
}

/// A request that went wrong.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// What went wrong.
    pub(super) text: String,
    /// No answer came in time.
    pub(super) hung: bool,
    /// The port on the client's side; 0 when there was no connection.
    pub(super) from: u16,
}

/// Clients at work.
pub(super) struct Load {
    stop: Arc<Flag>,
    served: Arc<Counter>,
    finished: Arc<Counter>,
    clients: Vec<JoinHandle<Outcome>>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) served: usize,
    pub(super) failures: Vec<Failure>,
}

impl Load {
    /// Starts so many clients.
    pub(super) fn start(port: u16, style: Style, clients: u32) -> Self {
        let (stop, served) = (Arc::<Flag>::default(), Arc::<Counter>::default());
        let finished = Arc::<Counter>::default();
        let begin = |number| {
            let (stop, served) = (Arc::clone(&stop), Arc::clone(&served));
            let finished = Arc::clone(&finished);
            std::thread::spawn(move || {
                let outcome = Client::new(port, style, number).work(&stop, &served);
                finished.increment();
                outcome
            })
        };
        let clients = (0..clients).map(begin).collect();
        Self {
            stop,
            served,
            finished,
            clients,
        }
    }

    /// Waits until so many more requests were served.
    pub(super) fn serve_more(&self, count: u64) {
        let goal = self.served.value() + count;
        self.served.wait_for(goal, "requests served");
    }

    /// No client begins another request.
    pub(super) fn stop(&self) {
        self.stop.raise();
    }

    /// Waits until no more than so many clients, which were stopped, wait for an answer; how many do.
    pub(super) fn wait_until_few_wait(&self, most: usize) -> usize {
        let most = u64::try_from(most).expect("few");
        let all = u64::try_from(self.clients.len()).expect("few");
        self.finished.wait_for(all - most, "clients that finished");
        usize::try_from(all - self.finished.value()).expect("few")
    }

    /// Lets each client finish its request.
    pub(super) fn finish(self) -> Outcome {
        self.stop();
        let mut all = Outcome::default();
        for client in self.clients {
            let one = client.join().expect("a client");
            all.served += one.served;
            all.failures.extend(one.failures);
        }
        all
    }
}

impl Outcome {
    /// Not one request went wrong.
    pub(super) fn is_perfect(&self, what: &str) {
        let Self {
            served, failures, ..
        } = self;
        eprintln!("{what}: {served} served, {} lost", failures.len());
        assert!(
            failures.is_empty(),
            "{what}: {} of {served} were lost: {failures:?}",
            failures.len()
        );
    }
}

/// One client.
struct Client {
    port: u16,
    style: Style,
    number: u32,
    requests: u32,
    stream: Option<TcpStream>,
}

impl Client {
    fn new(port: u16, style: Style, number: u32) -> Self {
        Self {
            port,
            style,
            number,
            requests: 0,
            stream: None,
        }
    }

    fn work(mut self, stop: &Flag, served: &Counter) -> Outcome {
        let mut outcome = Outcome::default();
        while !stop.is_raised() && outcome.failures.len() < 100 {
            match self.request() {
                Ok(()) => {
                    outcome.served += 1;
                    served.increment();
                }
                Err(failure) => outcome.failures.push(failure),
            }
            if let Style::KeepAlive(pause) = self.style
                && !pause.is_zero()
            {
                stop.pause(pause);
            }
        }
        outcome
    }

    /// One request, each with a word of its own that must come back.
    fn request(&mut self) -> Result<(), Failure> {
        self.requests += 1;
        let token = format!("{:03}-{:08}", self.number, self.requests);
        let path = match self.style {
            Style::Long(most) => {
                let most = u32::try_from(most.as_millis()).expect("a short time");
                let extra = (self.requests * 7 + self.number * 3) % 10;
                format!("{token}/{}", 300 + (most - 300) * extra / 9)
            }
            Style::Close | Style::KeepAlive(_) => token.clone(),
        };
        let reused = self.stream.is_some();
        let mut from = 0;
        let mut answered = 0;
        let done = self.exchange(&path, &mut from, &mut answered);
        let failed = match done {
            Ok(body) if body == token.repeat(64) => return Ok(()),
            Ok(body) => io::Error::other(format!("wrong body {body:?}")),
            Err(error) => error,
        };
        self.stream = None;
        Err(Failure {
            text: format!("{failed} after {answered} bytes (reused: {reused})"),
            hung: failed.kind() == io::ErrorKind::TimedOut,
            from,
        })
    }

    fn exchange(&mut self, path: &str, from: &mut u16, got: &mut usize) -> io::Result<String> {
        let until = Instant::now() + PATIENCE;
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.port)?,
        };
        *from = stream.local_addr()?.port();
        let wish = match self.style {
            Style::Close | Style::Long(_) => "close",
            Style::KeepAlive(_) => "keep-alive",
        };
        let head = format!("GET /{path} HTTP/1.1\r\nHost: test\r\nConnection: {wish}\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            if let Some((body, stays)) = whole(&bytes)? {
                self.stream = stays.then_some(stream);
                return Ok(body);
            }
            let left = until.saturating_duration_since(Instant::now());
            stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
            match stream.read(&mut chunk) {
                Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "cut")),
                Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "hung"));
                }
                // A read with a time limit ends so when the machine was stopped for a moment.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            *got = bytes.len();
        }
    }
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let address = ([127, 0, 0, 1], port).into();
    let stream = TcpStream::connect_timeout(&address, PATIENCE)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot connect: {error}")))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// One request on a connection of its own; whether it was served.
pub(super) fn ask(port: u16, path: &str) -> io::Result<String> {
    let mut client = Client::new(port, Style::Close, 0);
    client.exchange(path, &mut 0, &mut 0)
}
