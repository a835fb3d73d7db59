//! The home folder and everything in it, PM2's layout. Each path can be moved by the environment
//! variable PM2 reads for it.

use std::env;
use std::path::{Path, PathBuf};

/// Where things are.
#[derive(Clone, Debug)]
pub struct Paths {
    /// The home folder itself.
    pub home: PathBuf,
    /// Requests and replies.
    pub rpc_socket: PathBuf,
    /// Events.
    pub pub_socket: PathBuf,
    /// The daemon's pid, for others to read; never trusted.
    pub pid_file: PathBuf,
    /// The daemon's log.
    pub daemon_log: PathBuf,
    /// The saved list.
    pub dump: PathBuf,
    /// Its previous generation.
    pub dump_backup: PathBuf,
    /// Logs of the apps.
    pub logs: PathBuf,
    /// Pid files of the apps.
    pub pids: PathBuf,
    /// Installed modules.
    pub modules: PathBuf,
    /// Key/value store.
    pub module_conf: PathBuf,
    /// Held while a reload runs.
    pub reload_lock: PathBuf,
    /// Marks that the home was used before.
    pub touch: PathBuf,
    /// Held exclusively by the daemon while it lives, and by whoever starts it.
    pub lock: PathBuf,
}

/// Names under which the binary behaves as PM2 and shares its home.
const PM2_NAMES: [&str; 4] = ["pm2", "pm2-runtime", "pm2-dev", "pm2-docker"];

impl Paths {
    /// Reads the environment. `program` is the name the binary was called by.
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
