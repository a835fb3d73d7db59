//! The log thread with real pipes, files and programs.

mod files;
mod followers;
mod lines;

use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tempfile::TempDir;
use tokio::sync::mpsc::{Receiver, channel};
use ward_core::launch::Output;

use super::{LogChunk, LogHandle, LogThread};

const LIMIT: Duration = Duration::from_secs(20);

struct Desk {
    folder: TempDir,
    handle: LogHandle,
    chunks: Receiver<LogChunk>,
}

impl Desk {
    fn new() -> Self {
        Self::with_queue(1024)
    }

    fn with_queue(size: usize) -> Self {
        let folder = TempDir::new().unwrap();
        let (sender, chunks) = channel(size);
        let log = folder.path().join("pm2.log");
        let handle = LogThread::start(sender, Some(&log)).unwrap();
        Self {
            folder,
            handle,
            chunks,
        }
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

    /// The write ends of a new life.
    fn open(&self, output: &Output) -> (OwnedFd, OwnedFd) {
        let opened = super::open(output, |_| ()).unwrap();
        self.handle.attach(opened.streams).unwrap();
        self.handle.post();
        (opened.stdout, opened.stderr)
    }

    fn attach(&self, output: &Output) -> (fs::File, fs::File) {
        let (out, err) = self.open(output);
        (out.into(), err.into())
    }

    /// Runs a program to its end; nobody waits for its output.
    fn run(&self, output: &Output, program: &str, args: &[&str]) {
        let (out, err) = self.open(output);
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
        let deadline = Instant::now() + LIMIT;
        let path = self.path(name);
        let flags = CreateFlags::CLOEXEC | CreateFlags::NONBLOCK;
        let changes = inotify::init(flags).unwrap();
        let kinds = WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_TO;
        inotify::add_watch(&changes, Path::new(&path).parent().unwrap(), kinds).unwrap();
        loop {
            let text = fs::read_to_string(&path).unwrap_or_default();
            if text == wanted {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).unwrap();
            let mut fds = [PollFd::new(&changes, PollFlags::IN)];
            let ready = poll(&mut fds, Some(&left));
            assert_ne!(ready, Ok(0), "{name} holds {text:?}, not {wanted:?}");
            while rustix::io::read(&changes, &mut [0; 4096]).is_ok() {}
        }
    }

    /// Ends the thread, which takes all that is in the pipes first.
    fn finish(self) -> TempDir {
        self.handle.stop(LIMIT);
        self.folder
    }

    fn next(&mut self) -> LogChunk {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime
            .block_on(async { tokio::time::timeout(LIMIT, self.chunks.recv()).await })
            .expect("a chunk comes in time")
            .expect("the thread lives")
    }
}

fn read(folder: &TempDir, name: &str) -> String {
    fs::read_to_string(folder.path().join(name)).unwrap()
}
