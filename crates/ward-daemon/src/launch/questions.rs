//! Questions about the world whose answers are in files, mostly of `/proc`: reading those can take
//! long, or hang.

use std::path::{Path, PathBuf};

use serde_json::Value;
use ward_sys::Pid;

use super::package;
use super::system::System;
use crate::cluster::port_holders::{PortHolder, listener_of};
use crate::fault;
use crate::rights::Rights;

/// A question, with what finding the answer needs.
#[derive(Debug)]
pub(crate) enum Question {
    /// Which process listens on this TCP port?
    PortHolder(u16),
    /// Which version of PM2's command line is this process? Questions are numbered.
    ClientVersion(u64, i32),
    /// The figures of the host.
    System(Box<System>),
}

/// The answer to the question of the same name.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The process that listens on the port, if it can be found.
    PortHolder(u16, Option<PortHolder>),
    /// The version; nothing if it is another program.
    ClientVersion(u64, Option<String>),
    /// The figures.
    System(Box<System>, Value),
}

impl Question {
    /// Finds the answer. After a fault nothing was found.
    pub(super) fn answer(self) -> Answer {
        match self {
            Self::PortHolder(port) => {
                let found = fault::contain(|| {
                    fault::inject("launch.question");
                    listener_of(port)
                });
                Answer::PortHolder(port, found.ok().flatten())
            }
            Self::ClientVersion(number, pid) => {
                let version = fault::contain(|| version_of_client(pid));
                Answer::ClientVersion(number, version.ok().flatten())
            }
            Self::System(mut system) => {
                let measured = fault::contain(|| {
                    let figures = system.measure();
                    (system, figures)
                });
                let (system, figures) = measured.unwrap_or_default();
                Answer::System(system, figures)
            }
        }
    }
}

/// The version of the PM2 command line that asks, so that it does not complain about ours: its
/// script is the second word of its command line, its package.json beside the script's folder.
fn version_of_client(pid: i32) -> Option<String> {
    let words = ward_sys::proc::cmdline(Pid::from_raw(pid)?).ok()?;
    let script = words
        .get(1)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())?;
    let script = std::fs::canonicalize(script).ok()?;
    let path = script.parent().and_then(Path::parent)?.join("package.json");
    let package: Value = serde_json::from_slice(&package::read(&path, &Rights::default())?).ok()?;
    (package["name"] == "pm2")
        .then(|| package["version"].as_str().map(str::to_owned))
        .flatten()
}
