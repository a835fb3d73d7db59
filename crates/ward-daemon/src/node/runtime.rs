//! What workers run on: programs that speak Node's cluster protocol.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Node's own default.
const INSPECTOR_PORT: u16 = 9229;

/// So many ports are tried.
const INSPECTOR_PORTS: u16 = 128;

/// A runtime with a cluster module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// Node's inspector listens on a port of its own in each worker: the first free one from the
/// declared one on, beginning with the number of the instance. `script`: the place of the script.
pub(crate) fn spread_inspectors(argv: &mut Vec<String>, script: Option<usize>, number: u32) {
    let place = script.unwrap_or(argv.len());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inspectors_get_a_free_port_each() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = taken.local_addr().unwrap().port();
        let flag = format!("--inspect={base}");
        let mut argv: Vec<String> = ["node", &flag, "/a/app.js", "--inspect"]
            .map(str::to_owned)
            .to_vec();
        spread_inspectors(&mut argv, Some(2), 0);
        let port = argv[2].strip_prefix("--inspect-port=").unwrap();
        assert!(port.parse::<u16>().unwrap() > base);
        assert_eq!(argv[3..], ["/a/app.js", "--inspect"]);
        let mut plain = vec!["node".to_owned(), "/a/app.js".to_owned()];
        spread_inspectors(&mut plain, Some(1), 1);
        assert_eq!(plain.len(), 2);
    }
}
