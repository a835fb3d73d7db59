//! The folders and first files of a home.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::access::Writers;
use crate::paths::Paths;

/// The home cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// A folder or file can be neither found nor made.
    #[error("cannot use {}: {source}", path.display())]
    Unusable {
        /// The folder or file.
        path: PathBuf,
        /// The error of the kernel.
        source: io::Error,
    },
    /// Something else has the name of a folder.
    #[error("cannot use {}: it is not a folder", path.display())]
    NotFolder {
        /// What is no folder.
        path: PathBuf,
    },
    /// Others than its owner may write there.
    #[error("cannot use {}: {}", path.display(), writers_text(*writers))]
    Writable {
        /// The folder.
        path: PathBuf,
        /// Who may write there.
        writers: Writers,
    },
    /// The home belongs to another user.
    #[error("cannot use {}: it belongs to user {owner}, and this is user {user}", path.display())]
    Foreign {
        /// The home.
        path: PathBuf,
        /// The user id of its owner.
        owner: u32,
        /// The user id of this process.
        user: u32,
    },
}

impl HomeError {
    /// What the user can do about it, as one line.
    pub fn hint(&self) -> String {
        match self {
            Self::Unusable { .. } | Self::NotFolder { .. } => {
                "make it writable, or set WARD_HOME (or PM2_HOME) to a folder you can write"
                    .to_owned()
            }
            Self::Writable { path, .. } => format!("chmod go-w {}", quoted(path)),
            Self::Foreign { path, user, .. } => format!(
                "sudo chown -R {user} {}, or set WARD_HOME (or PM2_HOME) to a folder of your own",
                quoted(path)
            ),
        }
    }
}

fn writers_text(writers: Writers) -> String {
    match writers {
        Writers::Everybody => "every user may write there".to_owned(),
        Writers::Group(group) => format!("all members of group {group} may write there"),
    }
}

/// A path as one word of a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |character: char| character.is_alphanumeric() || "/._-+@:,".contains(character);
    if text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

impl Paths {
    /// Makes the home and its folders with access for the user alone. Existing files and folders
    /// stay.
    ///
    /// # Errors
    ///
    /// A folder or file can be neither found nor made, belongs to another user, or may be changed by
    /// others (see [`Paths::check`]).
    pub fn make(&self) -> Result<(), HomeError> {
        make_folder(&self.home)?;
        // Before anything is written into it: a home of others is left as it is.
        self.check()?;
        self.check_owner()?;
        for folder in [&self.logs, &self.pids, &self.modules] {
            make_folder(folder)?;
        }
        for (file, content) in [(&self.module_conf, "{}"), (&self.touch, "")] {
            create(file, content).map_err(|source| failed(&self.home, source))?;
        }
        Ok(())
    }
}

fn make_folder(folder: &Path) -> Result<(), HomeError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| failed(folder, source))
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
    HomeError::Unusable {
        path: path.to_path_buf(),
        source,
    }
}
