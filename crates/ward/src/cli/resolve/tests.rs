//! Real files in scratch folders; PATH is a folder of the test where it matters.

mod environment;
mod found;
mod modes;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use tempfile::TempDir;

use super::*;

struct World {
    folder: TempDir,
    paths: Paths,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = folder.path().join("home");
        let at = |name: &str| home.join(name);
        let paths = Paths {
            rpc_socket: at("rpc.sock"),
            pub_socket: at("pub.sock"),
            pid_file: at("pm2.pid"),
            daemon_log: at("pm2.log"),
            dump: at("dump.pm2"),
            dump_backup: at("dump.pm2.bak"),
            logs: at("logs"),
            pids: at("pids"),
            modules: at("modules"),
            module_conf: at("module_conf.json"),
            reload_lock: at("reload.lock"),
            touch: at("touch"),
            lock: at("ward.lock"),
            home: home.clone(),
        };
        let world = Self { folder, paths };
        fs::create_dir_all(world.at("bin")).unwrap();
        fs::create_dir_all(world.at("work")).unwrap();
        world
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn text(&self, path: &str) -> String {
        text(&self.at(path))
    }

    /// A file in the working directory.
    fn file(&self, name: &str, content: &[u8], mode: u32) {
        let path = self.at("work").join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// An executable in PATH.
    fn program(&self, name: &str) {
        symlink("/bin/true", self.at("bin").join(name)).unwrap();
    }

    fn context(&self, is_file: bool) -> Context<'_> {
        let env = json!({"PATH": self.text("bin"), "HOME": self.text("me"), "PWD": self.text("work"), "SECRET_A": "s"});
        Context {
            cwd: self.at("work"),
            env: env.as_object().unwrap().clone(),
            evaluated: Map::new(),
            paths: &self.paths,
            user: "ops".to_owned(),
            is_file,
        }
    }

    fn resolve(&self, decl: &Value, is_file: bool) -> Result<Resolved, Failure> {
        let source = ward_core::config::source::Source {
            file: "e.json",
            text: "",
        };
        let mut decl = check::app(decl.as_object().unwrap(), source)
            .expect("a checked declaration")
            .decl;
        if is_file {
            ward_core::config::env::choose(&mut decl, None, None);
        }
        resolve(&decl, &self.context(is_file))
    }

    fn record(&self, decl: &Value) -> Map<String, Value> {
        self.resolve(decl, true)
            .unwrap_or_else(|failure| panic!("{decl}: {failure}"))
            .record
    }

    fn failure(&self, decl: &Value) -> String {
        self.resolve(decl, true)
            .map(|_| ())
            .expect_err("refused")
            .message
    }
}

#[test]
fn the_record_of_a_command_line_start_is_that_of_pm2() {
    let world = World::new();
    world.program("node");
    world.file("web.js", b"", 0o644);
    let mut record = world
        .resolve(&json!({"script": "web.js"}), false)
        .unwrap()
        .record;
    record.shift_remove("ward");
    assert_eq!(
        Value::Object(record),
        json!({
            "name": "web", "filter_env": [], "namespace": "default", "watch": false, "merge_logs": true, "vizion": true,
            "autostart": true, "autorestart": true, "instance_var": "NODE_APP_INSTANCE", "pmx": true,
            "automation": true, "treekill": true, "username": "ops", "windowsHide": true, "kill_retry_time": 100,
            "node_args": [], "pm_exec_path": world.text("work/web.js"), "pm_cwd": world.text("work"),
            "exec_interpreter": "node", "exec_mode": "fork_mode", "instances": 1, "km_link": false,
            "pm_out_log_path": world.text("home/logs/web-out.log"),
            "pm_err_log_path": world.text("home/logs/web-error.log"),
            "pm_pid_path": world.text("home/pids/web.pid"),
            "env": {
                "PATH": world.text("bin"), "HOME": world.text("me"), "PWD": world.text("work"), "SECRET_A": "s",
                "PM2_HOME": world.text("home"), "PM2_USAGE": "CLI", "web": {},
            },
        })
    );
}

#[test]
fn files_and_folders() {
    let world = World::new();
    world.program("node");
    world.file("a.js", b"", 0o644);
    let resolved = world
        .resolve(
            &json!({
                "script": "a.js", "name": "my_app/x é:1", "out": "new/folder/o.log", "error_file": "NULL",
                "log": true, "pid_file": "~/p.pid", "time": true,
            }),
            true,
        )
        .unwrap();
    let record = &resolved.record;
    assert_eq!(
        record["pm_out_log_path"],
        json!(world.text("work/new/folder/o.log"))
    );
    assert_eq!(record["pm_err_log_path"], json!("/dev/null"));
    assert_eq!(
        record["pm_log_path"],
        json!(world.text("home/logs/my-app-x---1.log"))
    );
    assert_eq!(record["pm_pid_path"], json!(world.text("me/p.pid")));
    assert_eq!(record["log_date_format"], json!("YYYY-MM-DDTHH:mm:ss"));
    let (new, me) = (world.text("work/new/folder"), world.text("me"));
    assert_eq!(
        resolved.warnings,
        [
            format!("Folder does not exist: {new}"),
            format!("Creating folder: {new}"),
            format!("Folder does not exist: {me}"),
            format!("Creating folder: {me}"),
        ]
    );
    assert!(world.at("work/new/folder").is_dir());
    let mode = fs::metadata(world.at("home/logs"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn options_that_mean_other_options() {
    let world = World::new();
    world.program("node");
    world.file("a.js", b"", 0o644);
    let record = world.record(&json!({
        "script": "a.js", "automation": false, "disable_trace": true, "name": "n", "name_prefix": "p",
        "kill_signal": "TERM", "env_prod": {"A": 1},
    }));
    assert_eq!(record["pmx"], json!(false));
    assert_eq!(record["trace"], json!(false));
    assert_eq!(record["name"], json!("p:n"));
    assert_eq!(record["kill_signal"], json!("SIGTERM"));
    assert_eq!(record["env_prod"], json!({"A": 1}));
}
