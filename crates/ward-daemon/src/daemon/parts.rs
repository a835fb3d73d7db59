//! The parts of the daemon. What needs one or two of them takes those; [`super::run::Daemon`] is for
//! what goes through the whole house.

use std::collections::VecDeque;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value, json};
use ward_core::defaults::Defaults;
use ward_core::event::Event;
use ward_core::id::{InstanceId, Life, RequestId};
use ward_core::instance::Instance;
use ward_core::supervisor::Supervisor;
use ward_home::Paths;
use ward_wire::bus::{About, encode_message};
use ward_wire::json::RawJson;

use super::held_replies::HeldReplies;
use super::lists::Lists;
use super::node_versions::NodeVersions;
use super::pending::Pending;
use super::pid_files::PidFiles;
use super::questions::Questions;
use super::replies::instance_id;
use super::rpc::{Connections, Unwritten};
use super::sampling::Sampling;
use super::watched::Watched;
use crate::bus::Bus;
use crate::clock;
use crate::launch::{LaunchHandle, Measured};
use crate::log::LogHandle;
use crate::worker_loop::ChannelHandle;

/// The core, and what it has not been told yet.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) supervisor: Supervisor,
    /// What happened and was not told to the core yet. Bounded by what one source told at once, and
    /// by what follows from it: the loop hears of nothing else before it is empty.
    pub(super) events: VecDeque<Event>,
    /// `handle` is at work further up the stack.
    pub(super) handling: bool,
    last_request: u64,
}

impl Core {
    pub(super) fn new(defaults: Defaults) -> Self {
        Self {
            supervisor: Supervisor::new(defaults),
            events: VecDeque::new(),
            handling: false,
            last_request: 0,
        }
    }

    /// The id of a request that begins.
    pub(super) fn next_request(&mut self) -> RequestId {
        self.last_request += 1;
        RequestId(self.last_request)
    }

    /// The instance a life belongs to.
    pub(super) fn instance_of(&self, life: Life) -> Option<&Instance> {
        let id = self.supervisor.instance_of(life)?;
        self.supervisor.instance(id)
    }

    /// The name of an app and the id of its instance, for the log.
    pub(super) fn name_of(&self, life: Life) -> String {
        self.instance_of(life).map_or_else(
            || format!("life {life}"),
            |it| format!("{}:{}", it.spec.name, it.id),
        )
    }

    /// The id of an instance as a client wrote it, if there is that instance.
    pub(super) fn known(&self, id: &Value) -> Option<InstanceId> {
        instance_id(id).filter(|id| self.supervisor.instance(*id).is_some())
    }

    /// The instance whose id a client wrote.
    pub(super) fn instance(&self, id: &Value) -> Option<&Instance> {
        self.supervisor.instance(instance_id(id)?)
    }
}

/// The handles of all that works beside the control loop.
#[derive(Debug)]
pub(super) struct Planes {
    pub(super) launch: LaunchHandle,
    pub(super) log: LogHandle,
    pub(super) channel: ChannelHandle,
    pub(super) bus: Bus,
    pub(super) watch: Watched,
}

impl Planes {
    /// A line for the daemon's log and for those who follow it.
    pub(super) fn say(&mut self, error: bool, text: &str) {
        let text = crate::log::daemon::one_line(text);
        self.log.say(error, &*text);
        let format = crate::log::daemon::date_format();
        // Without a date PM2 has no such events.
        if !format.is_empty() && self.bus.is_followed() {
            let process = json!({ "pm_id": "PM2", "name": "PM2", "rev": null });
            self.bus.publish(
                "log:PM2",
                &json!({ "process": process, "at": clock::wall().0, "data": format!("{text}\n") }),
            );
        }
    }

    /// `process:event`.
    pub(super) fn publish_process(
        &mut self,
        event: &str,
        manually: bool,
        process: Map<String, Value>,
    ) {
        let payload = Map::from_iter([
            ("event".to_owned(), event.into()),
            ("manually".to_owned(), manually.into()),
            ("process".to_owned(), process.into()),
            ("at".to_owned(), clock::wall().0.into()),
        ]);
        self.bus.publish("process:event", &payload.into());
    }

    /// What an app said itself.
    pub(super) fn publish_from(
        &mut self,
        instance: Option<&Instance>,
        topic: &str,
        (key, value): (&str, &RawJson),
    ) {
        let Some(instance) = instance else {
            return;
        };
        let about = About {
            id: instance.id.0,
            name: &instance.spec.name,
            namespace: Some(&instance.spec.namespace),
        };
        let at = clock::wall().0;
        self.bus.publish_encoded(topic, about, || {
            let mut process = json!({
                "pm_id": about.id,
                "name": about.name,
                "namespace": about.namespace,
            });
            if instance.is_worker() {
                // Where PM2 has the revision of the code.
                process["rev"] = Value::Null;
            }
            encode_message(topic, at, (key, value), &process)
        });
    }

    /// Tells the agent inside a worker to report nothing more.
    pub(super) fn silence_agent(&self, life: Life) {
        let message = json!({ "cmd": "NODE_WARD", "act": "silence" });
        self.channel.send(life, &message);
    }
}

/// What clients are owed.
#[derive(Debug)]
pub(super) struct Clients {
    /// Requests the core has not answered.
    pub(super) pending: Pending,
    /// Replies that wait for another thread.
    pub(super) held: HeldReplies,
    /// Replies that are not written yet.
    pub(super) unwritten: Unwritten,
    /// All connections, and what they have not read.
    pub(super) connections: Rc<Connections>,
    /// The lists that are being made for them.
    pub(super) lists: Lists,
    /// For lists that tell nothing of what is used.
    pub(super) nothing_measured: Rc<Measured>,
}

impl Clients {
    pub(super) fn new() -> Self {
        Self {
            pending: Pending::default(),
            held: HeldReplies::default(),
            unwritten: Unwritten::new(),
            connections: Connections::new(),
            lists: Lists::default(),
            nothing_measured: Rc::default(),
        }
    }
}

/// What is found out about processes, programs and the host, and who waits for it.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) sampling: Sampling,
    pub(super) node_versions: NodeVersions,
    pub(super) questions: Questions,
    pub(super) pid_files: PidFiles,
}

/// Which daemon this is.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) paths: Paths,
    /// The home folder, for starts.
    pub(super) home: Arc<Path>,
    pub(super) began: Instant,
    pub(super) began_at_ms: u64,
}

impl Identity {
    pub(super) fn new(paths: Paths) -> Self {
        Self {
            home: Arc::from(paths.home.as_path()),
            paths,
            began: Instant::now(),
            began_at_ms: clock::wall().0,
        }
    }
}

/// What the loop itself wants to do later.
#[derive(Debug, Default)]
pub(super) struct Timers {
    /// When freed memory is given back: some time after the last call, which may have been large.
    pub(super) tidy_at: Option<Instant>,
    /// After a fault: when what is due is looked at again.
    pub(super) resume_at: Option<Instant>,
}
