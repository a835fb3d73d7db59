//! With whose rights the daemon opens, makes and removes what an app names: log files, the pid file,
//! sockets, package.json.
//!
//! An app with a `uid` gets no more done through the daemon than it could do itself. The user is
//! looked up once for each life, on a thread that may wait; what was found stays with the life, its
//! log files and its listeners. Apps of the daemon's own user change nothing: their paths are opened
//! as they are.

mod owner;

use std::ffi::OsStr;
use std::fs::DirBuilder;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags};
use rustix::process::geteuid;
use serde::{Deserialize, Serialize};
use ward_sys::place::{Place, Trust};
use ward_sys::rights::{Borrowed, borrow};
use ward_sys::spawn::Credentials;

pub(crate) use owner::{AccountError, Identity, Owner};

/// The mode of folders that are made for an app.
const FOLDER_MODE: u32 = 0o700;

/// Without waiting for anybody, and without becoming the terminal of the daemon.
pub(crate) const AT_ONCE: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY);

/// Whose rights count. The default are the daemon's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Option<Account>", into = "Option<Account>")]
pub(crate) struct Rights(Option<Arc<Account>>);

/// Another user, and the home in which all is the daemon's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Account {
    name: String,
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
    home: PathBuf,
}

impl From<Option<Account>> for Rights {
    fn from(account: Option<Account>) -> Self {
        Self(account.map(Arc::new))
    }
}

impl From<Rights> for Option<Account> {
    fn from(rights: Rights) -> Self {
        rights.0.map(Arc::unwrap_or_clone)
    }
}

impl Account {
    fn credentials(&self) -> Credentials {
        Credentials {
            uid: self.uid,
            gid: self.gid,
            groups: self.groups.clone(),
        }
    }
}

impl Rights {
    /// The rights of a user. What is below `home` is the daemon's.
    fn of(identity: &Identity, home: &Path) -> Self {
        let Identity { user, credentials } = identity;
        Self(Some(Arc::new(Account {
            name: user.name.clone(),
            uid: credentials.uid,
            gid: credentials.gid,
            groups: credentials.groups.clone(),
            home: home.to_path_buf(),
        })))
    }

    /// The user, if it is another one than the daemon's.
    pub(crate) fn uid(&self) -> Option<u32> {
        self.0.as_ref().map(|account| account.uid)
    }

    /// Gives this thread these rights until the value is dropped. No thread and no process must be
    /// made meanwhile: it would keep them.
    ///
    /// # Errors
    ///
    /// The daemon may not become the user.
    pub(crate) fn borrow(&self) -> io::Result<Option<Borrowed>> {
        let account = self.0.as_ref();
        account
            .map(|account| borrow(&account.credentials()))
            .transpose()
    }

    /// The links that lead on in the last part of a path.
    pub(crate) fn trust(&self) -> Trust<'static> {
        let user = self.uid().unwrap_or_else(|| geteuid().as_raw());
        Trust::OwnLinks(user)
    }

    /// Does something at a path with these rights and no others.
    ///
    /// # Errors
    ///
    /// The path cannot be reached, or as `act`.
    pub(crate) fn only<T>(
        &self,
        path: &Path,
        act: impl Fn(&Place) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.0.is_none() {
            return act(&Place::plain(path));
        }
        let _borrowed = self.borrow()?;
        act(&Place::find(None, path, self.trust(), None)?)
    }

    /// Does something at a path that was declared for an app; missing folders are made if `make`.
    ///
    /// - Below the home the daemon acts with its own rights: nobody else can write there. That is
    ///   checked, and no link of others is followed.
    /// - Everywhere else it acts with the rights of the app. Where those do not suffice, as for
    ///   `uid: www-data, out_file: /var/log/app.log`, it uses its own if nobody but root and its own
    ///   user can change any part of the way there ([`Trust::Guarded`]): then the path means what the
    ///   one who declared it meant, whatever the app does.
    ///
    /// # Errors
    ///
    /// The user may not do it and the way is not safe, which the text says; or as `act`.
    pub(crate) fn at<T>(
        &self,
        path: &Path,
        make: bool,
        act: impl Fn(&Place) -> io::Result<T>,
    ) -> io::Result<T> {
        let Some(account) = &self.0 else {
            return plain(path, make, act);
        };
        let folders = make.then_some(FOLDER_MODE);
        let stranger = account.credentials();
        let guarded = Trust::Guarded {
            user: geteuid().as_raw(),
            stranger: &stranger,
        };
        if let Ok(below) = path.strip_prefix(&account.home) {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let home = rustix::fs::open(&account.home, flags, Mode::empty())?;
            let done = Place::find(Some(home), below, guarded, folders).and_then(|it| act(&it));
            // Links may lead out of the home; then the path is as any other.
            if !done.as_ref().is_err_and(is_denied) {
                return done;
            }
        }
        let as_the_app = {
            let _borrowed = self.borrow()?;
            Place::find(None, path, self.trust(), folders).and_then(|it| act(&it))
        };
        if !as_the_app.as_ref().is_err_and(is_denied) {
            return as_the_app;
        }
        let by_itself = Place::find(None, path, guarded, folders).and_then(|it| act(&it));
        by_itself.map_err(|error| {
            if !is_denied(&error) {
                return error;
            }
            let text = format!(
                "the user {} may not, and others than root can change what is on the way there",
                account.name
            );
            io::Error::new(io::ErrorKind::PermissionDenied, text)
        })
    }
}

fn is_denied(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

/// Does something at a path with the daemon's own rights; missing folders are made if it fails.
fn plain<T>(path: &Path, make: bool, act: impl Fn(&Place) -> io::Result<T>) -> io::Result<T> {
    let place = Place::plain(path);
    match (act(&place), path.parent()) {
        (Err(error), Some(folder)) if make && error.kind() == io::ErrorKind::NotFound => {
            let mut builder = DirBuilder::new();
            builder.recursive(true).mode(FOLDER_MODE).create(folder)?;
            act(&place)
        }
        (done, _) => done,
    }
}

/// Whether a path is a name for an output of the daemon itself, which only the one who declared it
/// can mean: taken literally, and through no link.
pub(crate) fn is_own_output(path: &Path) -> bool {
    let names = ["/dev/stdout", "/dev/stderr", "/dev/fd/1", "/dev/fd/2"];
    let names = names.iter().chain(&["/proc/self/fd/1", "/proc/self/fd/2"]);
    names
        .into_iter()
        .any(|name| path.as_os_str() == OsStr::new(name))
}

/// Opens a regular file at a place; anything else is refused with `EINVAL`, and nothing of it read.
///
/// # Errors
///
/// As [`Place::open`], or it is not regular.
pub(crate) fn open_regular(place: &Place, flags: OFlags, mode: u32) -> io::Result<OwnedFd> {
    let file = place.open(flags | AT_ONCE, mode)?;
    let about = rustix::fs::fstat(&file)?;
    if FileType::from_raw_mode(about.st_mode) != FileType::RegularFile {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is no regular file",
        ));
    }
    Ok(file)
}

/// The content of a regular file; nothing if it is longer than `most` bytes.
///
/// # Errors
///
/// As [`open_regular`], or reading fails.
pub(crate) fn read(place: &Place, most: u64) -> io::Result<Option<Vec<u8>>> {
    let file = std::fs::File::from(open_regular(place, OFlags::RDONLY, 0)?);
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}
