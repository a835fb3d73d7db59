//! The paths of the home folder, in PM2's layout. The environment variables that PM2 reads can move
//! each of them.

use std::env;
use std::path::{Path, PathBuf};

/// The paths of the home folder.
#[derive(Clone, Debug)]
pub struct Paths {
    /// The home folder itself.
    pub home: PathBuf,
    /// The socket for requests and replies (axon-rpc).
    pub rpc_socket: PathBuf,
    /// The socket for events (axon pub/sub).
    pub pub_socket: PathBuf,
    /// The daemon's pid, written for other programs; ward never reads it.
    pub pid_file: PathBuf,
    /// The daemon's log.
    pub daemon_log: PathBuf,
    /// The saved list.
    pub dump: PathBuf,
    /// Its previous generation.
    pub dump_backup: PathBuf,
    /// The folder of the apps' logs.
    pub logs: PathBuf,
    /// The folder of the apps' pid files.
    pub pids: PathBuf,
    /// The folder of installed modules.
    pub modules: PathBuf,
    /// PM2's key/value store.
    pub module_conf: PathBuf,
    /// The file with the time of a running reload.
    pub reload_lock: PathBuf,
    /// The mark that the home was used before.
    pub touch: PathBuf,
    /// The file whose lock the daemon holds while it lives, and a command while it starts the
    /// daemon.
    pub lock: PathBuf,
}

/// Names under which the binary behaves as PM2 and shares its home.
const PM2_NAMES: [&str; 4] = ["pm2", "pm2-runtime", "pm2-dev", "pm2-docker"];

impl Paths {
    /// Derives the paths from the environment. `program` is the name that the binary was called by.
    pub fn from_env(program: &str) -> Self {
        let own = env::var_os("WARD_HOME").filter(|home| !home.is_empty());
        let pm2 = env::var_os("PM2_HOME").filter(|home| !home.is_empty());
        let home = own
            .or(pm2)
            .map_or_else(|| default_home(program), PathBuf::from);
        Self::in_home(&std::path::absolute(&home).unwrap_or(home))
    }

    fn in_home(home: &Path) -> Self {
        let at = |variable: &str, name: &str| {
            env::var_os(variable)
                .filter(|path| !path.is_empty())
                .map_or_else(|| home.join(name), PathBuf::from)
        };
        Self {
            rpc_socket: at("PM2_DAEMON_RPC_PORT", "rpc.sock"),
            pub_socket: at("PM2_DAEMON_PUB_PORT", "pub.sock"),
            pid_file: at("PM2_PID_FILE_PATH", "pm2.pid"),
            daemon_log: at("PM2_LOG_FILE_PATH", "pm2.log"),
            dump: at("PM2_DUMP_FILE_PATH", "dump.pm2"),
            dump_backup: at("PM2_DUMP_BACKUP_FILE_PATH", "dump.pm2.bak"),
            logs: at("PM2_DEFAULT_LOG_PATH", "logs"),
            pids: at("PM2_DEFAULT_PID_PATH", "pids"),
            modules: at("PM2_DEFAULT_MODULE_PATH", "modules"),
            module_conf: at("PM2_MODULE_CONF_FILE", "module_conf.json"),
            reload_lock: at("PM2_RELOAD_LOCKFILE", "reload.lock"),
            touch: home.join("touch"),
            lock: home.join("ward.lock"),
            home: home.to_path_buf(),
        }
    }
}

fn default_home(program: &str) -> PathBuf {
    let folder = if PM2_NAMES.contains(&program) {
        ".pm2"
    } else {
        ".ward"
    };
    match env::var_os("HOME").filter(|home| !home.is_empty()) {
        Some(home) => Path::new(&home).join(folder),
        None => Path::new("/etc").join(folder),
    }
}
