//! The folders and first files of a home.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::paths::Paths;

/// The home cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {}: {source}", path.display())]
pub struct HomeError {
    /// The folder or file that cannot be made.
    pub path: PathBuf,
    /// The error of the kernel.
    pub source: io::Error,
}

impl HomeError {
    /// What the user can do about it.
    pub const HINT: &str =
        "make it writable, or set WARD_HOME (or PM2_HOME) to a folder you can write";
}

impl Paths {
    /// Makes the home and its folders with access for the user alone. Existing files and folders
    /// stay.
    ///
    /// # Errors
    ///
    /// A folder or file can be neither found nor made.
    pub fn make(&self) -> Result<(), HomeError> {
        for folder in [&self.home, &self.logs, &self.pids, &self.modules] {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(|source| failed(folder, source))?;
        }
        for (file, content) in [(&self.module_conf, "{}"), (&self.touch, "")] {
            create(file, content).map_err(|source| failed(&self.home, source))?;
        }
        Ok(())
    }
}

fn create(file: &Path, content: &str) -> io::Result<()> {
    let opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file);
    match opened {
        Ok(mut file) => file.write_all(content.as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn failed(path: &Path, source: io::Error) -> HomeError {
    HomeError {
        path: path.to_path_buf(),
        source,
    }
}
