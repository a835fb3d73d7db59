//! Finds a program as `execvp` would, with a given PATH and directory instead of this process's
//! own.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD};

/// The value that shells use if PATH is not set.
pub const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The full path of `program`. A name with a slash is taken from `cwd`, any other is looked up in
/// `search` (the value of PATH), whose relative entries are taken from `cwd` too. `None` if there
/// is no executable file.
pub fn find(program: &OsStr, search: &OsStr, cwd: &Path) -> Option<PathBuf> {
    if program.is_empty() {
        return None;
    }
    if program.as_bytes().contains(&b'/') {
        let path = cwd.join(program);
        return is_executable(&path).then_some(path);
    }
    search
        .as_bytes()
        .split(|&byte| byte == b':')
        // An empty entry is the current directory, as in every shell.
        .map(|entry| cwd.join(OsStr::from_bytes(entry)).join(program))
        .find(|path| is_executable(path))
}

/// The value of PATH in a list of variables, the last one winning as in `execve` after a merge.
pub fn path_of(env: &[(OsString, OsString)]) -> &OsStr {
    env.iter()
        .rev()
        .find(|(name, _)| name == "PATH")
        .map_or(OsStr::new(DEFAULT_PATH), |(_, path)| path)
}

/// Whether this is a regular file that this process may execute.
pub fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS).is_ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn first_executable_regular_file_wins() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for directory in ["a/tool", "b", "c", "d"] {
            fs::create_dir_all(at(directory)).unwrap();
        }
        for (name, mode) in [("b/tool", 0o644), ("c/tool", 0o755), ("d/tool", 0o755)] {
            fs::write(at(name), "").unwrap();
            fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        let search = OsString::from("a:b:/nowhere:c:d");
        let tool = OsStr::new("tool");
        assert_eq!(find(tool, &search, folder.path()), Some(at("c/tool")));
        assert_eq!(find(tool, OsStr::new("a:b"), folder.path()), None);
        assert_eq!(find(tool, OsStr::new(""), &at("d")), Some(at("d/tool")));
        assert_eq!(
            find(OsStr::new("./tool"), OsStr::new(""), &at("d")),
            Some(at("d/./tool"))
        );
        assert_eq!(find(OsStr::new(""), &search, folder.path()), None);
    }

    #[test]
    fn the_last_path_counts() {
        let env = [("PATH".into(), "/a".into()), ("PATH".into(), "/b".into())];
        assert_eq!(path_of(&env), "/b");
        assert_eq!(path_of(&[]), DEFAULT_PATH);
    }
}
