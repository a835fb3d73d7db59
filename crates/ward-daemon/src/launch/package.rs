//! Facts from package.json files: the version of an app, and that of PM2's client.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use serde_json::Value;

/// Folders looked at; deeper trees than this have no package.json of their own.
const MOST_FOLDERS: usize = 64;

/// A package.json longer than this is none.
const MOST_BYTES: u64 = 1 << 20;

/// The version of the nearest package.json above a script, or in a folder that is started as one.
pub(super) fn version(script: &str) -> Option<String> {
    let folders = Path::new(script).ancestors().take(MOST_FOLDERS);
    let text = folders
        .map(|folder| folder.join("package.json"))
        .find_map(|path| read(&path))?;
    let package: Value = serde_json::from_slice(&text).ok()?;
    package["version"].as_str().map(str::to_owned)
}

/// A small regular file. Nothing else: apps and clients choose the path, and reading a pipe would
/// stop the daemon.
pub(crate) fn read(path: &Path) -> Option<Vec<u8>> {
    let file = File::options()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .ok()?;
    let about = file.metadata().ok()?;
    if !about.is_file() || about.len() > MOST_BYTES {
        return None;
    }
    let mut text = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut text).ok()?;
    Some(text)
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
        assert_eq!(version(script).as_deref(), Some("1.0.0"));
        fs::write(
            root.path().join("a/b/package.json"),
            r#"{"version":"2.3.4"}"#,
        )
        .unwrap();
        assert_eq!(version(script).as_deref(), Some("2.3.4"));
        fs::write(root.path().join("a/b/package.json"), r#"{"name":"x"}"#).unwrap();
        assert_eq!(version(script), None, "no version in the nearest one");
    }

    #[test]
    fn a_pipe_is_no_package() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("package.json");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
        assert_eq!(read(&path), None);
        assert_eq!(read(root.path()), None, "nor is a folder");
    }
}
