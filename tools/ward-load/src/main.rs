//! A strict HTTP/1.1 load generator for the benches: closed loop, no retries. All clients share
//! one thread, so that they take little of the machine they share with what they measure.
//!
//! `ward-load PORT CLIENTS MILLISECONDS close|keep-alive` prints one line of JSON.
#![allow(
    clippy::print_stdout,
    reason = "the result is what this program is for"
)]

mod client;

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};

use client::{Client, Step};

/// A request without an answer for so long, counted from the end of the run, is an error.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the clients saw.
#[derive(Default)]
struct Seen {
    microseconds: Vec<u64>,
    errors: u64,
    by_worker: BTreeMap<Vec<u8>, u64>,
}

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [port, clients, time, mode] = &words[..] else {
        return Err(io::Error::other(
            "usage: ward-load PORT CLIENTS MILLISECONDS close|keep-alive",
        ));
    };
    let port = port.parse().map_err(io::Error::other)?;
    let count: usize = clients.parse().map_err(io::Error::other)?;
    let time = Duration::from_millis(time.parse().map_err(io::Error::other)?);
    let keep = mode == "keep-alive";
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut clients: Vec<Client> = (0..count).map(|_| Client::new(port, keep)).collect();
    let mut seen = Seen::default();
    let began = Instant::now();
    run(&epoll, &mut clients, began + time, &mut seen)?;
    report(&mut seen, began.elapsed());
    Ok(())
}

/// Lets every client ask again and again until the time is over, and waits for the last answers.
fn run(
    epoll: impl rustix::fd::AsFd + Copy,
    clients: &mut [Client],
    until: Instant,
    seen: &mut Seen,
) -> io::Result<()> {
    let mut busy = 0;
    for (number, client) in clients.iter_mut().enumerate() {
        busy += usize::from(ask(epoll, client, number, until, seen));
    }
    let mut events = Vec::with_capacity(clients.len());
    while busy > 0 {
        let left = (until + PATIENCE).saturating_duration_since(Instant::now());
        if left.is_zero() {
            seen.errors += busy as u64;
            return Ok(());
        }
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        events.clear();
        epoll::wait(
            epoll,
            rustix::buffer::spare_capacity(&mut events),
            Some(&left),
        )?;
        for event in &events {
            let number = usize::try_from(event.data.u64()).map_err(io::Error::other)?;
            let client = &mut clients[number];
            match client.proceed(epoll, number) {
                Ok(Step::Waits) => continue,
                Ok(Step::Answered(microseconds)) => {
                    seen.microseconds.push(microseconds);
                    match seen.by_worker.get_mut(client.body()) {
                        Some(count) => *count += 1,
                        None => drop(seen.by_worker.insert(client.body().to_vec(), 1)),
                    }
                }
                Err(_) => {
                    seen.errors += 1;
                    client.hang_up();
                }
            }
            busy -= usize::from(!ask(epoll, client, number, until, seen));
        }
    }
    Ok(())
}

/// Begins the next request of a client. False when the time is over.
fn ask(
    epoll: impl rustix::fd::AsFd + Copy,
    client: &mut Client,
    number: usize,
    until: Instant,
    seen: &mut Seen,
) -> bool {
    while Instant::now() < until {
        if client.begin(epoll, number).is_ok() {
            return true;
        }
        seen.errors += 1;
        client.hang_up();
    }
    client.hang_up();
    false
}

fn report(seen: &mut Seen, time: Duration) {
    seen.microseconds.sort_unstable();
    let count = seen.microseconds.len();
    let at = |percent: usize| {
        let place = count.saturating_sub(1) * percent / 100;
        seen.microseconds.get(place).copied().unwrap_or_default()
    };
    let spread: Vec<String> = seen.by_worker.values().map(u64::to_string).collect();
    println!(
        "{{\"requests\":{count},\"errors\":{},\"ms\":{},\"p50_us\":{},\"p99_us\":{},\"spread\":[{}]}}",
        seen.errors,
        time.as_millis(),
        at(50),
        at(99),
        spread.join(",")
    );
}
