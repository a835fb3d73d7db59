//! Lines whose end has not come. Each may become as long as a line may be; together they are bounded,
//! and when they take too much, the one that was begun first is given up: whoever sends a message at a
//! stretch is through before those who began lines and let them lie.

use ward_wire::node_ipc::Junk;

use super::links::{Links, Source};
use super::share::Share;
use crate::poll::Token;

/// Bytes of unfinished lines of all channels together.
const ALL_UNFINISHED_BYTES: usize = 16 << 20;

/// What a channel has of an unfinished line.
#[derive(Debug)]
pub(super) struct Unfinished {
    share: Share,
    /// When it was begun, in the order of all lines.
    begun: u64,
}

impl Unfinished {
    pub(super) fn new(share: Share) -> Self {
        Self { share, begun: 0 }
    }
}

impl Links {
    /// Takes stock of a channel that was read. If the unfinished lines take too much, another
    /// channel may lose its own: whose that is.
    pub(crate) fn take_stock(&mut self, token: Token, was_finished: bool) -> Option<(Token, Junk)> {
        let now = self.lines_begun;
        let link = self.link(token)?;
        let size = link.lines.remainder().0.len();
        let unfinished = &mut link.unfinished;
        let is_new = was_finished || unfinished.share.own() == 0;
        unfinished.share.set(size);
        if size > 0 && is_new {
            unfinished.begun = now;
            self.lines_begun += 1;
        }
        if self.all_unfinished.bytes() <= ALL_UNFINISHED_BYTES {
            return None;
        }
        let oldest = self.oldest_unfinished()?;
        let link = self.link(oldest)?;
        link.unfinished.share.set(0);
        Some((oldest, link.lines.give_up()))
    }

    fn oldest_unfinished(&mut self) -> Option<Token> {
        let tokens = self.sources.tokens(|source| match source {
            Source::Link(link) => link.unfinished.share.own() > 0,
            Source::Listener { .. } => false,
        });
        let begun = |token: &Token| match self.sources.get(*token) {
            Some(Source::Link(link)) => link.unfinished.begun,
            Some(Source::Listener { .. }) | None => u64::MAX,
        };
        tokens.into_iter().min_by_key(begun)
    }
}
