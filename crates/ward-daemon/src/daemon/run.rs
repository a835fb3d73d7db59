//! The control loop: waits for the world, turns what happened into events for the core and performs
//! what the core asks for. Everything here runs on one thread, one thing after the other.

use std::io;
use std::os::fd::AsRawFd as _;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot};
use ward_core::event::Event;
use ward_core::request::Request;
use ward_home::Paths;
use ward_sys::signal::Signal as ProcessSignal;

use super::home::{HeldHome, Home, Sockets};
use super::meter::Meter;
use super::methods;
use super::parts::{Clients, Core, Facts, Identity, Planes, Timers};
use super::pending::Waiting;
use super::processes::{Processes, Reaped};
use super::rpc::{self, Call};
use super::settings::{self, Settings};
use super::shutdown::Shutdown;
use super::sources::{Clock, Occurrence, Signals, Sources};
use super::watched::{Told, Watched};
use super::workers::Workers;
use crate::bus::Bus;
use crate::clock;
use crate::fault;
use crate::launch::LaunchHandle;
use crate::log::LogThread;
use crate::worker_loop::ChannelThread;

/// How long after a fault what is due is looked at again.
const FAULT_PAUSE: Duration = Duration::from_millis(100);

/// How long after the last call memory is given back to the kernel: what was freed, and pages of the
/// program's file, which stay in the kernel's cache.
const TIDY_AFTER: Duration = Duration::from_millis(500);

/// The daemon: the core and everything it acts on.
#[derive(Debug)]
pub(super) struct Daemon {
    pub(super) core: Core,
    pub(super) processes: Processes,
    pub(super) workers: Workers,
    pub(super) planes: Planes,
    pub(super) clients: Clients,
    pub(super) home: Home,
    pub(super) facts: Facts,
    pub(super) identity: Identity,
    pub(super) shutdown: Shutdown,
    pub(super) timers: Timers,
    pub(super) meter: Meter,
}

/// Runs until told to end, and says by which signal, if it was one. `ready` is called when both sockets accept.
pub(super) async fn run(
    paths: Paths,
    held: (HeldHome, Sockets),
    ready: impl FnOnce(),
) -> io::Result<Option<ProcessSignal>> {
    let (to_loop, messages) = mpsc::unbounded_channel();
    let (to_launches, launches) = mpsc::unbounded_channel();
    let (to_calls, calls) = mpsc::unbounded_channel();
    let (to_restarts, changes) = mpsc::unbounded_channel();
    let clients = Clients::new();
    let settings = Settings::from_env();
    let with_cgroups = settings.with_cgroups;
    let shared = rpc::Shared::new(
        to_calls,
        clients.unwritten.watch(),
        Rc::clone(&clients.connections),
    );
    let (home, subscribers) = Home::open(held, settings, shared)?;
    let sources = Sources {
        calls,
        messages,
        launches,
        changes,
        signals: Signals::register()?,
        clock: Clock::watch(),
        home: Rc::clone(&home.watch),
    };
    let bus = Bus::start()?;
    let log = LogThread::start(bus.publisher(), Some(&paths.daemon_log))?;
    let channel = ChannelThread::start(to_loop)?;
    let mut daemon = Daemon {
        core: Core::new(settings::defaults(&paths)),
        processes: Processes::new(with_cgroups)?,
        workers: Workers::default(),
        planes: Planes {
            launch: LaunchHandle::new(to_launches),
            log,
            channel,
            bus,
            watch: Watched::new(to_restarts),
        },
        clients,
        home,
        facts: Facts::default(),
        identity: Identity::new(paths),
        shutdown: Shutdown::default(),
        timers: Timers::default(),
        meter: Meter::from_env(),
    };
    let (version, home) = (env!("CARGO_PKG_VERSION"), daemon.identity.home.display());
    let text = format!("ward {version} daemon started, home {home}");
    daemon.planes.say(false, &text);
    for complaint in settings::complaints() {
        daemon.planes.say(true, &complaint);
    }
    daemon.watch_home();
    ready();
    ward_sys::limits::release_file_pages();
    daemon.serve(subscribers, sources).await;
    let signal = daemon.shutdown.signal;
    daemon.close().await;
    Ok(signal)
}

