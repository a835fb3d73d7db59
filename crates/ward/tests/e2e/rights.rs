//! What an app of another user names, the daemon of root touches with that user's rights. As an ordinary user there is no
//! other user to be, and `uid` is refused, which `as_root` checks.

mod files;
mod pid_files;
mod sockets;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use crate::harness::Ward;

/// `nobody`, on every Linux.
const NOBODY: u32 = 65534;

/// What is in root's file.
const SECRET: &str = "root's\n";

/// A home that others can look through, a folder of nobody's, and a file that only root may touch. `None` without root.
struct World {
    ward: Ward,
    own: PathBuf,
    secret: PathBuf,
}

fn as_root(ward: Ward) -> Option<World> {
    if !rustix::process::geteuid().is_root() {
        ward.write("app.js", "");
        let refused = ward.run(&["start", "app.js", "--uid", "nobody"]).fails();
        refused.complains("To use UID and GID please run PM2 as root");
        eprintln!("without root there is no other user to be: nothing more is shown");
        return None;
    }
    set_mode(ward.root(), 0o755);
    let (own, secret) = (ward.root().join("own"), ward.root().join("secret"));
    fs::create_dir(&own).unwrap();
    chown(&own, Some(NOBODY), Some(NOBODY)).unwrap();
    fs::write(&secret, SECRET).unwrap();
    set_mode(&secret, 0o600);
    Some(World { ward, own, secret })
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

impl World {
    /// The file of root is as it was.
    fn check(&self) {
        let about = fs::metadata(&self.secret).unwrap();
        assert_eq!((about.mode() & 0o777, about.uid()), (0o600, 0));
        assert_eq!(fs::read_to_string(&self.secret).unwrap(), SECRET);
    }

    /// A link of nobody's to the file of root.
    fn link(&self, name: &str) -> PathBuf {
        let path = self.own.join(name);
        fs::remove_file(&path).ok();
        std::os::unix::fs::symlink(&self.secret, &path).unwrap();
        std::os::unix::fs::lchown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
        path
    }

    /// Declares an app of nobody's; `more` are further keys.
    fn declare(&self, script: &str, more: &str) {
        let script = self.ward.write("app.js", script);
        let file = format!(
            "module.exports = {{ name: 'app', script: '{}', uid: 'nobody', cwd: '{}', {more} }}",
            script.display(),
            self.own.display()
        );
        self.ward.write("ecosystem.config.js", &file);
    }

    fn start(&self) -> crate::harness::Ran {
        self.ward.run(&["start", "ecosystem.config.js"])
    }
}
