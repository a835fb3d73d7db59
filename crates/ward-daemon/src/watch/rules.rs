//! The paths that are not watched: `ignore_watch`, dotfiles and `node_modules`, and ward's own
//! files.
//!
//! Patterns work as in `.gitignore`: a pattern without a slash matches names at any depth, one with
//! a slash matches a path below the working directory. Everything below an ignored folder is
//! ignored as well. `!` reverses a pattern, and the last pattern that matches decides. Dotfiles and
//! `node_modules` are ignored by default, also when the user gives a list.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use globset::GlobMatcher;
use regex::{Regex, RegexBuilder};

use super::Plan;
use super::roots::{glob, is_glob, normal};

/// All rules of an app.
#[derive(Debug)]
pub(super) struct Rules {
    patterns: Vec<Rule>,
    /// Files that ward writes for this app.
    own: HashSet<PathBuf>,
    home: PathBuf,
}

/// One pattern, or many plain paths (`--ext` can produce thousands).
#[derive(Debug)]
struct Rule {
    /// Whether this is a `!pattern`, which reverses earlier rules.
    keep: bool,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Paths(HashSet<PathBuf>),
    Path(GlobMatcher, PathBuf),
    Name(GlobMatcher),
    Regex(Regex),
}

impl Rules {
    /// Parses the patterns; also returns those that are invalid.
    pub(super) fn new(plan: &Plan) -> (Self, Vec<String>) {
        let mut patterns: Vec<Rule> = Vec::new();
        let mut bad = Vec::new();
        for pattern in &plan.ignore {
            let rule = Rule::parse(pattern, &plan.cwd);
            match (rule, patterns.last_mut()) {
                (
                    Some(Rule {
                        keep,
                        test: Test::Paths(more),
                    }),
                    Some(Rule {
                        keep: before,
                        test: Test::Paths(paths),
                    }),
                ) if keep == *before => {
                    paths.extend(more);
                }
                (Some(rule), _) => patterns.push(rule),
                (None, _) => bad.push(pattern.clone()),
            }
        }
        let real = plan.cwd.canonicalize().ok();
        // The working directory may contain a link, and a log path may name the same file without
        // it.
        let as_seen = |path: &PathBuf| {
            let below = path.strip_prefix(real.as_ref()?).ok()?;
            Some(plan.cwd.join(below))
        };
        let own: Vec<PathBuf> = plan.own.iter().map(|path| normal(path)).collect();
        let seen: Vec<PathBuf> = own.iter().filter_map(as_seen).collect();
        let rules = Self {
            patterns,
            own: own.into_iter().chain(seen).collect(),
            home: plan.home.clone(),
        };
        (rules, bad)
    }

    /// Whether a change of this path below `base` does not count.
    pub(super) fn ignores(&self, base: &Path, path: &Path) -> bool {
        if self.is_own(base, path) {
            return true;
        }
        let below = path.strip_prefix(base).unwrap_or(path);
        let mut ignored = below
            .iter()
            .any(|name| name == "node_modules" || name.as_encoded_bytes().starts_with(b"."));
        for rule in &self.patterns {
            if ignored == rule.keep && rule.test.matches(base, path) {
                ignored = !rule.keep;
            }
        }
        ignored
    }

    /// Whether this folder contains ward's own files, so that ward itself may have made it.
    pub(super) fn holds_own(&self, folder: &Path) -> bool {
        self.own.iter().any(|own| own.starts_with(folder))
    }

    /// Whether nothing below this folder can count.
    pub(super) fn prunes(&self, base: &Path, folder: &Path) -> bool {
        let leads_on = |rule: &Rule| rule.keep && rule.test.leads_through(folder);
        self.ignores(base, folder) && !self.patterns.iter().any(leads_on)
    }

    /// Whether ward itself writes this path: logs and their rotated copies, pid files, the home.
    fn is_own(&self, base: &Path, path: &Path) -> bool {
        if path.starts_with(&self.home) && !base.starts_with(&self.home) {
            return true;
        }
        self.own.contains(path)
            || self.own.iter().any(|own| {
                own.parent() == path.parent()
                    && own
                        .file_name()
                        .zip(path.file_name())
                        .is_some_and(|(own, name)| is_rotated(own, name))
            })
    }
}

