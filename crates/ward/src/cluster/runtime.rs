//! What can be a cluster worker: programs that speak Node's protocol themselves. Launchers swallow
//! the channel, so that the app behind them would never be heard.

use std::path::Path;

/// A runtime with a cluster module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runtime {
    Node,
    Bun,
    Deno,
}

impl Runtime {
    /// The runtime a program is, judged by its name.
    pub(crate) fn of(program: &str) -> Option<Self> {
        let name = Path::new(program).file_name()?.to_str()?;
        let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || ".-_".contains(c));
        match plain {
            "node" | "nodejs" => Some(Self::Node),
            "bun" => Some(Self::Bun),
            "deno" => Some(Self::Deno),
            _ => None,
        }
    }
}

/// Why a command cannot be a cluster worker; completes "cannot …".
pub(crate) fn refuse(argv: &[String], script: &str) -> Option<String> {
    let program = argv.first()?;
    let way_out = "start its node command directly, or use fork mode";
    if Runtime::of(program).is_none() {
        return Some(format!(
            "run {program} as a cluster worker: only node, bun and deno can be one; use fork mode"
        ));
    }
    let before = argv.iter().take_while(|word| *word != script);
    if let Some(flag) = before.skip(1).find(|word| word.starts_with("--watch")) {
        return Some(format!(
            "run a cluster worker with {flag}: node's watcher swallows its channel; use ward's own `watch`"
        ));
    }
    let name = launcher(script)?;
    Some(format!(
        "run {name} as a cluster worker: it swallows the channel of the app behind it; {way_out}"
    ))
}

/// The name of a launcher, if the script is one. Its links are followed, since `npm` itself is
/// a link to `npm-cli.js`.
fn launcher(script: &str) -> Option<&'static str> {
    let target = std::fs::canonicalize(script).unwrap_or_else(|_| script.into());
    [Path::new(script), &target].into_iter().find_map(|path| {
        let name = path.file_name()?.to_str()?;
        let inside = |package: &str| path.to_str().is_some_and(|path| path.contains(package));
        match name {
            "npm" | "npm-cli.js" => Some("npm"),
            "npx" | "npx-cli.js" => Some("npx"),
            "yarn" | "yarn.js" | "yarnpkg" => Some("yarn"),
            "pnpm" | "pnpm.cjs" | "pnpm.mjs" => Some("pnpm"),
            "tsx" => Some("tsx"),
            "cli.mjs" if inside("/tsx/dist/") => Some("tsx"),
            "nodemon" | "nodemon.js" => Some("nodemon"),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(words: &[&str], script: &str) -> Option<String> {
        let argv: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        refuse(&argv, script)
    }

    #[test]
    fn launchers_are_refused_by_name() {
        assert_eq!(refused(&["node", "/a/app.js"], "/a/app.js"), None);
        assert_eq!(
            refused(&["/opt/node-v22/bin/node", "/a/app.js"], "/a/app.js"),
            None
        );
        assert_eq!(refused(&["node22", "/a/app.js"], "/a/app.js"), None);
        assert_eq!(
            refused(&["node", "/a/app.js", "--watch"], "/a/app.js"),
            None
        );
        for (words, script) in [
            (&["node", "/x/npm", "start"][..], "/x/npm"),
            (&["node", "/x/tsx", "app.ts"], "/x/tsx"),
            (&["python3", "/a/app.py"], "/a/app.py"),
            (&["node", "--watch", "/a/app.js"], "/a/app.js"),
        ] {
            let reason = refused(words, script).expect("refused");
            assert!(reason.contains("worker"), "{reason}");
        }
    }
}
