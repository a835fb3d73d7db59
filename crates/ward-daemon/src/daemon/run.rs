//! The control loop: waits for the world, turns what happened into events for the core and performs
//! what the core asks for. Everything here runs on one thread, one thing after the other.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot};
use ward_core::event::Event;
use ward_core::id::{InstanceId, Life, RequestId};
use ward_core::request::Request;
use ward_core::supervisor::Supervisor;
use ward_home::Paths;
use ward_sys::signal::Signal as ProcessSignal;

use super::held_replies::HeldReplies;
use super::meter::Meter;
use super::methods;
use super::node_versions::NodeVersions;
use super::pending::{Pending, Waiting};
use super::processes::{Processes, Reaped};
use super::rpc::{self, Call, Unwritten};
use super::sampling::Sampling;
use super::settings::{self, Settings};
use super::shutdown::Shutdown;
use super::sources::{Clock, Occurrence, Signals, Sources};
use super::system::System;
use super::watched::Watched;
use super::workers::Workers;
use crate::bus::Bus;
use crate::clock;
use crate::fault;
use crate::launch::LaunchHandle;
use crate::log::{LogHandle, LogThread};
use crate::worker_loop::{ChannelHandle, ChannelThread};

/// How long after a fault what is due is looked at again.
const FAULT_PAUSE: Duration = Duration::from_millis(100);

/// How long after the last call memory is given back to the kernel: what was freed, and pages of the
/// program's file, which stay in the kernel's cache.
const TIDY_AFTER: Duration = Duration::from_millis(500);

/// The daemon: the core and everything it acts on.
#[derive(Debug)]
pub(super) struct Daemon {
    pub(super) paths: Paths,
    /// The home folder, for starts.
    pub(super) home: Arc<Path>,
    pub(super) supervisor: Supervisor,
    pub(super) processes: Processes,
    pub(super) meter: Meter,
    pub(super) launch: LaunchHandle,
    pub(super) log: LogHandle,
    pub(super) channel: ChannelHandle,
    pub(super) workers: Workers,
    pub(super) node_versions: NodeVersions,
    pub(super) bus: Bus,
    pub(super) pending: Pending,
    pub(super) held_replies: HeldReplies,
    /// Replies that clients have not been sent yet.
    pub(super) unwritten: Unwritten,
    pub(super) sampling: Sampling,
    pub(super) watched: Watched,
    /// Lives whose channels are open, and whose they are.
    pub(super) speakers: HashMap<Life, InstanceId>,
    pub(super) system: System,
    pub(super) began: Instant,
    pub(super) began_at_ms: u64,
    pub(super) shutdown: Shutdown,
    /// Leave the loop.
    pub(super) ended: bool,
    last_request: u64,
    /// What happened and was not told to the core yet.
    pub(super) events: VecDeque<Event>,
    /// `handle` is at work further up the stack.
    pub(super) handling: bool,
    /// When freed memory is given back: some time after the last call, which may have been large.
    tidy_at: Option<Instant>,
    /// After a fault: when what is due is looked at again.
    resume_at: Option<Instant>,
}

/// Runs until told to end, and says by which signal, if it was one. `ready` is called when both sockets accept.
pub(super) async fn run(
    paths: Paths,
    listeners: (UnixListener, UnixListener),
    ready: impl FnOnce(),
) -> io::Result<Option<ProcessSignal>> {
    let (to_loop, messages) = mpsc::unbounded_channel();
    let (to_launches, launches) = mpsc::unbounded_channel();
    let (to_calls, calls) = mpsc::unbounded_channel();
    let (to_restarts, changes) = mpsc::unbounded_channel();
    let (rpc_listener, subscribers) = listeners;
    let sources = Sources {
        calls,
        messages,
        launches,
        changes,
        signals: Signals::register()?,
        clock: Clock::watch(),
    };
    let bus = Bus::start()?;
    let log = LogThread::start(bus.publisher(), Some(&paths.daemon_log))?;
    let channel = ChannelThread::start(to_loop)?;
    let settings = Settings::from_env();
    settings.own_sockets(&paths)?;
    let mut daemon = Daemon {
        supervisor: Supervisor::new(settings::defaults(&paths)),
        processes: Processes::new()?,
        meter: Meter::from_env(),
        launch: LaunchHandle::new(to_launches),
        log,
        channel,
        workers: Workers::default(),
        node_versions: NodeVersions::default(),
        bus,
        pending: Pending::default(),
        held_replies: HeldReplies::default(),
        unwritten: Unwritten::new(),
        sampling: Sampling::default(),
        watched: Watched::new(to_restarts),
        speakers: HashMap::new(),
        system: System::default(),
        began: Instant::now(),
        began_at_ms: clock::wall().0,
        shutdown: Shutdown::default(),
        ended: false,
        last_request: 0,
        events: VecDeque::new(),
        handling: false,
        tidy_at: None,
        resume_at: None,
        home: Arc::from(paths.home.as_path()),
        paths,
    };
    tokio::task::spawn_local(rpc::accept(
        rpc_listener,
        to_calls,
        daemon.unwritten.watch(),
    ));
    let (version, home) = (env!("CARGO_PKG_VERSION"), daemon.paths.home.display());
    let text = format!("ward {version} daemon started, home {home}");
    daemon.say(false, &text);
    for complaint in settings::complaints() {
        daemon.say(true, &complaint);
    }
    ready();
    ward_sys::limits::release_file_pages();
    daemon.serve(subscribers, sources).await;
    let signal = daemon.shutdown.signal;
    daemon.close().await;
    Ok(signal)
}

