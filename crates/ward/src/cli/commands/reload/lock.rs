//! `reload.lock`: a file with the time a reload began, empty when none runs. PM2's clients honour
//! it, so ward writes it; between two wards a lock of the kernel decides as well, which a dead
//! process cannot leave behind.

use std::env;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::OFlags;
use ward_home::file;

use crate::cli::args::Invocation;
use crate::exit::Failure;

/// Held while a reload runs.
#[derive(Debug)]
pub(crate) struct Lock(Option<File>);

/// How old a time in the file may be before it is ignored, in milliseconds.
const LASTING: u64 = 30_000;

impl Lock {
    /// Takes the lock, or reports how long another reload may keep it. `--force` ignores that
    /// reload.
    pub(crate) fn take(invocation: &Invocation) -> Result<Self, Failure> {
        let path = &invocation.paths.reload_lock;
        let unusable = |error: std::io::Error| {
            Failure::new(format!("cannot write {}: {error}", path.display()))
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let options = options.mode(0o600).custom_flags(flags);
        let mut file = options.open(path).map_err(unusable)?;
        let about = file.metadata().map_err(unusable)?;
        file::regular(&about).map_err(|error| unusable(error.into()))?;
        let free = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        };
        let mut text = String::new();
        // Bytes that are not UTF-8 are not a time either.
        let mut start = (&file).take(file::LARGEST_NOTE);
        start.read_to_string(&mut text).unwrap_or_default();
        if let Some(why) = stale(&text, now()) {
            let text = format!("{} is ignored: {why}", path.display());
            invocation.console.warn_aside(text);
        }
        if !invocation.is_set("force")
            && let Some(left) = left(&text, now(), lasting(), free)
        {
            return Err(Failure::new(format!(
                "Reload already in progress, please try again in {} seconds or use --force",
                left.div_ceil(1000)
            )));
        }
        write(&mut file, &format!("{}\n", now())).map_err(unusable)?;
        Ok(Self(Some(file)))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(mut file) = self.0.take() {
            // If the time cannot be removed, later reloads ignore it once it is too old.
            write(&mut file, "").ok();
        }
    }
}

fn write(file: &mut File, text: &str) -> std::io::Result<()> {
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(text.as_bytes())
}

/// How far clocks may be apart, or set back during a reload, in milliseconds.
const SKEW: u64 = 1000;

/// Why what stands in the file is no time of a reload.
fn stale(text: &str, now: u64) -> Option<&'static str> {
    match text.trim().parse::<u64>() {
        Ok(begun) if begun > now.saturating_add(SKEW) => Some("its time has not come yet"),
        Err(_) if !text.trim().is_empty() => Some("it does not hold a time"),
        _ => None,
    }
}

/// Milliseconds the lock still lasts. Ward ends the time with a newline: when the kernel's lock is
/// free although such a time stands there, its writer died in the middle.
fn left(text: &str, now: u64, lasting: u64, free: bool) -> Option<u64> {
    let begun: u64 = text.trim().parse().ok()?;
    // Without a limit, a time from the future would block reloads until it has come.
    if free && (text.ends_with('\n') || stale(text, now).is_some()) {
        return None;
    }
    let age = now.saturating_sub(begun);
    lasting.checked_sub(age).filter(|left| *left > 0)
}

fn lasting() -> u64 {
    env::var("PM2_RELOAD_LOCK_TIMEOUT")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(LASTING)
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since
        .ok()
        .and_then(|since| u64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::left;

    #[test]
    fn a_young_time_of_someone_alive_holds() {
        for (text, free, wanted) in [
            ("", true, None),
            ("junk", true, None),
            ("100000", true, Some(20_000)),
            ("100000", false, Some(20_000)),
            ("100000\n", false, Some(20_000)),
            ("100000\n", true, None),
            ("80000", true, None),
            ("70000\n", false, None),
            ("110500", true, Some(30_000)),
            ("99999999999999", true, None),
            ("99999999999999\n", false, Some(30_000)),
        ] {
            assert_eq!(left(text, 110_000, 30_000, free), wanted, "{text:?} {free}");
        }
    }
}
