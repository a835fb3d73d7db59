//! The client side of `pub.sock`: events, as long as the daemon lives.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;

use ward_wire::amp::Decoder;
use ward_wire::bus::Event;

use crate::exit::Failure;
use ward_home::Paths;

/// A stream of events. It ends when the daemon does.
#[derive(Debug)]
pub(crate) struct Subscription {
    stream: UnixStream,
    decoder: Decoder,
}

impl Subscription {
    /// Subscribes; events published from now on arrive.
    pub(crate) fn open(paths: &Paths) -> Result<Self, Failure> {
        let socket = &paths.pub_socket;
        let stream = UnixStream::connect(socket).map_err(|error| {
            Failure::new(format!("cannot connect to {}: {error}", socket.display()))
        })?;
        Ok(Self {
            stream,
            decoder: Decoder::new(),
        })
    }
}

impl Subscription {
    /// The other grip on the same connection: shutting it down ends the stream.
    pub(crate) fn end(&self) -> io::Result<UnixStream> {
        self.stream.try_clone()
    }
}

impl Iterator for Subscription {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            // An event that cannot be read is left out; a stream that is none ends.
            while let Some(frame) = self.decoder.next().ok()? {
                if let Ok(event) = Event::from_frame(&frame) {
                    return Some(event);
                }
            }
            let mut chunk = [0; 16_384];
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(length) => self.decoder.push(&chunk[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }
}
