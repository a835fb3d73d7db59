//! The versions of the nodes that run apps. Apps run without a word of ours inside, so the
//! interpreter itself is asked, once, beside everything else: no start waits for the answer.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rustix::pipe::{PipeFlags, pipe_with};
use ward_core::event::{Event, Report};
use ward_core::id::Life;
use ward_core::launch::Launch;
use ward_sys::Pid;
use ward_sys::reap::pidfd_signal;
use ward_sys::signal::Signal;
use ward_sys::spawn::{Command, Stdio, spawn};

use super::processes;
use super::run::Daemon;
use crate::cluster::Runtime;

/// What takes longer is no node.
const PATIENCE: Duration = Duration::from_secs(10);

/// `v24.11.1`, and names of special builds.
const MOST_BYTES: usize = 64;

/// Variables of an app the question must not have: the first would make it a process of the app,
/// the other lets node load more than itself.
const NOT_INHERITED: [&str; 2] = ["unique_id", "NODE_OPTIONS"];

/// What is known, and what is being asked.
#[derive(Debug, Default)]
pub(super) struct NodeVersions {
    /// By program; the answer is good as long as the file is the same.
    known: HashMap<PathBuf, (SystemTime, Option<String>)>,
    open: Vec<Question>,
}

/// One program nobody has asked yet, or that has not answered yet.
#[derive(Debug)]
struct Question {
    command: Command,
    modified: SystemTime,
    /// Who wants to know.
    processes: Vec<Life>,
    asked: Option<Asked>,
}

#[derive(Debug)]
struct Asked {
    pid: Pid,
    pidfd: OwnedFd,
    answer: OwnedFd,
    until: Instant,
}

impl NodeVersions {
    /// The version of the node of a life if it is known; else it will be asked.
    fn of(&mut self, life: Life, launch: &Launch) -> Option<String> {
        if Runtime::of(&launch.program) != Some(Runtime::Node) {
            return None;
        }
        let command = processes::command(launch).ok()?;
        let modified = fs::metadata(&command.program).ok()?.modified().ok()?;
        if let Some((then, version)) = self.known.get(&command.program)
            && *then == modified
        {
            return version.clone();
        }
        let same = |question: &&mut Question| {
            question.command.program == command.program && question.modified == modified
        };
        match self.open.iter_mut().find(same) {
            Some(question) => question.processes.push(life),
            None => self.open.push(Question {
                command,
                modified,
                processes: vec![life],
                asked: None,
            }),
        }
        None
    }

    /// When [`Self::tick`] has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let due = |question: &Question| {
            let asked = question.asked.as_ref();
            asked.map_or_else(Instant::now, |asked| asked.until)
        };
        self.open.iter().map(due).min()
    }

    /// Asks who was not asked yet, and ends who does not answer.
    pub(super) fn tick(&mut self) {
        let now = Instant::now();
        self.open.retain_mut(|question| match &mut question.asked {
            None => match ask(&mut question.command, now + PATIENCE) {
                Some(asked) => {
                    question.asked = Some(asked);
                    true
                }
                None => false,
            },
            Some(asked) if asked.until <= now => {
                pidfd_signal(&asked.pidfd, Signal::KILL).ok();
                // The reaper finds it.
                asked.until = now + PATIENCE;
                true
            }
            Some(_) => true,
        });
    }

    /// A process has ended: if it was one of ours, who wants to know its answer, and the answer.
    fn ended(&mut self, pid: Pid) -> Option<(Vec<Life>, String)> {
        let is_it = |question: &Question| {
            let asked = question.asked.as_ref();
            asked.is_some_and(|asked| asked.pid == pid)
        };
        let place = self.open.iter().position(is_it)?;
        let question = self.open.swap_remove(place);
        let version = read(&question.asked?.answer);
        self.known.insert(
            question.command.program,
            (question.modified, version.clone()),
        );
        Some((question.processes, version?))
    }
}

impl Daemon {
    /// The record of a life shall have the version of its node.
    pub(super) fn want_node_version(&mut self, life: Life, launch: &Launch) {
        if let Some(version) = self.node_versions.of(life, launch) {
            let report = Report::NodeVersion(version);
            self.events.push_back(Event::found_out(life, report));
        }
    }

    /// A process that is no app has ended.
    pub(super) fn node_answered(&mut self, pid: Pid) {
        let Some((lives, version)) = self.node_versions.ended(pid) else {
            return;
        };
        for life in lives {
            let report = Report::NodeVersion(version.clone());
            self.handle(Event::found_out(life, report));
        }
    }
}

/// Starts `node --version` as the app is started: as its user, in its folder, with its variables.
fn ask(command: &mut Command, until: Instant) -> Option<Asked> {
    let (answer, theirs) = pipe_with(PipeFlags::CLOEXEC).ok()?;
    rustix::io::ioctl_fionbio(&answer, true).ok()?;
    command.stdout = Stdio::Fd(theirs);
    command.argv = vec![name_of(&command.program), "--version".into()];
    let unwanted = |name: &OsString| NOT_INHERITED.iter().any(|not| name == not);
    command.env.retain(|(name, _)| !unwanted(name));
    let child = spawn(command).ok()?;
    command.stdout = Stdio::Null;
    Some(Asked {
        pid: child.pid,
        pidfd: child.pidfd,
        answer,
        until,
    })
}

fn name_of(program: &Path) -> OsString {
    program.file_name().unwrap_or_default().to_owned()
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
