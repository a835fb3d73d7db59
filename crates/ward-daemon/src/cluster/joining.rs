//! A worker comes to a listener that is there already: that of its instance, of its app, or of another.

use ward_core::id::Life;
use ward_wire::node_cluster::Endpoint;

use super::listen_requests::{IN_USE, Refusal, port_of};
use super::listener::{Entry, Listener};
use super::{Context, Holder, Primary, WorkerConfig, WorkerEvent};
use crate::poll::Token;

impl Primary {
    /// The listener for this entry. One that this very instance had under another name of the app
    /// follows it.
    pub(super) fn known(&mut self, entry: &Entry, config: &WorkerConfig) -> Option<Token> {
        let owned = |it: &Listener| it.retained_by.contains(&config.instance);
        let had = || {
            let mut listeners = self.listeners.iter();
            let found = listeners.find(|(_, it)| it.key == entry.1 && owned(it))?;
            Some(*found.0)
        };
        let token = self.by_key.get(entry).copied().or_else(had)?;
        let listener = self.listeners.get_mut(&token)?;
        if owned(listener) && listener.app != config.app {
            self.by_key.remove(&listener.entry());
            listener.app.clone_from(&config.app);
            self.by_key.insert(listener.entry(), token);
        }
        Some(token)
    }

    /// Refuses what another user's app listens on, as the kernel would: connections of the one are not
    /// the other's. The daemon's own user may have all.
    pub(super) fn may_join(
        &self,
        listener: Token,
        life: Life,
        config: &WorkerConfig,
        endpoint: &Endpoint,
        cx: &Context,
    ) -> Result<(), Refusal> {
        let user = config.rights.uid();
        let found = self.listeners.get(&listener).filter(|it| {
            let is_its_own = it.app == config.app || it.retained_by.contains(&config.instance);
            user.is_some() && it.user != user && !is_its_own
        });
        let Some(found) = found else {
            return Ok(());
        };
        let event = WorkerEvent::Refused {
            place: found.place.clone(),
            port: port_of(endpoint),
            held_by: Some(Holder::App(found.app.clone())),
            errno: IN_USE,
        };
        cx.tell(life, event);
        Err(Refusal(IN_USE))
    }

    /// Says so when a worker comes to a listener of another app. Whoever replaces a program that way
    /// wants it; whoever mistook a port has to find out.
    pub(super) fn join(&self, listener: Token, life: Life, config: &WorkerConfig, cx: &Context) {
        let listener = self.listeners.get(&listener);
        let others =
            |it: &&Listener| it.app != config.app && !it.retained_by.contains(&config.instance);
        if let Some(listener) = listener.filter(others) {
            let event = WorkerEvent::Joined {
                place: listener.place.clone(),
                app: listener.app.clone(),
            };
            cx.tell(life, event);
        }
    }
}
