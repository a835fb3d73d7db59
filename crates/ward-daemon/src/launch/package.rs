//! Facts from package.json files: the version of an app, and that of PM2's client.

use std::path::Path;

use serde_json::Value;

use crate::rights::{self, Rights};

/// Folders looked at; deeper trees than this have no package.json of their own.
const MOST_FOLDERS: usize = 64;

/// A package.json longer than this is none.
const MOST_BYTES: u64 = 1 << 20;

/// The version of the nearest package.json above a script, or in a folder that is started as one.
pub(super) fn version(script: &str, rights: &Rights) -> Option<String> {
    let folders = Path::new(script).ancestors().take(MOST_FOLDERS);
    let text = folders
        .map(|folder| folder.join("package.json"))
        .find_map(|path| read(&path, rights))?;
    let package: Value = serde_json::from_slice(&text).ok()?;
    package["version"].as_str().map(str::to_owned)
}

/// A small regular file that these rights let read. Nothing else: apps and clients choose the path, and
/// reading a pipe would stop the daemon.
pub(super) fn read(path: &Path, rights: &Rights) -> Option<Vec<u8>> {
    let read = rights.only(path, |place| rights::read(place, MOST_BYTES));
    read.ok().flatten()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_nearest_one_counts() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a/b/c");
        fs::create_dir_all(&deep).unwrap();
        let script = deep.join("app.js");
        let script = script.to_str().unwrap();
        fs::write(root.path().join("a/package.json"), r#"{"version":"1.0.0"}"#).unwrap();
        assert_eq!(
            version(script, &Rights::default()).as_deref(),
            Some("1.0.0")
        );
        fs::write(
            root.path().join("a/b/package.json"),
            r#"{"version":"2.3.4"}"#,
        )
        .unwrap();
        assert_eq!(
            version(script, &Rights::default()).as_deref(),
            Some("2.3.4")
        );
        fs::write(root.path().join("a/b/package.json"), r#"{"name":"x"}"#).unwrap();
        assert_eq!(
            version(script, &Rights::default()),
            None,
            "no version in the nearest one"
        );
    }

    #[test]
    fn a_pipe_is_no_package() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("package.json");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
        assert_eq!(read(&path, &Rights::default()), None);
        assert_eq!(
            read(root.path(), &Rights::default()),
            None,
            "nor is a folder"
        );
    }
}
