//! Programs that start other programs, and how each of them does it.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde_json::Value;
use ward_sys::place::Place;

use crate::rights;

/// A longer package.json is none.
const PACKAGE_BYTES: u64 = 1 << 20;

/// Enough for any first line that names an interpreter (Linux reads 256 bytes of it).
const FIRST_LINE_BYTES: u64 = 256;

/// How a program starts the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It takes the command from a package and runs it in a shell, which a variable can name.
    Launcher,
    /// It sets variables and runs the command in the rest of its arguments.
    SetsVariables,
    /// Node can load this module, its first argument, instead of the program.
    Loader(PathBuf),
    /// It starts this program, which runs the app in its own process.
    Inner(PathBuf),
    /// It runs the app in another process; the text completes "nodemon …" in the reason.
    OwnProcess(&'static str),
    /// An unknown program.
    Other,
}

/// Programs that start others and stay in between, by the name of their command.
const OWN_PROCESS: [(&str, &str); 22] = [
    ("nodemon", WATCHES),
    ("ts-node-dev", WATCHES),
    ("tsnd", WATCHES),
    ("babel-watch", WATCHES),
    ("tsc-watch", WATCHES),
    ("node-dev", WATCHES),
    ("onchange", WATCHES),
    ("concurrently", SEVERAL),
    ("npm-run-all", SEVERAL),
    ("run-p", SEVERAL),
    ("run-s", SEVERAL),
    ("turbo", SEVERAL),
    ("nx", SEVERAL),
    ("lerna", SEVERAL),
    ("wireit", SEVERAL),
    ("cross-env-shell", BETWEEN),
    ("env-cmd", BETWEEN),
    ("dotenv", BETWEEN),
    ("dotenvx", BETWEEN),
    ("ts-node-esm", BETWEEN),
    ("nest", BETWEEN),
    ("forever", BETWEEN),
];

const WATCHES: &str =
    "starts the app in a process of its own and watches files, which ward's own `watch` does, too";
const SEVERAL: &str = "starts its commands in processes of their own";
const BETWEEN: &str = "starts the app in a process of its own";

/// How the program in this file starts others when it runs in the folder `cwd`.
pub(super) fn kind(program: &Path, cwd: &Path) -> Kind {
    let target = fs::canonicalize(program).unwrap_or_else(|_| program.to_path_buf());
    let names = [program, &target].map(|path| path.file_name().and_then(|name| name.to_str()));
    for name in names.into_iter().flatten() {
        match name {
            "npm" | "npm-cli.js" | "npx" | "npx-cli.js" | "pnpm" | "pn" | "pnpm.cjs"
            | "pnpm.mjs" => {
                return Kind::Launcher;
            }
            "yarn" | "yarn.js" | "yarnpkg" if !is_yarn_berry(cwd) => return Kind::Launcher,
            "yarn" | "yarn.js" | "yarnpkg" => {
                return Kind::OwnProcess(
                    "of version 2 and later runs scripts in a shell of its own",
                );
            }
            "cross-env" => return Kind::SetsVariables,
            _ => {}
        }
        if let Some((_, how)) = OWN_PROCESS.iter().find(|(known, _)| *known == name) {
            return Kind::OwnProcess(how);
        }
    }
    kind_by_package(&target)
}

/// The kind of a file by its path inside a known package.
fn kind_by_package(target: &Path) -> Kind {
    let path = target.to_string_lossy();
    if path.ends_with("/cross-env/dist/bin/cross-env.js")
        || path.ends_with("/cross-env/src/bin/cross-env.js")
    {
        return Kind::SetsVariables;
    }
    if path.ends_with("/tsx/dist/cli.mjs") {
        return Kind::Loader(target.with_file_name("loader.mjs"));
    }
    if path.ends_with("/@babel/node/bin/babel-node.js") {
        let package = target.parent().and_then(Path::parent);
        let inner = package.map(|package| package.join("lib/_babel-node.js"));
        if let Some(inner) = inner.filter(|inner| inner.is_file()) {
            return Kind::Inner(inner);
        }
        return Kind::OwnProcess(BETWEEN);
    }
    Kind::Other
}

/// Whether a project is run by yarn 2 or later, which brings its own shell.
fn is_yarn_berry(cwd: &Path) -> bool {
    cwd.ancestors().any(|folder| {
        let path = folder.join("package.json");
        let text = rights::read(&Place::plain(&path), PACKAGE_BYTES);
        let text = text.ok().flatten().unwrap_or_default();
        let package: Value = serde_json::from_slice(&text).unwrap_or_default();
        let version = package["packageManager"].as_str().unwrap_or_default();
        let version = version.strip_prefix("yarn@").unwrap_or_default();
        let major = version
            .split('.')
            .next()
            .and_then(|major| major.parse().ok());
        folder.join(".yarnrc.yml").is_file() || major.is_some_and(|major: u32| major > 1)
    })
}

/// Whether node runs a program: its first line says so.
pub(super) fn is_for_node(program: &Path) -> bool {
    let mut head = Vec::new();
    let file = rights::open_regular(&Place::plain(program), OFlags::RDONLY, 0).map(File::from);
    let read = file.and_then(|file| file.take(FIRST_LINE_BYTES).read_to_end(&mut head));
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    read.is_ok()
        && line.starts_with("#!")
        && line.split(['/', ' ']).any(|word| word.trim() == "node")
}
