//! Real files in scratch folders; PATH is a folder of the test where it matters.

mod found;

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
#[expect(clippy::too_many_lines, reason = "a table")]
fn modes_instances_and_merged_logs() {
    let world = World::new();
    for program in ["node", "python3", "bun", "deno"] {
        world.program(program);
    }
    world.file("a.js", b"", 0o644);
    world.file("a.py", b"", 0o644);
    let (fork, cluster) = ("fork_mode", "cluster_mode");
    for (decl, mode, instances, merge) in [
        (json!({"script": "a.js"}), fork, 1, Some(true)),
        (
            json!({"script": "a.js", "merge_logs": false}),
            fork,
            1,
            None,
        ),
        (json!({"script": "a.js", "instances": 1}), cluster, 1, None),
        (json!({"script": "a.js", "instances": 4}), cluster, 4, None),
        (
            json!({"script": "a.js", "instances": "max"}),
            cluster,
            0,
            Some(true),
        ),
        (
            json!({"script": "a.js", "instances": "max", "merge_logs": false}),
            cluster,
            0,
            None,
        ),
        (
            json!({"script": "a.js", "instances": "max", "exec_mode": "cluster"}),
            cluster,
            0,
            None,
        ),
        (
            json!({"script": "a.js", "instances": -1}),
            cluster,
            -1,
            None,
        ),
        (
            json!({"script": "a.js", "instances": 4, "merge_logs": true}),
            cluster,
            4,
            Some(true),
        ),
        (
            json!({"script": "a.js", "exec_mode": "cluster"}),
            cluster,
            1,
            None,
        ),
        (
            json!({"script": "a.js", "exec_mode": "fork", "instances": 2}),
            fork,
            2,
            None,
        ),
        (
            json!({"script": "a.js", "exec_mode": "fork", "instances": 0}),
            fork,
            0,
            Some(true),
        ),
        (
            json!({"script": "a.js", "exec_mode": "fork", "instances": 0, "merge_logs": false}),
            fork,
            0,
            None,
        ),
        (
            json!({"script": "a.js", "execute_command": true, "instances": 2}),
            fork,
            2,
            None,
        ),
        (json!({"script": "a.py", "instances": 2}), fork, 2, None),
        (
            json!({"script": "a.js", "interpreter": "bun", "instances": 2}),
            cluster,
            2,
            None,
        ),
        (
            json!({"script": "a.js", "interpreter": "deno", "instances": 2}),
            cluster,
            2,
            None,
        ),
        (
            json!({"script": "a.js", "interpreter": "deno"}),
            fork,
            1,
            Some(true),
        ),
    ] {
        let record = world.record(&decl);
        assert_eq!(record["exec_mode"], json!(mode), "{decl}");
        assert_eq!(record["instances"], json!(instances), "{decl}");
        assert_eq!(
            record.get("merge_logs").and_then(Value::as_bool),
            merge,
            "{decl}"
        );
    }
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
fn layers_of_the_environment() {
    let world = World::new();
    world.program("node");
    world.file("a.js", b"", 0o644);
    fs::create_dir_all(&world.paths.home).unwrap();
    fs::write(
        &world.paths.module_conf,
        "{\"w\": {\"foo\": \"bar\"}, \"x\": 1}",
    )
    .unwrap();
    let decl = json!({
        "script": "a.js", "name": "w", "filter_env": ["SECRET"], "port": 80, "io": {"a": 1},
        "env": {"A": {"b": 1}, "N": 1},
    });
    let record = world.record(&decl);
    let layers = &record["ward"];
    assert_eq!(
        layers["captured"],
        json!({"PATH": world.text("bin"), "HOME": world.text("me"), "PWD": world.text("work")})
    );
    assert_eq!(
        layers["declared"],
        json!({"A": "{\"b\":1}", "N": 1, "PORT": 80, "io": "{\"a\":1}"})
    );
    assert_eq!(
        layers["injected"],
        json!({
            "PM2_HOME": world.text("home"), "PM2_USAGE": "CLI", "PM2_JSON_PROCESSING": "true", "foo": "bar",
            "w": "{\"foo\":\"bar\"}",
        })
    );
    let spec = ward_core::record::spec_from(&record).unwrap();
    assert_eq!(json!(*spec.env.captured), layers["captured"]);
    assert_eq!(json!(spec.env.declared), layers["declared"]);
    assert_eq!(json!(spec.env.injected), layers["injected"]);
    assert_eq!(
        json!(ward_core::record::merged_env(&spec.env)),
        record["env"]
    );
    assert!(
        spec.extra.contains_key("io") && spec.extra.len() == 1,
        "{:?}",
        spec.extra
    );
    let bare = world.record(&json!({"script": "a.js", "filter_env": true}));
    assert_eq!(bare["ward"]["captured"], json!({}));
}

#[test]
fn what_the_file_set_is_a_layer_of_its_own() {
    let world = World::new();
    world.program("node");
    world.file("a.js", b"", 0o644);
    let mut context = world.context(true);
    let set = json!({"DOTENV": "1", "SECRET_B": "s", "PWD": "elsewhere"});
    context.evaluated = set.as_object().unwrap().clone();
    context.env.extend(context.evaluated.clone());
    let decl = json!({"script": "a.js", "cwd": ".", "filter_env": ["SECRET"], "env": {"A": "1"}});
    let record = resolve(decl.as_object().unwrap(), &context).unwrap().record;
    let layers = &record["ward"];
    assert_eq!(
        layers["captured"],
        json!({"PATH": world.text("bin"), "HOME": world.text("me"), "PWD": world.text("work")})
    );
    assert_eq!(layers["evaluated"], json!({"DOTENV": "1"}));
    let spec = ward_core::record::spec_from(&record).unwrap();
    assert_eq!(json!(spec.env.evaluated), layers["evaluated"]);
    assert_eq!(
        json!(ward_core::record::merged_env(&spec.env)),
        record["env"]
    );
}

#[test]
fn owners() {
    let world = World::new();
    world.program("node");
    world.file("a.js", b"", 0o644);
    if !rustix::process::geteuid().is_root() {
        let message = world.failure(&json!({"script": "a.js", "uid": "root"}));
        assert_eq!(message, "To use UID and GID please run PM2 as root");
        return;
    }
    let record = world.record(&json!({"script": "a.js", "uid": "root"}));
    assert_eq!((&record["uid"], &record["gid"]), (&json!(0), &json!(0)));
    assert_eq!(record["env"]["HOME"], json!("/root"));
    for (decl, message) in [
        (
            json!({"script": "a.js", "uid": "nobody-here"}),
            "User nobody-here cannot be found",
        ),
        (
            json!({"script": "a.js", "uid": 0, "gid": "no-group"}),
            "Group no-group cannot be found",
        ),
        (
            json!({"script": "a.js", "gid": 0}),
            "User undefined cannot be found",
        ),
    ] {
        assert_eq!(world.failure(&decl), message, "{decl}");
    }
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
