//! One subscriber's connection: what it says, and what is on its way to it.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Write as _};
use std::os::unix::net::UnixStream;

use bytes::{Buf as _, Bytes};
use ward_wire::amp::Decoder;
use ward_wire::bus::Choice;

use super::Shared;
use crate::poll::Interest;

/// How many events one write takes at most.
const EVENTS_AT_ONCE: usize = 64;

/// How many bytes one write takes, as far as they are whole events.
const BYTES_AT_ONCE: usize = 64 * 1024;

/// A longer argument is no choice.
const LONGEST_CHOICE: usize = 64 * 1024;

/// One subscriber's connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) number: u64,
    pub(super) stream: UnixStream,
    /// What it says; nothing more once it said something that is no frame, or has closed its half.
    pub(super) decoder: Option<Decoder>,
    pub(super) reading: bool,
    /// Taken from the queue and not written yet, the first one perhaps in part. At most
    /// [`EVENTS_AT_ONCE`].
    pub(super) unwritten: VecDeque<Bytes>,
    /// It reads too slowly: its socket is full.
    pub(super) blocked: bool,
}

impl Connection {
    pub(super) fn new(number: u64, stream: UnixStream) -> Self {
        Self {
            number,
            stream,
            decoder: Some(Decoder::with_limit(LONGEST_CHOICE)),
            reading: true,
            unwritten: VecDeque::new(),
            blocked: false,
        }
    }

    pub(super) fn interest(&self) -> Interest {
        let mut interest = Interest::empty();
        interest.set(Interest::IN, self.reading);
        interest.set(Interest::OUT, self.blocked);
        interest
    }

    /// The last choice in what it says. Anything else is dropped.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Option<Choice> {
        let decoder = self.decoder.as_mut()?;
        decoder.push(bytes);
        let mut choice = None;
        loop {
            match decoder.next() {
                Ok(Some(frame)) => choice = Choice::from_frame(&frame).or(choice),
                Ok(None) => return choice,
                Err(_) => {
                    self.decoder = None;
                    return choice;
                }
            }
        }
    }

    /// Takes some events from the queue.
    pub(super) fn refill(&mut self, shared: &Shared) {
        let mut members = shared.lock();
        let number = self.number;
        let own = members
            .subscribers
            .iter_mut()
            .find(|it| it.number == number);
        let Some(own) = own else { return };
        let mut bytes = 0;
        while bytes < BYTES_AT_ONCE && self.unwritten.len() < EVENTS_AT_ONCE {
            let Some(event) = own.queue.pop() else { break };
            bytes += event.len();
            self.unwritten.push_back(event);
        }
        own.queue.in_hand = bytes;
    }

    pub(super) fn write_once(&mut self) -> io::Result<usize> {
        let slices: Vec<IoSlice<'_>> = self.unwritten.iter().map(|it| IoSlice::new(it)).collect();
        let written = self.stream.write_vectored(&slices)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let mut left = written;
        while let Some(first) = self.unwritten.front_mut() {
            if left < first.len() {
                first.advance(left);
                break;
            }
            left -= first.len();
            self.unwritten.pop_front();
        }
        Ok(written)
    }
}
