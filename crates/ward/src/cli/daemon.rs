//! Starts the daemon from a command, so that however many first commands run at once, there is one
//! daemon and each command reaches it.
//!
//! The daemon holds an exclusive lock on the home as long as it lives. A command that finds no
//! accepting socket waits for the lock, which is free if no daemon runs and no command starts one.
//! With the lock it tries the socket again, starts a daemon that inherits the lock, and waits until
//! the daemon reports that it is ready.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use ward_home::{HomeError, Paths, READY, file};
use ward_sys::daemonize::{self, Outcome};
use ward_sys::listener;
use ward_sys::lock::Lock;

use crate::exit::Failure;

/// The longest time until a daemon accepts connections; normally it takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Variables of a managed app that the daemon must not inherit from it.
const NOT_INHERITED: [&str; 5] = [
    "unique_id",
    "NODE_CHANNEL_FD",
    "NODE_CHANNEL_SERIALIZATION_MODE",
    "NODE_UNIQUE_ID",
    "PM2_USAGE",
];

/// Connects to the daemon of this home and starts it if there is none. The flag tells whether this
/// call started it.
pub(crate) fn ensure(paths: &Paths) -> Result<(UnixStream, bool), Failure> {
    paths.check()?;
    if let Some(stream) = connect(paths)? {
        return Ok((stream, false));
    }
    paths.make()?;
    let cannot = |error: io::Error| cannot_use(&paths.home, error);
    // A running daemon holds the lock; then its socket accepts soon, and the lock stays taken.
    let lock = match Lock::try_acquire(&paths.lock).map_err(cannot)? {
        Some(lock) => lock,
        None => match wait_for_lock_or_socket(paths)? {
            Found::Socket(stream) => return Ok((stream, false)),
            Found::Lock(lock) => lock,
        },
    };
    if let Some(stream) = connect(paths)? {
        return Ok((stream, false));
    }
    start(paths, &lock)?;
    match connect(paths)? {
        Some(stream) => Ok((stream, true)),
        None => Err(died(paths, "it ended right after its start")),
    }
}

enum Found {
    Socket(UnixStream),
    Lock(Lock),
}

/// Waits while another process holds the lock: a daemon, or a command that starts one. Either the
/// socket accepts soon or the lock becomes free.
fn wait_for_lock_or_socket(paths: &Paths) -> Result<Found, Failure> {
    let path = paths.lock.clone();
    let (found, waiting) = std::sync::mpsc::channel();
    std::thread::spawn(move || found.send(Lock::acquire(&path)));
    let end = std::time::Instant::now() + PATIENCE;
    loop {
        match waiting.recv_timeout(Duration::from_millis(2)) {
            Ok(Ok(lock)) => return Ok(Found::Lock(lock)),
            Ok(Err(error)) => return Err(cannot_use(&paths.home, error)),
            Err(_) => {
                if let Some(stream) = connect(paths)? {
                    return Ok(Found::Socket(stream));
                }
            }
        }
        if std::time::Instant::now() > end {
            let text = format!(
                "a daemon holds {} but does not accept connections",
                paths.lock.display()
            );
            return Err(Failure::new(text).with_hint(format!(
                "look into {}, or end that process",
                paths.daemon_log.display()
            )));
        }
    }
}

/// Connects if a daemon accepts connections.
fn connect(paths: &Paths) -> Result<Option<UnixStream>, Failure> {
    match reach(&paths.rpc_socket) {
        Ok(stream) => Ok(Some(stream)),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::NotADirectory => Ok(None),
            _ => Err(unreachable_socket(&paths.rpc_socket, &error)),
        },
    }
}

/// Connects to a socket of the daemon, whose path may be longer than an address.
pub(super) fn reach(socket: &Path) -> io::Result<UnixStream> {
    listener::unix_connect(socket).map(UnixStream::from)
}

/// The failure for a socket that exists but cannot be used.
pub(super) fn unreachable_socket(socket: &Path, error: &io::Error) -> Failure {
    let shown = socket.display();
    match error.kind() {
        io::ErrorKind::PermissionDenied => Failure::new(format!(
            "Permission denied, check permissions on {shown}"
        ))
        .with_hint("the daemon belongs to another user? Use the same user, or another WARD_HOME"),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidFilename => {
            let length = socket.file_name().map_or(0, std::ffi::OsStr::len);
            Failure::new(format!(
                "cannot connect to {shown}: the name of the socket has {length} bytes, and an \
                 address of the kernel has room for 107 with its folder"
            ))
        }
        _ => Failure::new(format!("cannot connect to {shown}: {error}")),
    }
}

fn start(paths: &Paths, lock: &Lock) -> Result<(), Failure> {
    let cannot = |error: io::Error| cannot_use(&paths.home, error);
    for socket in [&paths.rpc_socket, &paths.pub_socket] {
        // No process listens on it, because this one holds the lock.
        match fs::remove_file(socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot(error)),
            _ => {}
        }
    }
    let log = file::append(&paths.daemon_log).map_err(|error| {
        let log = paths.daemon_log.display();
        Failure::new(format!("cannot write the daemon's log {log}: {error}"))
    })?;
    let log = OwnedFd::from(log);
    let program = std::env::current_exe().map_err(cannot)?;
    let mut env: Vec<(OsString, OsString)> = std::env::vars_os()
        .filter(|(name, _)| !NOT_INHERITED.iter().any(|not| name == not))
        .filter(|(name, _)| name != "WARD_HOME")
        .collect();
    env.push(("WARD_HOME".into(), paths.home.clone().into()));
    let launch = daemonize::Launch {
        argv: vec![OsString::from("ward"), "__daemon".into()],
        program,
        env,
        log,
        lock: Some(lock.share().map_err(cannot)?),
    };
    let starting = daemonize::start(launch).map_err(|error| died(paths, &error.to_string()))?;
    match starting.wait(PATIENCE).map_err(cannot)? {
        Outcome::Said(word) if word == READY => Ok(()),
        Outcome::Said(why) => Err(Failure::new(format!("cannot start the daemon: {why}"))),
        Outcome::Died(status) => Err(died(paths, &format!("it ended with {status:?}"))),
        Outcome::TimedOut => Err(died(paths, "it did not get ready")),
    }
}

fn died(paths: &Paths, why: &str) -> Failure {
    Failure::new(format!("cannot start the daemon: {why}"))
        .with_hint(format!("its log is {}", paths.daemon_log.display()))
}

fn cannot_use(folder: &Path, source: io::Error) -> Failure {
    HomeError::Unusable {
        path: folder.to_path_buf(),
        source,
    }
    .into()
}

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        Self::new(error.to_string()).with_hint(error.hint())
    }
}
