//! Asking a node for its version: run as the app is run, with its user, folder and variables. Its
//! answer is read when the reaper has found its end.

use std::ffi::OsString;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustix::pipe::{PipeFlags, pipe_with};
use ward_core::launch::Launch;
use ward_sys::spawn::{Child, Command, Stdio, spawn};

use super::command::command;
use super::progress::Progress;
use crate::node::Runtime;
use crate::rights::Owner;

/// Variables of an app the question must not have: the first would make it a process of the app,
/// the other lets node load more than itself.
const NOT_INHERITED: [&str; 2] = ["unique_id", "NODE_OPTIONS"];

/// The node of an app, with the launch it can be asked by.
#[derive(Debug)]
pub(crate) struct NodeProgram {
    pub(crate) file: NodeFile,
    pub(crate) launch: Box<Launch>,
}

/// A file that is a node. The same path with another time is another node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NodeFile {
    pub(crate) path: PathBuf,
    pub(crate) modified: SystemTime,
}

/// A node that was asked.
#[derive(Debug)]
pub(crate) struct NodeAsked {
    pub(crate) child: Child,
    /// What it prints.
    pub(crate) answer: OwnedFd,
}

impl NodeFile {
    pub(super) fn of(self, launch: Box<Launch>) -> NodeProgram {
        NodeProgram { file: self, launch }
    }
}

/// The node that runs a command, if one does.
pub(super) fn node_program(launch: &Launch, command: &Command) -> Option<NodeFile> {
    if Runtime::of(&launch.program) != Some(Runtime::Node) {
        return None;
    }
    let modified = fs::metadata(&command.program).ok()?.modified().ok()?;
    let path = command.program.clone();
    Some(NodeFile { path, modified })
}

/// Starts `node --version` as the app is started.
pub(super) fn ask(launch: &Launch, progress: &Progress) -> Option<NodeAsked> {
    // No file of the home is touched here.
    let owner = Owner::of(&launch.user, &Arc::from(Path::new("/")));
    let (mut command, _) = command(launch, &owner, progress).ok()?;
    let (answer, theirs) = pipe_with(PipeFlags::CLOEXEC).ok()?;
    rustix::io::ioctl_fionbio(&answer, true).ok()?;
    command.stdout = Stdio::Fd(theirs);
    command.argv = vec![name_of(&command.program), "--version".into()];
    let unwanted = |name: &OsString| NOT_INHERITED.iter().any(|not| name == not);
    command.env.retain(|(name, _)| !unwanted(name));
    let child = spawn(&command).ok()?;
    Some(NodeAsked { child, answer })
}

fn name_of(program: &Path) -> OsString {
    program.file_name().unwrap_or_default().to_owned()
}
