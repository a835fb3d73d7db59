//! Who may change a home. Whoever can write in the home, or in its folders of logs and pid files,
//! could put links and sockets of his own there, and would have the daemon's rights: such a home is
//! not used.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::file;
use crate::folders::HomeError;
use crate::paths::Paths;

/// The largest table of users or groups that is read, in bytes; beyond it no group counts as private.
const LARGEST_TABLE: u64 = 4 << 20;

/// The mode bits with which a group and all others may write.
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

/// Who else may write in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writers {
    /// Every user of the machine.
    Everybody,
    /// The members of this group.
    Group(u32),
}

/// Who beside its owner (and root) may write in a folder. A group that is the owner's alone, as many
/// distributions give each user one, is nobody else.
pub fn other_writers(about: &Metadata) -> Option<Writers> {
    if about.mode() & OTHERS_WRITE != 0 {
        Some(Writers::Everybody)
    } else if about.mode() & GROUP_WRITES != 0 && !is_private(about.uid(), about.gid()) {
        Some(Writers::Group(about.gid()))
    } else {
        None
    }
}

fn is_private(user: u32, group: u32) -> bool {
    let table = |path: &str| file::read_text(Path::new(path), LARGEST_TABLE).unwrap_or_default();
    // A group nobody has named has no members but those whose own group it is.
    is_private_in(&table("/etc/passwd"), &table("/etc/group"), user, group)
}

/// Whether a group is one user's alone, by the tables of passwd(5) and group(5): it has his name or
/// number, and no other members.
fn is_private_in(users: &str, groups: &str, user: u32, group: u32) -> bool {
    let row = |table: &'_ str, number: u32| -> Option<Vec<String>> {
        let rows = table
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>());
        let mut found =
            rows.filter(|row| row.get(2).and_then(|id| id.parse().ok()) == Some(number));
        found
            .next()
            .map(|row| row.into_iter().map(str::to_owned).collect())
    };
    let (owner, entry) = (row(users, user), row(groups, group));
    let name = owner.as_ref().and_then(|row| row.first());
    let same_name = name.is_some() && name == entry.as_ref().and_then(|row| row.first());
    let members = entry
        .and_then(|row| row.get(3).cloned())
        .unwrap_or_default();
    let alone = members
        .split(',')
        .all(|member| member.is_empty() || Some(member) == name.map(String::as_str));
    (same_name || user == group) && alone
}

impl Paths {
    /// Checks that nobody but its owner can change the home. A home that does not exist is fine, and
    /// so are folders that the environment moved elsewhere.
    ///
    /// # Errors
    ///
    /// [`HomeError::Writable`] names the folder and the command that mends it,
    /// [`HomeError::NotFolder`] if something else has its name.
    pub fn check(&self) -> Result<(), HomeError> {
        check_folder(&self.home)?;
        [&self.logs, &self.pids]
            .into_iter()
            .filter(|folder| folder.starts_with(&self.home))
            .try_for_each(|folder| check_folder(folder))
    }

    /// Checks that the home belongs to the user of this process. Root may use the home of another
    /// user, as `sudo` makes it do.
    ///
    /// # Errors
    ///
    /// [`HomeError::Foreign`] for a home of somebody else.
    pub fn check_owner(&self) -> Result<(), HomeError> {
        let own = rustix::process::geteuid().as_raw();
        match self.home.metadata() {
            Ok(about) if own != 0 && about.uid() != own => Err(HomeError::Foreign {
                path: self.home.clone(),
                owner: about.uid(),
                user: own,
            }),
            _ => Ok(()),
        }
    }
}

fn check_folder(folder: &Path) -> Result<(), HomeError> {
    let about = match folder.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        // Who cannot look at it cannot use it either: what is done next says so.
        Err(_) => return Ok(()),
        Ok(about) => about,
    };
    let path = || PathBuf::from(folder);
    if !about.is_dir() {
        return Err(HomeError::NotFolder { path: path() });
    }
    match other_writers(&about) {
        Some(writers) => Err(HomeError::Writable {
            path: path(),
            writers,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_of_ones_own_is_private() {
        let users = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/:/bin/sh\nbob:x:1001:100::/:\n";
        let groups = "root:x:0:\nusers:x:100:bob\nann:x:1000:\nbob:x:1005:bob\nstaff:x:50:ann\n";
        for (user, group, private) in [
            (0, 0, true),
            (1000, 1000, true),
            // By name, with himself as a member.
            (1001, 1005, true),
            (1001, 100, false),
            (1000, 50, false),
            // Not in the tables: a container with numbers only.
            (7777, 7777, true),
            (7777, 7778, false),
        ] {
            assert_eq!(
                is_private_in(users, groups, user, group),
                private,
                "{user} {group}"
            );
        }
        let shared = groups.replace("ann:x:1000:", "ann:x:1000:bob");
        assert!(!is_private_in(users, &shared, 1000, 1000));
    }
}
