//! `--ext js,json`: existing files with other extensions are not watched.

use std::fs;
use std::path::Path;

/// The files below a folder that have none of the extensions, without hidden files and
/// `node_modules`, which are never watched.
pub(super) fn others(folder: &Path, list: &str) -> Vec<String> {
    let wanted: Vec<&str> = list
        .split(',')
        .map(|extension| extension.trim().trim_start_matches('.'))
        .collect();
    let mut ignored = vec!["node_modules".to_owned()];
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        // A folder that cannot be read cannot be watched either.
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') || name == "node_modules" {
                continue;
            }
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
                continue;
            }
            let extension = path.extension().and_then(|extension| extension.to_str());
            if !extension.is_some_and(|extension| wanted.contains(&extension)) {
                ignored.push(path.to_string_lossy().into_owned());
            }
        }
    }
    ignored[1..].sort();
    ignored
}

#[cfg(test)]
mod tests {
    use super::others;

    #[test]
    fn only_files_with_another_extension_are_ignored() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("src/node_modules")).unwrap();
        for name in [
            "a.js",
            "b.json",
            "c.txt",
            "plain",
            ".hidden",
            "src/d.css",
            "src/e.js",
            "src/node_modules/f.css",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let ignored = others(folder.path(), "js, .json");
        let names = ["c.txt", "plain", "src/d.css"];
        let paths = names.map(|name| folder.path().join(name).display().to_string());
        assert_eq!(ignored[0], "node_modules");
        assert_eq!(ignored[1..], paths);
    }
}
