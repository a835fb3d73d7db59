//! What can be a cluster worker: programs that speak Node's protocol themselves. Launchers swallow
//! the channel, so that the app behind them would never be heard.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

/// Node's own default.
const INSPECTOR_PORT: u16 = 9229;

/// So many ports are tried.
const INSPECTOR_PORTS: u16 = 128;

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

/// What a command runs on as a cluster worker, or why it cannot be one; completes "cannot …".
pub(crate) fn admit(argv: &[String], script: &str) -> Result<Runtime, String> {
    let program = argv.first().map_or("", String::as_str);
    let Some(runtime) = Runtime::of(program) else {
        return Err(format!(
            "run {program} as a cluster worker: only node, bun and deno can be one; use fork mode"
        ));
    };
    let before = argv.iter().take_while(|word| *word != script);
    if let Some(flag) = before.skip(1).find(|word| word.starts_with("--watch")) {
        return Err(format!(
            "run a cluster worker with {flag}: node's watcher swallows its channel; use ward's own `watch`"
        ));
    }
    if let Some(name) = launcher(script) {
        return Err(format!(
            "run {name} as a cluster worker: it swallows the channel of the app behind it; start its node command directly, or use fork mode"
        ));
    }
    Ok(runtime)
}

/// Node's inspector listens on a port of its own in each worker: the first free one from the
/// declared one on, beginning with the number of the instance.
pub(crate) fn spread_inspectors(argv: &mut Vec<String>, script: &str, number: u32) {
    let Some(place) = argv.iter().position(|word| word == script) else {
        return;
    };
    let mut base = None;
    for word in &argv[..place] {
        let (flag, value) = word.split_once('=').unwrap_or((word, ""));
        if matches!(flag, "--inspect" | "--inspect-brk" | "--inspect-port") {
            let port = value.rsplit(':').next().and_then(|port| port.parse().ok());
            base = port.or(base).or(Some(INSPECTOR_PORT));
        }
    }
    // Port 0 is a free one anyway.
    let Some(base) = base.filter(|base| *base != 0) else {
        return;
    };
    let first = base.saturating_add(u16::try_from(number).unwrap_or(u16::MAX));
    let mut ports = first..first.saturating_add(INSPECTOR_PORTS);
    let port = ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    if let Some(port) = port {
        argv.insert(place, format!("--inspect-port={port}"));
    }
}

/// The name of a launcher, if the script is one. Its links are followed, since `npm` itself is
/// a link to `npm-cli.js`.
pub(super) fn launcher(script: &str) -> Option<&'static str> {
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
        admit(&argv, script).err()
    }

    #[test]
    fn inspectors_get_a_free_port_each() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = taken.local_addr().unwrap().port();
        let flag = format!("--inspect={base}");
        let mut argv: Vec<String> = ["node", &flag, "/a/app.js", "--inspect"]
            .map(str::to_owned)
            .to_vec();
        spread_inspectors(&mut argv, "/a/app.js", 0);
        let port = argv[2].strip_prefix("--inspect-port=").unwrap();
        assert!(port.parse::<u16>().unwrap() > base);
        assert_eq!(argv[3..], ["/a/app.js", "--inspect"]);
        let mut plain = vec!["node".to_owned(), "/a/app.js".to_owned()];
        spread_inspectors(&mut plain, "/a/app.js", 1);
        assert_eq!(plain.len(), 2);
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