/// Whether `name` is a rotated copy of `log`: for `out.log` these are `out.log.1`, `out.log.gz` and
/// pm2-logrotate's `out__<date>.log`.
fn is_rotated(log: &OsStr, name: &OsStr) -> bool {
    let (log, name) = (log.to_string_lossy(), name.to_string_lossy());
    let stem = log.rsplit_once('.').map_or(&*log, |(stem, _)| stem);
    let after = |start: &str| name.strip_prefix(start).map(str::to_owned);
    after(&log).is_some_and(|rest| rest.starts_with('.'))
        || after(stem).is_some_and(|rest| rest.starts_with("__"))
}

impl Rule {
    fn parse(pattern: &str, cwd: &Path) -> Option<Self> {
        let (keep, pattern) = pattern
            .strip_prefix('!')
            .map_or((false, pattern), |rest| (true, rest));
        Test::parse(pattern.trim(), cwd).map(|test| Self { keep, test })
    }
}

impl Test {
    fn parse(pattern: &str, cwd: &Path) -> Option<Self> {
        if let Some(regex) = as_regex(pattern, cwd) {
            return regex.ok().map(Self::Regex);
        }
        // A pattern covers everything below what it matches, so these endings add nothing.
        let bare = pattern
            .trim_end_matches("/**")
            .trim_end_matches("/*")
            .trim_end_matches('/');
        // `**/tmp` matches names at any depth, like `tmp`.
        let name = bare.strip_prefix("**/").unwrap_or(bare);
        if name.is_empty() {
            return None;
        }
        if !name.contains('/') && name != "." && name != ".." {
            return glob(name).map(Self::Name);
        }
        let path = normal(&cwd.join(bare));
        if is_glob(bare) {
            let fixed = path
                .iter()
                .take_while(|part| !is_glob(&part.to_string_lossy()));
            let fixed = fixed.collect();
            return glob(&path.to_string_lossy()).map(|glob| Self::Path(glob, fixed));
        }
        Some(Self::Paths(HashSet::from([path])))
    }

    /// Whether the pattern matches the path or one of its parent folders (below `base`).
    fn matches(&self, base: &Path, path: &Path) -> bool {
        let mut folders = path.ancestors();
        let below = path.strip_prefix(base).unwrap_or(path);
        match self {
            Self::Paths(paths) => folders.any(|folder| paths.contains(folder)),
            Self::Path(glob, _) => folders.any(|folder| glob.is_match(folder)),
            Self::Name(glob) => below.iter().any(|name| glob.is_match(name)),
            Self::Regex(regex) => {
                let below = below.to_string_lossy();
                regex.is_match(&below) || regex.is_match(&format!("/{below}"))
            }
        }
    }

    /// Whether the pattern may match something below this folder.
    fn leads_through(&self, folder: &Path) -> bool {
        match self {
            Self::Paths(paths) => paths.iter().any(|path| path.starts_with(folder)),
            Self::Path(_, fixed) => fixed.starts_with(folder),
            // A name may occur anywhere, but reading all of node_modules for it would cost too
            // much.
            Self::Name(_) | Self::Regex(_) => false,
        }
    }
}

/// Reads `/text/`, as programs write regular expressions, and text that can only be one: PM2's own
/// examples have `[\\/]\\.` without slashes.
fn as_regex(pattern: &str, cwd: &Path) -> Option<Result<Regex, regex::Error>> {
    let build = |text: &str, case: bool| {
        let text = text.replace("\\/", "/");
        RegexBuilder::new(&text).case_insensitive(case).build()
    };
    let slashed = pattern
        .strip_prefix('/')
        .and_then(|rest| rest.rsplit_once('/'))
        .filter(|(_, flags)| flags.chars().all(|flag| "dgimsuvy".contains(flag)));
    if let Some((text, flags)) = slashed
        && !text.is_empty()
        && !is_folder(pattern, text, flags, cwd)
    {
        return Some(build(text, flags.contains('i')));
    }
    let regex_only = pattern.contains('\\') || pattern.starts_with('^') || pattern.ends_with('$');
    regex_only.then(|| build(pattern, false))
}

/// Whether a text between slashes is a folder after all: `/srv/app/logs/` looks like a regular
/// expression, and so does `/srv/x`, whose last name looks like flags. A path of plain names is a
/// folder if it exists or lies above or below the app's folder.
fn is_folder(pattern: &str, text: &str, flags: &str, cwd: &Path) -> bool {
    let plain = !text.contains(['\\', '^', '$', '(', ')', '|', '+', '[', '*', '?']);
    let folder = Path::new(pattern);
    plain
        && (!flags.is_empty()
            || folder.starts_with(cwd)
            || cwd.starts_with(folder)
            || folder.exists())
}

#[cfg(test)]
mod tests;
