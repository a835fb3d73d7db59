//! A running log plane is given to another process: its descriptors by role, and the little state
//! that is not in them. A live upgrade carries both, and a guardian may hold the descriptors.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use ward_core::id::Life;

use super::inbox::Command;
use super::sink::LogPlace;
use super::source::{Origin, Source, Stream};
use super::thread::Parts;
use super::{LogHandle, LogThread, sink};
use crate::bus::Publisher;
use crate::poll::Token;

/// One stream of one life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct LogPipeRole {
    /// The life that writes to it.
    pub(crate) life: Life,
    /// Standard error, or standard output.
    pub(crate) error: bool,
}

/// An open log file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct SinkRole {
    /// Where it was opened; it may have been renamed since.
    pub(crate) place: LogPlace,
}

/// What a descriptor of the log plane is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum LogRole {
    /// The read end of an app's output.
    Pipe(LogPipeRole),
    /// A log file.
    Sink(SinkRole),
}

/// What the descriptors do not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogState {
    streams: Vec<StreamState>,
    sinks: Vec<SinkState>,
    /// Files were being opened anew; the successor begins with that once more.
    reopening: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StreamState {
    life: Life,
    origin: Origin,
    error: bool,
    /// Files, by the places in [`LogState::sinks`].
    sinks: Vec<LogPlace>,
    /// The beginning of an unfinished line.
    held: Vec<u8>,
    /// Likewise, for subscribers alone.
    tail: Vec<u8>,
    /// A piece of it is in the files already.
    inside: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SinkState {
    place: LogPlace,
    /// There is an unfinished line at the end.
    is_torn: bool,
    /// Whose it is, if that stream has not ended.
    torn_by: Option<LogPipeRole>,
    /// Bytes lost since writing began to fail.
    lost: u64,
}

/// A log plane cannot be taken over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    /// A descriptor that the state names is missing.
    #[error("take over the log: no descriptor for {0:?}")]
    Missing(LogRole),
    /// The thread cannot be started.
    #[error("take over the log: {0}")]
    Start(#[from] io::Error),
}

impl SinkState {
    fn role(&self) -> LogRole {
        let place = self.place.clone();
        LogRole::Sink(SinkRole { place })
    }
}

impl StreamState {
    fn role(&self) -> LogPipeRole {
        LogPipeRole {
            life: self.life,
            error: self.error,
        }
    }
}

/// A log plane on its way: state and descriptors.
pub(super) type Exported = (LogState, Vec<(LogRole, OwnedFd)>);

impl LogHandle {
    /// Ends the thread and gives all it has away. Nothing is read any more when this returns; what
    /// the apps write meanwhile waits in their pipes. Callers make sure that no [`super::Streams`]
    /// are held anywhere, since their pipes would not be among these.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the live upgrade to come"))]
    pub(crate) fn export(mut self) -> Exported {
        self.inbox.push(Command::Export);
        self.join().unwrap_or_default()
    }
}

impl Parts {
    pub(super) fn export(mut self) -> Exported {
        let mut state = LogState {
            reopening: self.reopening,
            ..LogState::default()
        };
        let mut descriptors = Vec::new();
        let mut roles = HashMap::new();
        for token in self.sources.tokens(|_| true) {
            let Some(source) = self.sources.remove(token) else {
                continue;
            };
            let outlet = source.outlet;
            let places = outlet.sinks.iter().map(|sink| sink.borrow().place.clone());
            let stream = StreamState {
                life: source.life,
                origin: Origin::clone(&outlet.origin),
                error: outlet.error,
                sinks: places.collect(),
                held: source.held,
                tail: source.tail,
                inside: outlet.inside,
            };
            let role = stream.role();
            roles.insert(token, role);
            descriptors.push((LogRole::Pipe(role), source.pipe));
            state.streams.push(stream);
        }
        for (place, sink) in self.sinks.by_place {
            // Its sources are gone, so this is the only grip on it.
            let Some(sink) = Rc::into_inner(sink).map(RefCell::into_inner) else {
                continue;
            };
            state.sinks.push(SinkState {
                place: place.clone(),
                is_torn: sink.torn.is_some(),
                torn_by: sink.torn.and_then(|by| roles.get(&by).copied()),
                lost: sink.lost,
            });
            descriptors.push((LogRole::Sink(SinkRole { place }), sink.file.into()));
        }
        (state, descriptors)
    }
}

impl LogThread {
    /// Goes on where another plane left off.
    ///
    /// # Errors
    ///
    /// A descriptor is missing, or the thread cannot be started.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the live upgrade to come"))]
    pub(crate) fn import(
        state: LogState,
        descriptors: Vec<(LogRole, OwnedFd)>,
        bus: Publisher,
        daemon_log: Option<&Path>,
    ) -> Result<LogHandle, ImportError> {
        let pipes = state.streams.iter().map(|it| LogRole::Pipe(it.role()));
        let files = state.sinks.iter().map(SinkState::role);
        for role in pipes.chain(files) {
            if !descriptors.iter().any(|(known, _)| *known == role) {
                return Err(ImportError::Missing(role));
            }
        }
        let inherited = Some((state, descriptors));
        let open = Arc::new(sink::open);
        Ok(Self::start_with(bus, daemon_log, open, inherited)?)
    }
}

impl From<Exported> for Parts {
    /// Makes streams and files of what a predecessor left. Descriptors that have no state are closed.
    fn from((state, descriptors): Exported) -> Self {
        let mut descriptors: HashMap<LogRole, OwnedFd> = descriptors.into_iter().collect();
        let mut parts = Self {
            reopening: state.reopening,
            ..Self::default()
        };
        let mut torn = Vec::new();
        for state in state.sinks {
            if let Some(file) = descriptors.remove(&state.role()) {
                let sink = parts.sinks.share(state.place, file.into());
                sink.borrow_mut().lost = state.lost;
                torn.push((sink, state.is_torn, state.torn_by));
            }
        }
        let mut tokens = HashMap::new();
        for state in state.streams {
            let role = state.role();
            let Some(pipe) = descriptors.remove(&LogRole::Pipe(role)) else {
                continue;
            };
            let stream = Stream {
                origin: Arc::new(state.origin),
                error: state.error,
                pipe,
                files: Vec::new(),
            };
            let places = state.sinks.iter();
            let sinks = places.filter_map(|place| parts.sinks.by_place.get(place).cloned());
            let mut source = Source::new(state.life, stream, sinks.collect());
            source.outlet.inside = state.inside;
            source.held = state.held;
            source.tail = state.tail;
            tokens.insert(role, parts.sources.insert(source));
        }
        for (sink, is_torn, by) in torn {
            let by = by.and_then(|role| tokens.get(&role).copied());
            sink.borrow_mut().torn = is_torn.then(|| by.unwrap_or(Token::nobody()));
        }
        parts
    }
}
