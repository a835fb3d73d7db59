//! A strict client: each request gets one whole answer, or it is an error. Nothing is repeated.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::harness::{Counter, DEADLINE, Flag, look_again_until};

/// A request without answer for so long is a hung one.
/// Longer than a test waits for all others, so that one who waits for a purpose does not give up.
const PATIENCE: Duration = DEADLINE.saturating_mul(2);

/// How a client uses its connections.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Style {
    /// A new one for each request.
    Close,
    /// The same one as long as the server lets it, with a pause between requests.
    KeepAlive(Duration),
}

/// Clients at work.
pub(crate) struct Load {
    stop: Arc<Flag>,
    served: Arc<Counter>,
    clients: Vec<JoinHandle<Vec<String>>>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) served: u64,
    pub(crate) errors: Vec<String>,
}

impl Load {
    /// Starts clients of each style.
    pub(crate) fn start(port: u16, styles: &[(Style, usize)]) -> Self {
        let (stop, served) = (Arc::<Flag>::default(), Arc::<Counter>::default());
        let mut clients = Vec::new();
        for (style, count) in styles {
            for _ in 0..*count {
                let (stop, served, style) = (Arc::clone(&stop), Arc::clone(&served), *style);
                clients.push(std::thread::spawn(move || {
                    work(port, style, &stop, &served)
                }));
            }
        }
        Self {
            stop,
            served,
            clients,
        }
    }

    /// Waits until so many more requests were served.
    pub(crate) fn serve_more(&self, count: u64) {
        let goal = self.served.value() + count;
        self.served.wait_for(goal, "requests served");
    }

    /// Ends the clients.
    pub(crate) fn finish(self) -> Outcome {
        self.stop.raise();
        let errors = self.clients.into_iter();
        let errors = errors.flat_map(|client| client.join().expect("a client"));
        let errors = errors.collect();
        Outcome {
            served: self.served.value(),
            errors,
        }
    }
}

fn work(port: u16, style: Style, stop: &Flag, served: &Counter) -> Vec<String> {
    let mut errors = Vec::new();
    let mut connection: Option<TcpStream> = None;
    while !stop.is_raised() {
        let done = match connection.take().map_or_else(|| connect(port), Ok) {
            Ok(stream) => exchange(stream, style),
            Err(error) => Err(io::Error::new(error.kind(), format!("connect: {error}"))),
        };
        match done {
            Ok((_, open)) => {
                connection = open;
                served.increment();
            }
            Err(error) => {
                errors.push(error.to_string());
                if errors.len() > 20 {
                    break;
                }
            }
        }
        if let Style::KeepAlive(pause) = style
            && !pause.is_zero()
        {
            stop.pause(pause);
        }
    }
    errors
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// One request: the body, and the connection if it may be used again.
fn exchange(mut stream: TcpStream, style: Style) -> io::Result<(String, Option<TcpStream>)> {
    let wish = match style {
        Style::Close => "close",
        Style::KeepAlive(_) => "keep-alive",
    };
    let request = format!("GET / HTTP/1.1\r\nHost: test\r\nConnection: {wish}\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some((head, body)) = split(&bytes) {
            if !head.starts_with("HTTP/1.1 200") {
                return Err(io::Error::other(format!("not served: {head}")));
            }
            let length = header(head, "content-length").and_then(|text| text.parse().ok());
            if length.is_some_and(|length: usize| body.len() >= length) {
                let stays = header(head, "connection").is_some_and(|it| it == "keep-alive");
                return Ok((body.to_owned(), stays.then_some(stream)));
            }
        }
        match stream.read(&mut chunk) {
            Ok(0) => {
                let text = format!("cut after {} bytes", bytes.len());
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
            }
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            // A read with a time limit is not begun anew by the kernel when a signal comes.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "hung"));
            }
            Err(error) => {
                return Err(io::Error::new(error.kind(), format!("{wish}: {error}")));
            }
        }
    }
}

fn split(bytes: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(bytes).ok()?.split_once("\r\n\r\n")
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// One request on a connection of its own; the body. Waits until somebody listens.
pub(crate) fn get(port: u16) -> String {
    exchange(reach(port), Style::Close).expect("an answer").0
}

/// A connection, as soon as somebody listens.
pub(crate) fn reach(port: u16) -> TcpStream {
    let is_known = |connected: &io::Result<TcpStream>| match connected {
        Ok(_) => true,
        Err(error) => error.kind() != io::ErrorKind::ConnectionRefused,
    };
    look_again_until("somebody who listens", || connect(port), is_known).expect("a connection")
}

/// Likewise, if there is an answer.
pub(crate) fn try_get(port: u16) -> io::Result<String> {
    Ok(exchange(connect(port)?, Style::Close)?.0)
}
