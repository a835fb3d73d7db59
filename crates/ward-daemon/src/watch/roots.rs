//! The watched paths: `watch` of an app as places in the file system.

use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

/// One watched place and everything below it.
#[derive(Debug)]
pub(super) struct Root {
    /// An absolute path without `.` and `..`. It may be a file, and it may not exist (yet).
    pub(super) base: PathBuf,
    /// The pattern that a changed path has to match (`src/**/*.js`), if there is one.
    only: Option<GlobMatcher>,
}

impl Root {
    /// Parses one entry of `watch`; `None` if it is an invalid pattern.
    pub(super) fn parse(entry: &str, cwd: &Path) -> Option<Self> {
        let whole = normal(&cwd.join(entry));
        let fixed: PathBuf = whole
            .components()
            .take_while(|part| !is_glob(&part.as_os_str().to_string_lossy()))
            .collect();
        if fixed == whole || whole.exists() {
            return Some(Self {
                base: whole,
                only: None,
            });
        }
        let only = glob(&whole.to_string_lossy())?;
        Some(Self {
            base: fixed,
            only: Some(only),
        })
    }

    /// Whether a change of this path counts.
    pub(super) fn wants(&self, path: &Path) -> bool {
        self.only.as_ref().is_none_or(|only| only.is_match(path))
    }
}

/// Compiles a pattern for paths: `*` matches within one folder, `**` across folders.
pub(super) fn glob(pattern: &str) -> Option<GlobMatcher> {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .build()
        .ok()
        .map(|glob| glob.compile_matcher())
}

/// Whether the text is a pattern and not a plain name.
pub(super) fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// The path without `.` and `..`. The file system is not consulted, so links stay as they are.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_relative_to_the_working_directory() {
        let cwd = Path::new("/srv/app");
        for (entry, base) in [
            ("src", "/srv/app/src"),
            ("./src/", "/srv/app/src"),
            ("../lib", "/srv/lib"),
            ("/etc/app.conf", "/etc/app.conf"),
            (".", "/srv/app"),
            ("true", "/srv/app/true"),
        ] {
            let root = Root::parse(entry, cwd).unwrap();
            assert_eq!(root.base, Path::new(base), "{entry}");
            assert!(root.wants(Path::new("/anything")));
        }
    }

    #[test]
    fn a_pattern_watches_the_folder_before_it() {
        let root = Root::parse("src/**/*.js", Path::new("/srv/app")).unwrap();
        assert_eq!(root.base, Path::new("/srv/app/src"));
        assert!(root.wants(Path::new("/srv/app/src/a.js")));
        assert!(root.wants(Path::new("/srv/app/src/deep/er/a.js")));
        assert!(!root.wants(Path::new("/srv/app/src/a.css")));
    }
}
