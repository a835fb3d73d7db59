//! Command lines of the real binary, and what came of them.

use std::process::{Command, Output, Stdio};

use super::DEADLINE;
use super::home::Ward;
use super::process::kill;

/// What a command printed and how it ended.
pub(crate) struct Ran {
    words: String,
    output: Output,
}

impl Ward {
    /// A command line, not yet started.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(words)
            .current_dir(self.dir())
            .env_clear()
            .stdin(Stdio::null());
        command.envs(self.env().iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command line to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        self.run_with_input(words, "")
    }

    /// Runs a command line with this text on standard input.
    pub(crate) fn run_with_input(&self, words: &[&str], input: &str) -> Ran {
        let mut command = self.command(words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if !input.is_empty() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().expect("ward starts");
        if let Some(mut stdin) = child.stdin.take() {
            std::io::Write::write_all(&mut stdin, input.as_bytes()).expect("ward reads its input");
        }
        let guard = Guard::new(child.id(), words.join(" "));
        let output = child.wait_with_output().expect("ward ends");
        drop(guard);
        Ran {
            words: words.join(" "),
            output,
        }
    }
}

impl Ran {
    /// Exit code 0, or the test fails and shows everything.
    pub(crate) fn succeeds(self) -> Self {
        assert_eq!(
            self.code(),
            0,
            "`ward {}` failed:\n{}",
            self.words,
            self.all()
        );
        self
    }

    /// Exit code 1, nothing on the way lost, something said on standard error.
    pub(crate) fn fails(self) -> Self {
        assert_eq!(
            self.code(),
            1,
            "`ward {}` should fail:\n{}",
            self.words,
            self.all()
        );
        self
    }

    /// Standard error contains this.
    pub(crate) fn complains(self, text: &str) -> Self {
        assert!(
            self.stderr().contains(text),
            "`ward {}`: no {text:?} in\n{}",
            self.words,
            self.all()
        );
        self
    }

    /// Standard output contains this.
    pub(crate) fn prints(self, text: &str) -> Self {
        assert!(
            self.stdout().contains(text),
            "`ward {}`: no {text:?} in\n{}",
            self.words,
            self.all()
        );
        self
    }

    /// Standard output does not contain this.
    pub(crate) fn prints_no(self, text: &str) -> Self {
        assert!(
            !self.stdout().contains(text),
            "`ward {}`: {text:?} in\n{}",
            self.words,
            self.all()
        );
        self
    }

    /// The exit code; 128 + n for a death by signal.
    pub(crate) fn code(&self) -> i32 {
        use std::os::unix::process::ExitStatusExt;
        let status = self.output.status;
        status
            .code()
            .or_else(|| status.signal().map(|signal| 128 + signal))
            .expect("an end")
    }

    /// What it printed.
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// What it complained.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// Everything, for a failure.
    pub(super) fn all(&self) -> String {
        format!(
            "exit {}\n--- stdout\n{}--- stderr\n{}",
            self.code(),
            self.stdout(),
            self.stderr()
        )
    }
}

/// Kills a command that outlives the deadline, so that a hang is a failure with a name.
struct Guard {
    done: std::sync::mpsc::Sender<()>,
}

impl Guard {
    fn new(pid: u32, words: String) -> Self {
        let (done, wait) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            if wait.recv_timeout(DEADLINE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                eprintln!("`ward {words}` hangs, killing it");
                kill(pid, rustix::process::Signal::KILL);
            }
        });
        Self { done }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.done.send(()).ok();
    }
}
