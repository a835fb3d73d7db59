//! Ports that belong to one test alone, for as long as the tests run.

use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Mutex;

/// All of them are below the range from which the kernel takes the ports of outgoing connections.
const FIRST: u16 = 10_000;
const LAST: u16 = 30_000;

/// The next port to try, and the locks of those that were given away.
static TAKEN: Mutex<Option<(u16, Vec<File>)>> = Mutex::new(None);

/// A port nobody uses, and nobody gets by chance until the app binds it: neither an outgoing
/// connection, nor another test, nor another run of the tests at the same time.
pub(crate) fn free_port() -> u16 {
    let mut taken = TAKEN
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let (next, locks) = taken.get_or_insert_with(|| (somewhere(), Vec::new()));
    let end = last();
    for _ in FIRST..end {
        let port = *next;
        *next = if port + 1 < end { port + 1 } else { FIRST };
        if let Some(lock) = locked(port)
            && is_unused(port)
        {
            locks.push(lock);
            return port;
        }
    }
    panic!("no port between {FIRST} and {end} is free");
}

/// The end of our range: where that of outgoing connections begins, if it begins early.
fn last() -> u16 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let lowest = range
        .split_whitespace()
        .next()
        .and_then(|it| it.parse().ok());
    match lowest {
        Some(lowest) if lowest > FIRST => LAST.min(lowest),
        _ => LAST,
    }
}

/// Two runs at once seldom begin at the same place.
fn somewhere() -> u16 {
    let random = RandomState::new().build_hasher().finish();
    let offset = random % u64::from(last() - FIRST);
    FIRST + u16::try_from(offset).expect("less than a port")
}

/// The lock of a port, if no other process has it. It ends with this process.
fn locked(port: u16) -> Option<File> {
    let user = rustix::process::getuid().as_raw();
    let folder: PathBuf = std::env::temp_dir().join(format!("ward-e2e-ports-{user}"));
    fs::create_dir_all(&folder).ok()?;
    let lock = File::create(folder.join(port.to_string())).ok()?;
    lock.try_lock().ok()?;
    Some(lock)
}

/// Whether it can be bound at any address, as apps do.
fn is_unused(port: u16) -> bool {
    ["[::]", "0.0.0.0", "127.0.0.1"].iter().all(|host| {
        match TcpListener::bind(format!("{host}:{port}")) {
            Ok(_) => std::net::UdpSocket::bind(format!("{host}:{port}")).is_ok(),
            Err(error) => *host == "[::]" && error.kind() != std::io::ErrorKind::AddrInUse,
        }
    })
}
