//! A strict HTTP/1.1 load generator for the benches: closed loop, no retries, a
//! thread for each connection.
//!
//! `ward-load PORT CLIENTS MILLISECONDS close|keep-alive` prints one line of JSON.
#![allow(
    clippy::print_stdout,
    reason = "the result is what this program is for"
)]

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A silence of this length is an error.
const PATIENCE: Duration = Duration::from_secs(10);

/// What one client saw.
#[derive(Default)]
struct Seen {
    microseconds: Vec<u64>,
    errors: u64,
    by_worker: BTreeMap<String, u64>,
}

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [port, clients, time, mode] = &words[..] else {
        return Err(io::Error::other(
            "usage: ward-load PORT CLIENTS MILLISECONDS close|keep-alive",
        ));
    };
    let port = port.parse().map_err(io::Error::other)?;
    let clients: u32 = clients.parse().map_err(io::Error::other)?;
    let time = Duration::from_millis(time.parse().map_err(io::Error::other)?);
    let keep = mode == "keep-alive";
    let began = Instant::now();
    let work = move || client(port, keep, began + time);
    let threads: Vec<_> = (0..clients).map(|_| std::thread::spawn(work)).collect();
    let mut all = Seen::default();
    for thread in threads {
        let one = thread
            .join()
            .map_err(|_| io::Error::other("a client panicked"))?;
        all.microseconds.extend(one.microseconds);
        all.errors += one.errors;
        for (worker, count) in one.by_worker {
            *all.by_worker.entry(worker).or_default() += count;
        }
    }
    report(&mut all, began.elapsed());
    Ok(())
}

fn report(all: &mut Seen, time: Duration) {
    all.microseconds.sort_unstable();
    let count = all.microseconds.len();
    let at = |percent: usize| {
        let place = count.saturating_sub(1) * percent / 100;
        all.microseconds.get(place).copied().unwrap_or_default()
    };
    let spread: Vec<String> = all.by_worker.values().map(u64::to_string).collect();
    println!(
        "{{\"requests\":{count},\"errors\":{},\"ms\":{},\"p50_us\":{},\"p99_us\":{},\"spread\":[{}]}}",
        all.errors,
        time.as_millis(),
        at(50),
        at(99),
        spread.join(",")
    );
}

fn client(port: u16, keep: bool, until: Instant) -> Seen {
    let mut seen = Seen::default();
    let mut open = None;
    while Instant::now() < until {
        let began = Instant::now();
        if let Ok(worker) = request(port, keep, &mut open) {
            let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            seen.microseconds.push(micros);
            *seen.by_worker.entry(worker).or_default() += 1;
        } else {
            seen.errors += 1;
            open = None;
        }
    }
    seen
}

/// One request; the body.
fn request(port: u16, keep: bool, open: &mut Option<TcpStream>) -> io::Result<String> {
    let mut stream = match open.take() {
        Some(stream) => stream,
        None => connect(port)?,
    };
    let words: &[u8] = if keep {
        b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"
    } else {
        b"GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"
    };
    stream.write_all(words)?;
    let mut buffer = [0; 4096];
    let mut filled = 0;
    loop {
        let count = stream.read(&mut buffer[filled..])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += count;
        let text = std::str::from_utf8(&buffer[..filled]).map_err(io::Error::other)?;
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.split_once("Content-Length: ");
        let length = length.and_then(|(_, rest)| rest.split("\r\n").next()?.parse().ok());
        if length.is_some_and(|length: usize| body.len() >= length) {
            let body = body.to_owned();
            if keep {
                *open = Some(stream);
            }
            return Ok(body);
        }
    }
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}