impl Daemon {
    async fn serve(&mut self, mut subscribers: UnixListener, mut from: Sources) {
        while !self.shutdown.ended {
            self.planes.log.post();
            if self.planes.launch.has_taken_removals() {
                self.release_replies();
            }
            self.planes.launch.post();
            if let Some(new) = self.home.new_subscribers() {
                subscribers = new;
            }
            let wake = self.wake_at();
            tokio::select! {
                biased;
                // First: who subscribed before he asked for something sees what comes of it.
                Ok((stream, _)) = subscribers.accept() => {
                    // A connection that cannot be served is closed; its client tries again. So is
                    // one that has got a descriptor of the reserve.
                    if stream.as_raw_fd() >= ward_sys::limits::reserve_begins() {
                        continue;
                    }
                    stream.into_std().and_then(|stream| self.planes.bus.subscribe(stream)).ok();
                }
                occurred = from.next(wake, self.clients.lists.is_open()) => {
                    let was_slice = matches!(occurred, Occurrence::Slice);
                    self.occurred(occurred);
                    if was_slice {
                        // Else the connections would wait until the list is complete.
                        tokio::task::yield_now().await;
                    }
                }
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
            self.core.handling = false;
            let text = format!("a fault inside ward ({source}): {fault}; please report this");
            self.planes.say(true, &text);
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
        self.timers.resume_at = Some(Instant::now() + FAULT_PAUSE);
    }

    fn take(&mut self, what: Occurrence) {
        match what {
            Occurrence::ChildEnded => self.reap(),
            Occurrence::Call(call) => self.call(call),
            Occurrence::Channel(event) => self.message(event),
            Occurrence::Launch(event) => self.launched(event),
            Occurrence::Watch(event) => match self.planes.watch.told(event) {
                Some(Told::Event(event)) => self.handle(event),
                Some(Told::Complaint(text)) => self.planes.say(true, &text),
                None => {}
            },
            Occurrence::Signal(signal) => {
                let name = ward_core::signal::name(signal.as_raw());
                self.shutdown.signal.get_or_insert(signal);
                self.end(&format!("by {name}"));
            }
            Occurrence::LogsMoved => drop(self.reopen_logs()),
            Occurrence::HomeChanged => self.look_after_home(false),
            Occurrence::ClockChanged => self.handle(Event::ClockChanged),
            Occurrence::Slice => self.go_on_with_list(),
            Occurrence::Due => self.tick(),
        }
    }

    /// When something is due without anything happening.
    fn wake_at(&self) -> Option<Instant> {
        let mono = clock::now().mono;
        let core = self
            .core
            .supervisor
            .deadline()
            .map(|at| Instant::now() + at.since(mono));
        let node = self.facts.node_versions.deadline();
        let launch = self.planes.launch.deadline();
        let held = self.clients.held.deadline();
        let refusal = self.workers.refusals.deadline();
        let home = self.home.deadline();
        let due = [core, self.timers.tidy_at, node, launch, held, refusal, home]
            .into_iter()
            .flatten()
            .min();
        match (due, self.timers.resume_at) {
            (Some(due), Some(resume)) => Some(due.max(resume)),
            (due, resume) => due.or(resume),
        }
    }

    fn tick(&mut self) {
        if self.timers.resume_at.take().is_some() {
            self.reap();
        }
        self.handle(Event::Ticked);
        self.facts.node_versions.tick();
        self.watch_launches();
        let explained = self.workers.refusals.overdue();
        self.tell_refusals(explained);
        if self.home.deadline().is_some_and(|at| at <= Instant::now()) {
            self.look_after_home(true);
        }
        if self.timers.tidy_at.is_some_and(|at| at <= Instant::now()) {
            self.timers.tidy_at = None;
            ward_sys::limits::release_memory();
            ward_sys::limits::release_file_pages();
        }
    }

    /// Collects everything that has ended.
    fn reap(&mut self) {
        let mut orphans = false;
        while let Some(reaped) = self.processes.reap() {
            match reaped {
                Reaped::Main(life, status) => {
                    if !self.workers.refusals.keeps_exit(life, status) {
                        self.handle(Event::Exited { life, status });
                    }
                }
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
        self.timers.tidy_at = Some(Instant::now() + TIDY_AFTER);
        let dispatched = fault::contain(|| {
            fault::inject("rpc.call");
            methods::dispatch(self, call);
        });
        if dispatched.is_err() {
            self.core.handling = false;
            self.planes.say(
                true,
                &format!("the method {method} failed inside ward; please report this"),
            );
        }
    }

    /// Asks the core; the answer goes where `waiting` says.
    pub(super) fn ask(&mut self, request: Request, waiting: Waiting) {
        let id = self.core.next_request();
        self.clients.pending.wait(id, waiting);
        self.handle(Event::Requested { id, request });
    }

    /// Workers are told, as PM2 tells those that write their files themselves.
    /// The receiver completes when nothing more goes to the old files.
    pub(super) fn reopen_logs(&mut self) -> oneshot::Receiver<()> {
        self.planes.say(false, "reopening all log files");
        let reopened = self.planes.log.reopen_all();
        let message = json!({ "type": "log:reload" });
        for worker in self.core.supervisor.instances().filter(|it| it.is_worker()) {
            if let Some(life) = worker.life() {
                self.planes.channel.send(life, &message);
            }
        }
        reopened
    }
}
