//! Sockets that are polled beside the channels: those that are listened on, and connections of which
//! the first bytes are awaited.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::links::{Links, Source};
use crate::poll::{Interest, Token};

impl Links {
    /// Adds a socket to listen on; its token is told when a connection waits, while it is armed.
    pub(crate) fn add_listener(&mut self, socket: Arc<OwnedFd>) -> Token {
        self.sources.insert(Source::Listener {
            socket,
            armed: false,
        })
    }

    /// Adds a connection to be read; its token is told once for each time something came, not as
    /// long as something is there.
    pub(crate) fn add_reader(&mut self, socket: &Arc<OwnedFd>) -> io::Result<Token> {
        let token = self.add_listener(Arc::clone(socket));
        let interest = Interest::IN | Interest::RDHUP | Interest::ET;
        if let Err(error) = self.poll.add(&**socket, token, interest) {
            self.sources.remove(token);
            return Err(error);
        }
        if let Some(Source::Listener { armed, .. }) = self.sources.get_mut(token) {
            *armed = true;
        }
        Ok(token)
    }

    /// Whether the token names a listener.
    pub(crate) fn is_listener(&mut self, token: Token) -> bool {
        matches!(self.sources.get_mut(token), Some(Source::Listener { .. }))
    }

    /// Says whether to tell of waiting connections. A listener nobody can take connections from
    /// is disarmed: they wait in the kernel.
    pub(crate) fn arm(&mut self, token: Token, wanted: bool) -> io::Result<()> {
        let Some(Source::Listener { socket, armed }) = self.sources.get_mut(token) else {
            return Ok(());
        };
        if *armed == wanted {
            return Ok(());
        }
        *armed = wanted;
        if wanted {
            self.poll.add(&**socket, token, Interest::IN)
        } else {
            self.poll.remove(&**socket);
            Ok(())
        }
    }

    /// Forgets a listener.
    pub(crate) fn remove_listener(&mut self, token: Token) {
        self.arm(token, false).ok();
        if self.is_listener(token) {
            self.sources.remove(token);
        }
    }
}
