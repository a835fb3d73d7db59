//! The saved list, `dump.pm2`. It is written so that no crash and no full disk loses it, it is read
//! as data and never evaluated, and broken files are kept. This module treats entries as JSON
//! objects.

#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::Paths;
use crate::file::{self, FileError, LARGEST_DUMP};

/// One saved instance: PM2's `pm2_env`.
pub type Entry = Map<String, Value>;

/// Older generations beside `dump.pm2.bak`.
pub const GENERATIONS: u8 = 3;

/// Why the saved list cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Writing failed; the list on disk is as it was.
    #[error("cannot save to {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the file system.
        source: io::Error,
    },
    /// A file exists but cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why it is not read.
        source: FileError,
    },
    /// An empty list would replace a list with entries.
    #[error("an empty list does not replace the saved one")]
    WouldEmpty,
}

/// Bytes that are no list of entries.
#[derive(Debug, thiserror::Error)]
pub enum BadList {
    /// They are no JSON array.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// An entry is something else than an object.
    #[error("entry {position} is no object")]
    Entry {
        /// The first entry is 1.
        position: usize,
    },
}

/// A file that is not a list and was therefore renamed.
#[derive(Debug)]
pub struct SetAside {
    /// The name of the file.
    pub file: PathBuf,
    /// The new name; `None` if it could not be renamed.
    pub now: Option<PathBuf>,
    /// The error in the file.
    pub reason: BadList,
}

/// The result of reading the saved list.
#[derive(Debug, Default)]
pub struct Saved {
    /// The list with the file it comes from; `None` if no list was ever saved.
    pub list: Option<(PathBuf, Vec<Entry>)>,
    /// The broken files.
    pub aside: Vec<SetAside>,
}

/// The entry of one record of the daemon; `None` for modules, which start by themselves. `spec` is
/// what was declared. PM2 ignores what ward takes from it: the layers of the environment apart, or
/// a restored app could not lose a variable that its file no longer has; and which keys are nothing
/// but variables, or one called `uid` would decide who the restored app runs as.
pub fn entry(record: &Value, spec: Option<&Value>) -> Option<Entry> {
    let mut entry = record.get("pm2_env")?.as_object()?.clone();
    if entry.get("pmx_module").and_then(Value::as_bool) == Some(true) {
        return None;
    }
    for key in ["instances", "pm_id", "prev_restart_delay"] {
        entry.shift_remove(key);
    }
    if let Some(layers) = spec.and_then(|spec| spec.get("ward")) {
        let mut layers = layers.clone();
        layers["variables"] = variables(&entry, spec).into();
        entry.insert("ward".to_owned(), layers);
    }
    Some(entry)
}

/// Variables that stand at the top of the entry once more, and were not declared there.
fn variables(entry: &Entry, spec: Option<&Value>) -> Vec<String> {
    let env = entry.get("env").and_then(Value::as_object);
    let only = env.into_iter().flatten().filter(|(name, value)| {
        let declared = spec.is_some_and(|spec| spec.get(name).is_some());
        !declared && entry.get(*name) == Some(value)
    });
    only.map(|(name, _)| name.clone()).collect()
}

/// Writes the list. Without `force`, an empty one is refused when the saved one is not empty.
///
/// # Errors
///
/// [`StoreError::Write`] if the disk refuses, [`StoreError::WouldEmpty`] if an empty list would
/// replace another.
pub fn write(paths: &Paths, entries: &[Entry], force: bool) -> Result<(), StoreError> {
    if entries.is_empty() && !force && holds_something(&paths.dump) {
        return Err(StoreError::WouldEmpty);
    }
    let text = encode(entries);
    let failed = |source| StoreError::Write {
        path: paths.dump.clone(),
        source,
    };
    // The new list is complete on the disk before anything old moves.
    let temporary = file::write_beside(&paths.dump, &text).map_err(failed)?;
    if paths.dump.exists() {
        keep_generations(paths).map_err(|source| StoreError::Write {
            path: paths.dump_backup.clone(),
            source,
        })?;
    }
    file::put(temporary, &paths.dump).map_err(failed)
}

/// The text of a list: JSON with an indent of two spaces, as PM2 writes it, and a last line end.
pub fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(entries).expect("entries are JSON objects");
    text.push(b'\n');
    text
}

/// Renames each generation to the next older one. The current file keeps its name all the time.
fn keep_generations(paths: &Paths) -> io::Result<()> {
    let current = read_list(&paths.dump)?;
    // Saving the same list again and again must not push the older ones out.
    if read_list(&paths.dump_backup).is_ok_and(|backup| backup != current) {
        for number in (1..GENERATIONS).rev() {
            move_if_there(&generation(paths, number), &generation(paths, number + 1))?;
        }
        move_if_there(&paths.dump_backup, &generation(paths, 1))?;
    }
    let temporary = file::write_beside(&paths.dump_backup, &current)?;
    file::put(temporary, &paths.dump_backup)
}

fn move_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The path of an older generation, from 1, the newest, to [`GENERATIONS`].
pub fn generation(paths: &Paths, number: u8) -> PathBuf {
    with_ending(&paths.dump, &number.to_string())
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn read_list(path: &Path) -> Result<Vec<u8>, FileError> {
    file::read(path, LARGEST_DUMP)
}

/// Whether the file is a list with entries.
fn holds_something(path: &Path) -> bool {
    match read_list(path) {
        Ok(bytes) => decode(&bytes).is_ok_and(|entries| !entries.is_empty()),
        Err(_) => false,
    }
}

/// Reads the newest list that can be read. Broken files are set aside.
///
/// # Errors
///
/// [`StoreError::Read`] if a file exists and cannot be read. A broken file is no error but set
/// aside.
pub fn read(paths: &Paths) -> Result<Saved, StoreError> {
    let mut saved = Saved::default();
    let older = (1..=GENERATIONS).map(|number| generation(paths, number));
    let files = [paths.dump.clone(), paths.dump_backup.clone()];
    for file in files.into_iter().chain(older) {
        let bytes = match read_list(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.is_missing() => continue,
            Err(source) => return Err(StoreError::Read { path: file, source }),
        };
        match decode(&bytes) {
            Ok(entries) => {
                saved.list = Some((file, entries));
                return Ok(saved);
            }
            Err(reason) => saved.aside.push(set_aside(&file, reason)),
        }
    }
    Ok(saved)
}

/// Reads the text of a list. PM2 evaluates this file as a program; here it is JSON and nothing
/// else.
///
/// # Errors
///
/// The text is no JSON array of objects, or is nested deeper than 128 levels.
pub fn decode(text: &[u8]) -> Result<Vec<Entry>, BadList> {
    let list: Vec<Value> = serde_json::from_slice(text)?;
    list.into_iter()
        .zip(1..)
        .map(|(entry, position)| match entry {
            Value::Object(entry) => Ok(entry),
            _ => Err(BadList::Entry { position }),
        })
        .collect()
}

fn set_aside(file: &Path, reason: BadList) -> SetAside {
    let date = jiff::Zoned::now().strftime("%Y-%m-%dT%H-%M-%S").to_string();
    let wanted = with_ending(file, &format!("corrupt-{date}"));
    let now = (0..100)
        .map(|number| match number {
            0 => wanted.clone(),
            _ => with_ending(&wanted, &number.to_string()),
        })
        .find(|free| !free.exists())
        .filter(|free| fs::rename(file, free).is_ok());
    SetAside {
        file: file.to_path_buf(),
        now,
        reason,
    }
}
