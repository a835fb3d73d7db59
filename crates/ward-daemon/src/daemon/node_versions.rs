//! The versions of the nodes that run apps. Apps run without a word of ours inside, so the
//! interpreter itself is asked, once, beside everything else: no start waits for the answer.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use ward_core::event::{Event, Report};
use ward_core::id::Life;
use ward_sys::Pid;
use ward_sys::reap::pidfd_signal;
use ward_sys::signal::Signal;

use crate::launch::{LaunchHandle, NodeAsked, NodeFile, NodeProgram};

/// What takes longer is no node.
const PATIENCE: Duration = Duration::from_secs(10);

/// `v24.11.1`, and names of special builds.
const MOST_BYTES: usize = 64;

/// What is known, and what is being asked.
#[derive(Debug, Default)]
pub(super) struct NodeVersions {
    /// By program; the answer is good as long as the file is the same.
    known: HashMap<PathBuf, (SystemTime, Option<String>)>,
    open: Vec<Question>,
}

/// One program that has not answered yet.
#[derive(Debug)]
struct Question {
    file: NodeFile,
    /// Who wants to know.
    processes: Vec<Life>,
    /// The process that answers, once it runs.
    asked: Option<Asked>,
}

#[derive(Debug)]
struct Asked {
    node: NodeAsked,
    until: Instant,
}

impl NodeVersions {
    /// The version of a node if it is known, and whether it has to be asked now.
    fn of(&mut self, life: Life, file: &NodeFile) -> (Option<String>, bool) {
        if let Some((then, version)) = self.known.get(&file.path)
            && *then == file.modified
        {
            return (version.clone(), false);
        }
        if let Some(question) = self.open.iter_mut().find(|it| it.file == *file) {
            question.processes.push(life);
            return (None, false);
        }
        self.open.push(Question {
            file: file.clone(),
            processes: vec![life],
            asked: None,
        });
        (None, true)
    }

    /// A node was started to tell its version, or could not be.
    fn asked(&mut self, file: &NodeFile, node: Option<NodeAsked>) {
        let Some(place) = self.open.iter().position(|it| it.file == *file) else {
            return;
        };
        match node {
            Some(node) => {
                let until = Instant::now() + PATIENCE;
                self.open[place].asked = Some(Asked { node, until });
            }
            None => drop(self.open.swap_remove(place)),
        }
    }

    /// When [`Self::tick`] has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let asked = self.open.iter().filter_map(|it| it.asked.as_ref());
        asked.map(|asked| asked.until).min()
    }

    /// Ends who does not answer.
    pub(super) fn tick(&mut self) {
        let now = Instant::now();
        let asked = self.open.iter_mut().filter_map(|it| it.asked.as_mut());
        for asked in asked.filter(|asked| asked.until <= now) {
            pidfd_signal(&asked.node.child.pidfd, Signal::KILL).ok();
            // The reaper finds it.
            asked.until = now + PATIENCE;
        }
    }

    /// A process has ended: if it was one of ours, who wants to know its answer, and the answer.
    fn ended(&mut self, pid: Pid) -> Option<(Vec<Life>, String)> {
        let is_it = |question: &Question| {
            let asked = question.asked.as_ref();
            asked.is_some_and(|asked| asked.node.child.pid == pid)
        };
        let place = self.open.iter().position(is_it)?;
        let question = self.open.swap_remove(place);
        let version = read(&question.asked?.node.answer);
        let file = question.file;
        self.known
            .insert(file.path, (file.modified, version.clone()));
        Some((question.processes, version?))
    }

    /// The record of a life shall have the version of its node. Returns it as an event if it is known.
    pub(super) fn want(
        &mut self,
        life: Life,
        node: NodeProgram,
        launch: &mut LaunchHandle,
    ) -> Option<Event> {
        let (version, asks) = self.of(life, &node.file);
        if asks {
            launch.ask_node(node.file, node.launch);
        }
        version.map(|version| Event::found_out(life, Report::NodeVersion(version)))
    }

    /// A node was started to tell its version; it may have done so already.
    pub(super) fn started(
        &mut self,
        file: &NodeFile,
        asked: Option<NodeAsked>,
        launch: &mut LaunchHandle,
    ) -> Vec<Event> {
        let child = asked.as_ref().map(|asked| &asked.child);
        let ended = child.and_then(|child| {
            let status = launch.early.take(child.pid, &child.pidfd);
            status.map(|_| child.pid)
        });
        self.asked(file, asked);
        ended.map_or_else(Vec::new, |pid| self.answered(pid))
    }

    /// A process that is no app has ended.
    pub(super) fn answered(&mut self, pid: Pid) -> Vec<Event> {
        let Some((lives, version)) = self.ended(pid) else {
            return Vec::new();
        };
        let report = || Report::NodeVersion(version.clone());
        let events = lives.into_iter();
        events
            .map(|life| Event::found_out(life, report()))
            .collect()
    }
}

/// What was printed: the process has ended, so all of it is in the pipe.
fn read(answer: &OwnedFd) -> Option<String> {
    let mut buffer = [0; MOST_BYTES];
    let length = rustix::io::read(answer, &mut buffer).ok()?;
    let text = str::from_utf8(&buffer[..length]).ok()?;
    let version = text.strip_prefix('v')?.trim_end();
    let plain = version.starts_with(|first: char| first.is_ascii_digit())
        && version
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(&byte));
    plain.then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use rustix::pipe::{PipeFlags, pipe_with};

    use super::*;

    #[rstest]
    #[case("v20.20.2\n", Some("20.20.2"))]
    #[case("v25.0.0-nightly20260101\n", Some("25.0.0-nightly20260101"))]
    #[case("20.20.2\n", None)]
    #[case("v20.20.2\nmore", None)]
    #[case("vanity", None)]
    #[case("", None)]
    fn only_a_version_is_one(#[case] printed: &str, #[case] version: Option<&str>) {
        let (answer, theirs) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        rustix::io::write(&theirs, printed.as_bytes()).unwrap();
        drop(theirs);
        assert_eq!(read(&answer).as_deref(), version);
    }
}
