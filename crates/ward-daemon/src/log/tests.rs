//! The log thread with real pipes, files and programs.

mod files;
mod followers;
mod handover;
mod lines;
mod opening;

use std::fs;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tempfile::TempDir;
use ward_core::id::Life;
use ward_core::launch::Output;
use ward_wire::bus::Event;

use super::{LogHandle, LogThread};
use crate::bus::{Bus, tests::Reader};
use crate::rights::Rights;

const LIMIT: Duration = Duration::from_secs(20);

struct Desk {
    folder: TempDir,
    handle: LogHandle,
    bus: Bus,
}

impl Desk {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let bus = Bus::start().unwrap();
        let log = folder.path().join("pm2.log");
        let handle = LogThread::start(bus.publisher(), Some(&log)).unwrap();
        Self {
            folder,
            handle,
            bus,
        }
    }

    fn follow(&self) -> Reader {
        Reader::new(&self.bus)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Output to `out` and `err`.
    fn output(&self) -> Output {
        let at = |name: &str| Some(self.path(name).to_str().unwrap().to_owned());
        Output {
            app_name: "web".to_owned(),
            namespace: "default".to_owned(),
            pm_id: 3,
            out_path: at("out"),
            err_path: at("err"),
            ..Output::default()
        }
    }

    /// Both streams into one file.
    fn one_file(&self) -> Output {
        Output {
            err_path: self.output().out_path,
            ..self.output()
        }
    }

    fn attach(&self, output: &Output) -> (fs::File, fs::File) {
        let (out, err) = self.begin(output);
        (out.into(), err.into())
    }

    /// The write ends of a life that has begun.
    fn begin(&self, output: &Output) -> (OwnedFd, OwnedFd) {
        let opened = super::open(output, &Rights::default(), |_| ()).unwrap();
        self.handle.attach(Life(1), opened.streams);
        self.handle.post();
        (opened.stdout, opened.stderr)
    }

    /// Runs a program to its end; nobody waits for its output.
    fn run(&self, output: &Output, program: &str, args: &[&str]) {
        let (out, err) = self.begin(output);
        let status = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .status()
            .unwrap();
        assert!(status.success(), "{program}: {status}");
    }

    /// Waits until a file holds a text: the only observer of the thread is the file.
    fn expect(&self, name: &str, wanted: &str) {
        let text = || fs::read_to_string(self.path(name)).unwrap_or_default();
        let is_so = self.when_changed(|| text() == wanted);
        assert!(is_so, "{name} holds {:?}, not {wanted:?}", text());
    }

    /// Looks at each change of a file in the folder whether something is so; false when it is not in time.
    fn when_changed(&self, is_so: impl Fn() -> bool) -> bool {
        let deadline = Instant::now() + LIMIT;
        let flags = CreateFlags::CLOEXEC | CreateFlags::NONBLOCK;
        let changes = inotify::init(flags).unwrap();
        let kinds = WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_TO;
        inotify::add_watch(&changes, self.folder.path(), kinds).unwrap();
        loop {
            if is_so() {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).unwrap();
            let mut fds = [PollFd::new(&changes, PollFlags::IN)];
            if poll(&mut fds, Some(&left)) == Ok(0) {
                return false;
            }
            while rustix::io::read(&changes, &mut [0; 4096]).is_ok() {}
        }
    }

    /// Ends the thread, which takes all that is in the pipes first.
    fn finish(self) -> TempDir {
        self.handle.stop(LIMIT);
        self.folder
    }
}

/// The text of the next event, and the instance it is of.
fn next_output(reader: &mut Reader) -> (String, u64) {
    let Event { topic, payload } = reader.next().unwrap();
    assert!(topic.starts_with("log:"), "{topic}");
    let text = payload["data"].as_str().unwrap().to_owned();
    (text, payload["process"]["pm_id"].as_u64().unwrap())
}

fn read(folder: &TempDir, name: &str) -> String {
    fs::read_to_string(folder.path().join(name)).unwrap()
}