impl Daemon {
    async fn serve(&mut self, subscribers: UnixListener, mut from: Sources) {
        while !self.ended {
            self.log.post();
            if self.launch.has_taken_removals() {
                self.release_replies();
            }
            self.launch.post();
            let wake = self.wake_at();
            tokio::select! {
                biased;
                // First: who subscribed before he asked for something sees what comes of it.
                Ok((stream, _)) = subscribers.accept() => {
                    // A connection that cannot be served is closed; its client tries again.
                    stream.into_std().and_then(|stream| self.bus.subscribe(stream)).ok();
                }
                occurred = from.next(wake) => self.occurred(occurred),
            }
        }
    }

    /// A fault while one thing is handled drops that thing, is said, and ends nothing else.
    fn occurred(&mut self, what: Occurrence) {
        let source = what.source();
        let measuring = self.meter.begin();
        let start = what.start();
        let handled = fault::contain(|| {
            fault::inject(source);
            self.take(what);
        });
        if let Err(fault) = handled {
            self.handling = false;
            let text = format!("a fault inside ward ({source}): {fault}; please report this");
            self.say(true, &text);
            if let Some(life) = start {
                self.lost_start(life);
            }
            self.rest_after_fault();
        }
        self.meter.end(&measuring, source);
    }

    /// What is left of a signal or a deadline is not told again by itself: it is looked at soon, but
    /// not at once, or a fault that comes again each time would keep the daemon busy.
    pub(super) fn rest_after_fault(&mut self) {
        self.resume_at = Some(Instant::now() + FAULT_PAUSE);
    }

    fn take(&mut self, what: Occurrence) {
        match what {
            Occurrence::ChildEnded => self.reap(),
            Occurrence::Call(call) => self.call(call),
            Occurrence::Channel(event) => self.message(event),
            Occurrence::Launch(event) => self.launched(event),
            Occurrence::Watch(event) => self.watch_event(event),
            Occurrence::Signal(signal) => {
                let name = ward_core::signal::name(signal.as_raw());
                self.shutdown.signal.get_or_insert(signal);
                self.end(&format!("by {name}"));
            }
            Occurrence::LogsMoved => drop(self.reopen_logs()),
            Occurrence::ClockChanged => self.handle(Event::ClockChanged),
            Occurrence::Due => self.tick(),
        }
    }

    /// When something is due without anything happening.
    fn wake_at(&self) -> Option<Instant> {
        let mono = clock::now().mono;
        let core = self
            .supervisor
            .deadline()
            .map(|at| Instant::now() + at.since(mono));
        let node = self.node_versions.deadline();
        let launch = self.launch.deadline();
        let held = self.held_replies.deadline();
        let due = [core, self.tidy_at, node, launch, held]
            .into_iter()
            .flatten()
            .min();
        match (due, self.resume_at) {
            (Some(due), Some(resume)) => Some(due.max(resume)),
            (due, resume) => due.or(resume),
        }
    }

    fn tick(&mut self) {
        if self.resume_at.take().is_some() {
            self.reap();
        }
        self.handle(Event::Ticked);
        self.node_versions.tick();
        self.watch_launches();
        if self.tidy_at.is_some_and(|at| at <= Instant::now()) {
            self.tidy_at = None;
            ward_sys::limits::release_memory();
            ward_sys::limits::release_file_pages();
        }
    }

    /// Collects everything that has ended.
    fn reap(&mut self) {
        let mut orphans = false;
        while let Some(reaped) = self.processes.reap() {
            match reaped {
                Reaped::Main(life, status) => self.handle(Event::Exited { life, status }),
                Reaped::Other(pid, status) => {
                    orphans = true;
                    self.stranger_ended(pid, status);
                }
            }
        }
        if orphans {
            for life in self.processes.swept() {
                self.handle(Event::Probed { life, alive: 0 });
            }
        }
    }

    /// A call of a client. A bug in one method must not take the apps down.
    fn call(&mut self, call: Call) {
        let method = call.method.clone();
        self.tidy_at = Some(Instant::now() + TIDY_AFTER);
        let dispatched = fault::contain(|| {
            fault::inject("rpc.call");
            methods::dispatch(self, call);
        });
        if dispatched.is_err() {
            self.handling = false;
            self.say(
                true,
                &format!("the method {method} failed inside ward; please report this"),
            );
        }
    }

    /// Asks the core; the answer goes where `waiting` says.
    pub(super) fn ask(&mut self, request: Request, waiting: Waiting) {
        self.last_request += 1;
        let id = RequestId(self.last_request);
        self.pending.wait(id, waiting);
        self.handle(Event::Requested { id, request });
    }

    /// Workers are told, as PM2 tells those that write their files themselves.
    /// The receiver completes when nothing more goes to the old files.
    pub(super) fn reopen_logs(&mut self) -> oneshot::Receiver<()> {
        self.say(false, "reopening all log files");
        let reopened = self.log.reopen_all();
        let message = json!({ "type": "log:reload" });
        for worker in self.supervisor.instances().filter(|it| it.is_worker()) {
            if let Some(life) = worker.life() {
                self.channel.send(life, &message);
            }
        }
        reopened
    }
}
