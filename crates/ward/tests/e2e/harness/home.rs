//! A scratch home and working directory, with the environment of all commands that run there.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

/// One scratch home and working directory, with the daemon that belongs to it.
pub(crate) struct Ward {
    root: TempDir,
    env: Vec<(String, String)>,
    pub(super) program: PathBuf,
    /// Held as long as the home is there.
    turn: Option<MutexGuard<'static, ()>>,
}

impl Ward {
    /// A new home. No daemon runs yet.
    pub(crate) fn new() -> Self {
        needs();
        let root = tempfile::Builder::new()
            .prefix("ward-e2e-")
            .tempdir()
            .expect("a scratch folder");
        fs::create_dir(root.path().join("work")).expect("a working directory");
        let env = vec![
            (
                "PATH".to_owned(),
                std::env::var("PATH").expect("PATH is set"),
            ),
            ("HOME".to_owned(), root.path().display().to_string()),
            (
                "WARD_HOME".to_owned(),
                root.path().join("home").display().to_string(),
            ),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
            ("RUST_BACKTRACE".to_owned(), "1".to_owned()),
            // A busy machine needs long to start Node; whose subject these times are sets its own.
            ("PM2_GRACEFUL_LISTEN_TIMEOUT".to_owned(), "60000".to_owned()),
            ("WARD_SETTLING_TIME".to_owned(), "30000".to_owned()),
        ];
        Self {
            root,
            env,
            program: PathBuf::from(env!("CARGO_BIN_EXE_ward")),
            turn: None,
        }
    }

    /// A new home for a test whose clients work as fast as they can. Such tests take turns: side by side each would take
    /// as much longer as the others take away from it.
    pub(crate) fn for_heavy_load() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let mut ward = Self::new();
        // A test that failed has had its turn.
        ward.turn = Some(TURN.lock().unwrap_or_else(PoisonError::into_inner));
        ward
    }

    /// A new home for workers that never listen: their `start` is not kept waiting for it.
    pub(crate) fn where_nobody_listens() -> Self {
        Self::new().with_env("WARD_SETTLING_TIME", "100")
    }

    /// Adds a variable to the environment of every command, and so of the daemon.
    pub(crate) fn with_env(mut self, name: &str, value: &str) -> Self {
        self.set_env(name, value);
        self
    }

    /// Sets a variable for the commands that follow.
    pub(crate) fn set_env(&mut self, name: &str, value: &str) {
        self.unset_env(name);
        self.env.push((name.to_owned(), value.to_owned()));
    }

    /// Removes a variable for the commands that follow.
    pub(crate) fn unset_env(&mut self, name: &str) {
        self.env.retain(|(known, _)| known != name);
    }

    /// The environment of the commands.
    pub(crate) fn env(&self) -> &[(String, String)] {
        &self.env
    }

    /// A home for PM2 itself, given as the program to call: what ward is compared with.
    pub(crate) fn instead(program: PathBuf) -> Self {
        let mut pm2 = Self::new().with_env("PM2_DISABLE_VERSION_CHECK", "true");
        pm2.program = program;
        pm2
    }

    /// Calls the binary through a link of this name.
    pub(crate) fn called(mut self, name: &str) -> Self {
        let link = self.root.path().join(name);
        std::os::unix::fs::symlink(&self.program, &link).expect("a link");
        self.program = link;
        self
    }

    /// The home folder.
    pub(crate) fn home(&self) -> PathBuf {
        let home = self.env.iter().find(|(name, _)| name == "WARD_HOME");
        home.map_or_else(
            || self.root.path().join(".pm2"),
            |(_, path)| PathBuf::from(path),
        )
    }

    /// The folder of everything: the home, the working directory, the links.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// The working directory of all commands.
    pub(crate) fn dir(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// Writes a file into the working directory.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }
}

impl Drop for Ward {
    fn drop(&mut self) {
        if self.home().join("rpc.sock").exists() {
            let killed = self.run(&["kill"]);
            if std::thread::panicking() {
                eprintln!(
                    "--- kill said {}\n--- pm2.log:\n{}",
                    killed.all(),
                    self.daemon_log()
                );
            }
        }
    }
}

/// Programs the apps and clients of the tests are written for or call; the README names them.
const NEEDS: [&str; 7] = [
    "bash", "node", "npm", "openssl", "python3", "setpriv", "setsid",
];

/// Says which of them are missing, instead of a failure far from the cause in each test.
fn needs() {
    static MISSING: LazyLock<Vec<&str>> = LazyLock::new(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let is_missing = |name: &&str| !folders.iter().any(|it| it.join(name).is_file());
        NEEDS.into_iter().filter(is_missing).collect()
    });
    assert!(MISSING.is_empty(), "the tests need {MISSING:?} in PATH");
}
