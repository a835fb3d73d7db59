//! Lists of all apps, made in slices: between two of them the control loop does other things, however many apps there
//! are. Whoever asks for the same list before it begins gets the same one, in the same memory.

use std::collections::VecDeque;
use std::rc::Rc;

use serde_json::{Value, json};
use ward_core::id::InstanceId;
use ward_core::instance::Instance;
use ward_core::view;

use super::launches::waits_for;
use super::rpc::{ListKind, Piece, Responder};
use super::run::Daemon;
use super::sampling::{is_online, pid_of};
use crate::launch::Measured;

/// So many bytes of a list are made in one turn of the control loop, which takes a few milliseconds.
const SLICE: usize = 256 << 10;

/// The lists that are being made, the first of them at present. Bounded by the open requests.
#[derive(Debug, Default)]
pub(super) struct Lists(VecDeque<List>);

#[derive(Debug)]
struct List {
    kind: ListKind,
    measured: Rc<Measured>,
    responders: Vec<Responder>,
    pieces: Vec<Rc<Piece>>,
    /// The last instance that is in it.
    last: Option<InstanceId>,
}

/// Some elements of a list.
enum Slice {
    /// More follow.
    Part(Vec<u8>),
    /// The end is among them.
    Last(Vec<u8>),
}

impl Lists {
    /// Whether there is a slice to be made.
    pub(super) fn is_open(&self) -> bool {
        !self.0.is_empty()
    }
}

impl Daemon {
    /// Begins a list for these clients, with what was measured for it.
    pub(super) fn begin_list(
        &mut self,
        kind: ListKind,
        measured: &Rc<Measured>,
        responders: Vec<Responder>,
    ) {
        let lists = &mut self.clients.lists.0;
        let same = lists.iter_mut().find(|list| {
            let has_begun = !list.pieces.is_empty();
            list.kind == kind && !has_begun && Rc::ptr_eq(&list.measured, measured)
        });
        if let Some(list) = same {
            list.responders.extend(responders);
            return;
        }
        lists.push_back(List {
            kind,
            measured: Rc::clone(measured),
            responders,
            pieces: Vec::new(),
            last: None,
        });
    }

    /// Begins a list of what nothing is measured for.
    pub(super) fn list_unmeasured(&mut self, kind: ListKind, responder: Responder) {
        let nothing = Rc::clone(&self.clients.nothing_measured);
        self.begin_list(kind, &nothing, vec![responder]);
    }

    /// Makes the next slice. A list that is complete is sent.
    pub(super) fn go_on_with_list(&mut self) {
        let Some(mut list) = self.clients.lists.0.pop_front() else {
            return;
        };
        let (bytes, is_last) = match self.slice(&mut list) {
            Slice::Part(bytes) => (bytes, false),
            Slice::Last(bytes) => (bytes, true),
        };
        list.pieces.push(self.clients.connections.piece(bytes));
        if !is_last {
            return self.clients.lists.0.push_front(list);
        }
        let length = list.pieces.iter().map(|piece| piece.bytes.len()).sum();
        self.clients.connections.note_length(list.kind, length);
        for responder in list.responders {
            responder.written(&list.pieces);
        }
    }

    /// The next elements, of which never more than one is a value: all records together, environments twice in each,
    /// would be many megabytes of values at once.
    fn slice(&self, list: &mut List) -> Slice {
        let mut bytes = Vec::new();
        if list.pieces.is_empty() {
            bytes.push(b'[');
        }
        let supervisor = &self.core.supervisor;
        let mut is_first = list.last.is_none();
        for instance in supervisor.instances_behind(list.last) {
            if bytes.len() >= SLICE {
                return Slice::Part(bytes);
            }
            if !core::mem::take(&mut is_first) {
                bytes.push(b',');
            }
            let element = self.element(list.kind, instance, &list.measured);
            ward_wire::json::write_value(&mut bytes, &element);
            list.last = Some(instance.id);
        }
        bytes.push(b']');
        Slice::Last(bytes)
    }

    fn element(&self, kind: ListKind, instance: &Instance, measured: &Measured) -> Value {
        match kind {
            ListKind::Brief => view::brief(instance, view::BRIEF_KEYS),
            ListKind::Records => view::process(instance),
            ListKind::Table => {
                let process = view::brief(instance, view::SHOWN_KEYS);
                self.with_present(process, instance, measured)
            }
            ListKind::Full => self.with_present(view::process(instance), instance, measured),
        }
    }

    /// Adds what only the daemon knows of a process.
    fn with_present(&self, mut process: Value, instance: &Instance, measured: &Measured) -> Value {
        let (lives, workers) = (&self.processes, &self.workers);
        let usage = pid_of(instance)
            .filter(|_| is_online(instance))
            .and_then(|pid| measured.get(&pid));
        let usage = usage.copied().unwrap_or_default();
        process["monit"] = json!({ "memory": usage.memory_bytes, "cpu": usage.cpu_percent });
        let worker = instance.life().and_then(|life| lives.get(life));
        let connections = worker.and_then(|it| it.connections.as_ref()?.read());
        if let Some(open) = connections {
            process["pm2_env"]["open_connections"] = open.into();
        }
        let places = instance.life().and_then(|life| workers.places.get(&life));
        if let Some(places) = places {
            process["pm2_env"]["listens_on"] = json!(places);
        }
        if let Some(step) = waits_for(&self.planes.launch, instance) {
            process["pm2_env"]["waits_for"] = step.into();
        }
        if instance.paused {
            process["pm2_env"]["paused"] = true.into();
        }
        process
    }
}
