//! Who can read or change a file, by the owners and modes of all folders above it.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ward_home::{Writers, other_writers};

/// Mode bits (inode(7)).
const STICKY: u32 = 0o1000;
const OTHERS_READ: u32 = 0o004;
const OTHERS_ENTER: u32 = 0o001;

/// A user who could change a path, or all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Threat {
    /// The mode lets others write.
    Mode(PathBuf, Writers),
    /// A user who is not trusted owns it.
    Owner(PathBuf, u32),
}

impl Threat {
    /// Who could change what, as the end of a sentence.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Mode(path, Writers::Everybody) => {
                format!("every user may write to {}", path.display())
            }
            Self::Mode(path, Writers::Group(group)) => {
                format!(
                    "all members of group {group} may write to {}",
                    path.display()
                )
            }
            Self::Owner(path, user) => format!("user {user} owns {}", path.display()),
        }
    }

    /// The command that ends it.
    pub(super) fn mend(&self) -> String {
        match self {
            Self::Mode(path, _) => format!("chmod go-w {}", path.display()),
            Self::Owner(path, _) => format!("chown root {}", path.display()),
        }
    }
}

/// Who beside the trusted users (and root) could put something else in the place of a file or folder:
/// the first such thing from the path upwards.
pub(super) fn threat(path: &Path, trusted: &[u32]) -> Option<Threat> {
    // What is not there can be made by whoever may write in the folder.
    path.ancestors().enumerate().find_map(|(level, part)| {
        let about = fs::metadata(part).ok()?;
        threat_to(part, &about, level == 0, trusted)
    })
}

/// Likewise only in the folders above.
pub(super) fn threat_above(path: &Path, trusted: &[u32]) -> Option<Threat> {
    path.ancestors().skip(1).find_map(|part| {
        let about = fs::metadata(part).ok()?;
        threat_to(part, &about, false, trusted)
    })
}

fn threat_to(part: &Path, about: &Metadata, itself: bool, trusted: &[u32]) -> Option<Threat> {
    if about.uid() != 0 && !trusted.contains(&about.uid()) {
        return Some(Threat::Owner(part.to_path_buf(), about.uid()));
    }
    // In a sticky folder only owners can replace what is theirs.
    let sticky = about.is_dir() && !itself && about.mode() & STICKY != 0;
    let writers = other_writers(about).filter(|_| !sticky);
    writers.map(|writers| Threat::Mode(part.to_path_buf(), writers))
}

/// Whether every user of the machine can read a file.
pub(super) fn is_public(path: &Path) -> bool {
    let readable = fs::metadata(path).is_ok_and(|about| about.mode() & OTHERS_READ != 0);
    readable && is_reachable(path)
}

/// Whether every user can come to what is in this folder.
pub(super) fn is_reachable(path: &Path) -> bool {
    path.ancestors()
        .skip(1)
        .all(|folder| fs::metadata(folder).is_ok_and(|about| about.mode() & OTHERS_ENTER != 0))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn all_folders_above_count() {
        let root = tempfile::tempdir().unwrap();
        let own = rustix::process::geteuid().as_raw();
        let (folder, file) = (root.path().join("a"), root.path().join("a/file"));
        fs::create_dir(&folder).unwrap();
        fs::write(&file, "").unwrap();
        for path in [root.path(), &folder] {
            set_mode(path, 0o755);
        }
        set_mode(&file, 0o600);
        assert_eq!(threat(&file, &[own]), None);
        assert!(!is_public(&file));
        set_mode(&file, 0o644);
        assert_eq!(is_public(&file), is_reachable(root.path()));
        set_mode(&folder, 0o777);
        let open = Threat::Mode(folder.clone(), Writers::Everybody);
        assert_eq!(threat(&file, &[own]), Some(open.clone()));
        assert_eq!(threat(&folder.join("missing"), &[own]), Some(open.clone()));
        set_mode(&folder, 0o1777);
        assert_eq!(threat(&file, &[own]), None, "sticky");
        assert_eq!(threat(&folder, &[own]), Some(open), "others may add to it");
        set_mode(&folder, 0o711);
        assert!(!is_public(&folder));
        set_mode(root.path(), 0o700);
        assert!(!is_public(&file));
    }
}
