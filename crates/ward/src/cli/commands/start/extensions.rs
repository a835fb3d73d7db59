//! `--ext js,json`: what is there now and has none of these extensions is not watched.

use std::fs;
use std::path::Path;

/// Names in a folder that have none of the extensions. Folders stay watched, hidden files and
/// `node_modules` never are.
pub(super) fn others(folder: &Path, list: &str) -> Vec<String> {
    let wanted: Vec<&str> = list
        .split(',')
        .map(|extension| extension.trim().trim_start_matches('.'))
        .collect();
    let mut ignored = vec![r"[\/\\]\.".to_owned(), "node_modules".to_owned()];
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .map(|entry| entry.path())
        .filter(|path| {
            let extension = path.extension().and_then(|extension| extension.to_str());
            !extension.is_some_and(|extension| wanted.contains(&extension))
        })
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    ignored.extend(names);
    ignored
}

#[cfg(test)]
mod tests {
    use super::others;

    #[test]
    fn only_files_with_another_extension_are_ignored() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.js", "b.json", "c.txt", "plain"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("src")).unwrap();
        let ignored = others(folder.path(), "js, .json");
        assert_eq!(ignored[2..], ["c.txt", "plain"]);
    }
}
