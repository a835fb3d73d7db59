//! Chooses the program that runs the script.

use std::path::Path;

use serde_json::Value;

use super::lookup::{self, Content, Stripping};
use super::program::Program;
use super::{Draft, normalized, text};
use crate::exit::Failure;

/// The interpreter of an app.
pub(super) struct Interpreter {
    /// A name in `PATH`, an absolute path, or `none`.
    pub(super) program: String,
    /// Arguments that the interpreter needs before those that the user declares.
    pub(super) args: Vec<String>,
}

const NONE: &str = "none";

/// PM2's interpreters by file extension. For other files their content decides.
const EXTENSIONS: [(&str, &str); 10] = [
    ("sh", "bash"),
    ("py", "python"),
    ("rb", "ruby"),
    ("php", "php"),
    ("pl", "perl"),
    ("js", "node"),
    ("coffee", "coffee"),
    ("ls", "lsc"),
    ("ts", "bun"),
    ("tsx", "bun"),
];

/// Chooses the interpreter and checks that it exists.
pub(super) fn choose(draft: &mut Draft<'_>, program: &Program) -> Result<Interpreter, Failure> {
    let stated = draft.take_text("exec_interpreter");
    let script = Path::new(&program.path);
    let chosen = if program.direct {
        plain(NONE)
    } else if let Some(stated) = stated {
        return named_interpreter(draft, &stated, script);
    } else {
        by_file(draft, script)?
    };
    if chosen.program == NONE && !lookup::is_executable(script) {
        return Err(not_executable(script));
    }
    Ok(chosen)
}

fn plain(program: &str) -> Interpreter {
    Interpreter {
        program: program.to_owned(),
        args: Vec::new(),
    }
}

/// The interpreter that the user names: `none`, a program in `PATH`, a path, or `node@<version>`.
fn named_interpreter(
    draft: &mut Draft<'_>,
    name: &str,
    script: &Path,
) -> Result<Interpreter, Failure> {
    if name == NONE {
        // Like PM2, ward takes such an app into the list, where it is `errored`.
        if !lookup::is_executable(script) {
            let refusal = not_executable(script);
            draft.warnings.push(refusal.message);
            draft.warnings.extend(refusal.hint);
        }
        return Ok(plain(NONE));
    }
    if let Some(version) = name.strip_prefix("node@") {
        return versioned(draft, name, version);
    }
    if name.contains('/') {
        let file = normalized(&draft.absolute(name));
        return if lookup::is_executable(&file) {
            Ok(plain(&text(&file)))
        } else {
            Err(missing(name))
        };
    }
    in_path(draft, name)
}

fn by_file(draft: &mut Draft<'_>, script: &Path) -> Result<Interpreter, Failure> {
    let extension = script
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    if script.is_dir() {
        return in_path(draft, "node");
    }
    if extension == "ts" || extension == "tsx" {
        return typescript(draft, extension == "tsx");
    }
    if let Some((_, program)) = EXTENSIONS.iter().find(|(known, _)| *known == extension) {
        return in_path(draft, program);
    }
    let module = matches!(extension, "mjs" | "cjs");
    match lookup::content(script) {
        Content::Binary => Ok(plain(NONE)),
        Content::Shebang(program, args) if !module => by_shebang(draft, script, &program, args),
        _ => absolute_node(draft),
    }
}

/// The node for a file that PM2 runs with node whatever its first line says. As in PM2, it is an
/// absolute path for files without extension (such as npm).
fn by_shebang(
    draft: &mut Draft<'_>,
    script: &Path,
    program: &str,
    args: Vec<String>,
) -> Result<Interpreter, Failure> {
    let name = program.rsplit('/').next().unwrap_or(program);
    if name == "node" && args.is_empty() {
        return absolute_node(draft);
    }
    let found = if program.starts_with('/') {
        Some(program.to_owned()).filter(|path| lookup::is_executable(Path::new(path)))
    } else {
        lookup::which(program, &draft.path).map(|_| program.to_owned())
    };
    match found {
        Some(program) => Ok(Interpreter { program, args }),
        // The kernel may know an interpreter for it, for instance through binfmt_misc.
        None if program.starts_with('/') && lookup::is_executable(script) => Ok(plain(NONE)),
        None => in_path(draft, name),
    }
}

fn absolute_node(draft: &Draft<'_>) -> Result<Interpreter, Failure> {
    match lookup::which("node", &draft.path) {
        Some(node) => Ok(plain(&text(&node))),
        None => Err(missing("node")),
    }
}

fn in_path(draft: &Draft<'_>, name: &str) -> Result<Interpreter, Failure> {
    if lookup::which(name, &draft.path).is_some() {
        return Ok(plain(name));
    }
    if name == "python" && lookup::which("python3", &draft.path).is_some() {
        return Ok(plain("python3"));
    }
    Err(missing(name))
}

fn typescript(draft: &Draft<'_>, jsx: bool) -> Result<Interpreter, Failure> {
    if lookup::which("bun", &draft.path).is_some() {
        return Ok(plain("bun"));
    }
    if jsx {
        return Err(missing("bun"));
    }
    let node = lookup::which("node", &draft.path);
    match node
        .and_then(|node| lookup::node_version(&node))
        .map(lookup::strips_types)
    {
        Some(Stripping::Native) => Ok(plain("node")),
        Some(Stripping::ByFlag) => {
            let args = vec!["--experimental-strip-types".to_owned()];
            Ok(Interpreter {
                program: "node".to_owned(),
                args,
            })
        }
        _ => Err(Failure::new(
            "TypeScript apps require bun, Node.js >= 22.18 (native type stripping) or a custom interpreter (e.g. --interpreter ts-node)",
        )),
    }
}

/// A node that nvm has installed.
fn versioned(draft: &Draft<'_>, name: &str, version: &str) -> Result<Interpreter, Failure> {
    let variable = |key: &str| {
        draft
            .context
            .env
            .get(key)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let folder =
        variable("NVM_DIR").or_else(|| variable("HOME").map(|home| format!("{home}/.nvm")));
    let version = version.trim_start_matches('v');
    let node = folder.map(|folder| format!("{folder}/versions/node/v{version}/bin/node"));
    match node.filter(|node| lookup::is_executable(Path::new(node))) {
        Some(node) => Ok(plain(&node)),
        None => Err(missing(name).with_hint(format!("Install it with: nvm install {version}"))),
    }
}

fn missing(name: &str) -> Failure {
    Failure::new(format!(
        "Interpreter {name} is NOT AVAILABLE in PATH. (type 'which {name}' to double check.)"
    ))
}

fn not_executable(script: &Path) -> Failure {
    let path = script.display();
    Failure::new(format!("Script is not executable: {path}")).with_hint(format!(
        "Allow it (chmod +x {path}) or name an interpreter (--interpreter <program>)."
    ))
}
