//! What programs see of an instance: the record, the environment of the child, ids and numbers.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use ward_core::action::Action;
use ward_core::defaults::Defaults;
use ward_core::event::{Event, ExitStatus, Report, ReportSource};
use ward_core::id::{InstanceId, Life, RequestId};
use ward_core::launch::Launch;
use ward_core::request::{Change, Request};
use ward_core::supervisor::Supervisor;
use ward_core::time::{Mono, Now, Wall};
use ward_core::view;

/// A supervisor whose processes all start at once and never end by themselves.
struct Bench {
    supervisor: Supervisor,
    requests: u64,
    launches: Vec<Launch>,
    logs: Vec<String>,
    refused: Vec<String>,
}

impl Bench {
    fn new() -> Self {
        Self {
            supervisor: Supervisor::new(Defaults {
                cpus: 4,
                home: "/home".to_owned(),
                ..Defaults::default()
            }),
            requests: 0,
            launches: Vec::new(),
            logs: Vec::new(),
            refused: Vec::new(),
        }
    }

    fn take(&mut self, event: Event) {
        let now = Now {
            mono: Mono(0),
            wall: Wall(1_795_219_789_137),
        };
        let mut actions = Vec::new();
        self.supervisor.handle(now, event, &mut actions);
        for action in actions {
            match action {
                Action::Spawn { life, launch, .. } => {
                    self.launches.push(*launch);
                    let version = Some("1.2.3".to_owned());
                    let pid = 100;
                    self.take(Event::Spawned { life, pid, version });
                }
                Action::Terminate { life, .. } => {
                    let status = ExitStatus::Code(0);
                    self.take(Event::Exited { life, status });
                }
                Action::Probe { life } => self.take(Event::Probed { life, alive: 0 }),
                Action::Log { text, .. } => self.logs.push(text),
                Action::Reply {
                    reply: Err(error), ..
                } => self.refused.push(error.to_string()),
                _ => {}
            }
        }
    }

    fn ask(&mut self, request: Request) {
        self.requests += 1;
        let id = RequestId(self.requests);
        self.take(Event::Requested { id, request });
    }

    fn prepare(&mut self, record: &Value) {
        let record = record.as_object().expect("an object");
        let spec = ward_core::record::spec_from(record).expect("a good record");
        self.ask(Request::Prepare(Box::new(spec)));
    }

    /// The name in lists, and the one that selects it.
    fn names(&self, id: u32) -> [Value; 2] {
        let instance = self.supervisor.instance(InstanceId(id));
        let process = view::process(instance.expect("it is there"));
        [process["name"].clone(), process["pm2_env"]["name"].clone()]
    }

    fn record(&self, id: u32) -> Map<String, Value> {
        let instance = self.supervisor.instance(InstanceId(id));
        view::record(instance.expect("it is there"))
    }

    /// An entry of `dump.pm2`: the record without what is given anew.
    fn saved(&self, id: u32) -> Value {
        let mut entry = self.record(id);
        for key in ["instances", "pm_id", "prev_restart_delay"] {
            entry.shift_remove(key);
        }
        entry.into()
    }

    fn env(&self, launch: usize) -> Map<String, Value> {
        let env = self.launches[launch].env.iter();
        env.map(|(name, value)| (name.clone(), json!(value)))
            .collect()
    }
}

/// What a client sent to start `web`, as captured from PM2 7.0.4.
fn web() -> Value {
    json!({
        "name": "web", "filter_env": [], "namespace": "default",
        "env": {
            "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/srv/demo", "USER": "ops",
            "LANG": "C.UTF-8", "PM2_HOME": "/srv/demo/home", "PORT": "21211", "PM2_USAGE": "CLI",
            "web": {}
        },
        "merge_logs": true, "vizion": true, "autostart": true, "autorestart": true,
        "watch": false, "instance_var": "NODE_APP_INSTANCE", "pmx": true, "automation": true,
        "treekill": true, "username": "root", "windowsHide": true, "kill_retry_time": 100,
        "node_args": [], "pm_exec_path": "/srv/demo/apps/web.js", "pm_cwd": "/srv/demo/apps",
        "exec_interpreter": "node", "exec_mode": "fork_mode", "instances": 1,
        "pm_out_log_path": "/srv/demo/home/logs/web-out.log",
        "pm_err_log_path": "/srv/demo/home/logs/web-error.log",
        "pm_pid_path": "/srv/demo/home/pids/web.pid", "km_link": false
    })
}

fn with(mut record: Value, more: &Value) -> Value {
    let more = more.as_object().expect("an object").clone();
    record.as_object_mut().expect("an object").extend(more);
    record
}

#[test]
fn an_app_that_speaks_for_itself_is_believed_alone() {
    let mut bench = Bench::new();
    bench.prepare(&web());
    let metric = |name: &str| Report::Monitor(json!({ name: 1 }).as_object().unwrap().clone());
    let action = |name: &str, kind: &str| {
        Report::Action(json!({ "action_name": name, "action_type": kind }))
    };
    let renaming = |name: &str| {
        let options = json!({ "name": name });
        Report::Options(options.as_object().unwrap().clone())
    };
    let life = Life(1);
    let mut told = |source: ReportSource, reports: Vec<Report>| {
        let event = Event::Reported {
            life,
            source,
            reports,
        };
        let mut actions = Vec::new();
        let now = Now::default();
        bench.supervisor.handle(now, event, &mut actions);
        actions
    };
    let version = Report::NodeVersion("20.20.2".to_owned());
    let of_agent = vec![metric("ours"), action("ours", "internal"), renaming("x")];
    assert_eq!(told(ReportSource::Agent, of_agent), []);
    told(ReportSource::App, vec![action("its", "custom"), version]);
    let silence = [Action::SilenceAgent { life }];
    assert_eq!(told(ReportSource::App, vec![metric("its")]), silence);
    assert_eq!(told(ReportSource::App, vec![metric("its")]), []);
    // It was not silent yet.
    assert_eq!(told(ReportSource::Agent, vec![metric("ours")]), silence);
    assert_eq!(
        bench.supervisor.report_source(life),
        Some(ReportSource::App)
    );
    let record = bench.record(0);
    assert_eq!(record["axm_monitor"], json!({ "its": 1 }));
    assert_eq!(record["name"], "web");
    assert_eq!(record["axm_actions"][0]["action_name"], "its");
    assert_eq!(record["axm_actions"].as_array().unwrap().len(), 1);
    assert_eq!(record["node_version"], "20.20.2");
}

#[test]
fn a_name_an_app_gives_itself_is_shown_and_selects_nothing() {
    let mut bench = Bench::new();
    bench.prepare(&web());
    let mut rename = |name: &str| {
        let options = json!({ "name": name });
        bench.take(Event::Reported {
            life: Life(1),
            source: ReportSource::App,
            reports: vec![Report::Options(options.as_object().unwrap().clone())],
        });
        bench.names(0)
    };
    assert_eq!(rename("shop"), [json!("shop"), json!("web")]);
    assert_eq!(rename(&"x".repeat(257)), [json!("shop"), json!("web")]);
    assert_eq!(bench.record(0)["axm_options"]["name"], "shop");
    bench.ask(Request::Restart(InstanceId(0), Change::default()));
    assert_eq!(bench.names(0), [json!("web"), json!("web")]);
}

#[test]
fn only_a_plain_no_forbids_instrumentation() {
    for (pmx, wanted) in [
        (json!(false), false),
        (json!("false"), false),
        (json!(true), true),
        (json!("true"), true),
        (json!(null), true),
    ] {
        let node = ward_core::spec::NodeSpec {
            pmx: Some(pmx.clone()),
            ..Default::default()
        };
        assert_eq!(node.is_instrumented(), wanted, "{pmx}");
    }
}

#[test]
fn a_brief_record_says_the_same_as_the_whole_one() {
    let mut bench = Bench::new();
    bench.prepare(&web());
    let more = json!({
        "name": "other", "namespace": "back", "uid": 33, "pmx_module": true, "trace": true,
        "cron_restart": "0 0 * * *", "watch": ["src"], "version": "9",
        "env": {"username": "from-env", "status": "from-env", "watch": "from-env", "trace": "no"}
    });
    bench.prepare(&with(web(), &more));
    let mut bare = web();
    for key in ["username", "pm_err_log_path", "pm_pid_path", "watch"] {
        bare.as_object_mut().expect("an object").shift_remove(key);
    }
    let env = json!({"env": {"username": "from-env", "watch": "from-env", "uid": {}}});
    bench.prepare(&with(bare, &env));
    bench.ask(Request::Monitor(InstanceId(1), true));
    bench.ask(Request::Stop(InstanceId(0)));
    for instance in bench.supervisor.instances() {
        for keys in [view::BRIEF_KEYS, view::SHOWN_KEYS] {
            let mut whole = view::process(instance);
            let record = whole["pm2_env"].as_object_mut().expect("an object");
            record.retain(|key, _| keys.contains(&key.as_str()));
            assert_eq!(view::brief(instance, keys), whole);
        }
    }
    assert_eq!(bench.supervisor.instances().count(), 3);
}

#[test]
fn without_listeners_no_event_is_made() {
    let mut bench = Bench::new();
    let published = |bench: &mut Bench| {
        let mut actions = Vec::new();
        let spec = ward_core::record::spec_from(web().as_object().expect("an object"));
        let event = Event::Requested {
            id: RequestId(77),
            request: Request::Prepare(Box::new(spec.expect("a good record"))),
        };
        let now = Now {
            mono: Mono(0),
            wall: Wall(0),
        };
        bench.supervisor.handle(now, event, &mut actions);
        let Some(Action::Spawn { life, .. }) = actions.pop() else {
            panic!("it begins");
        };
        let event = Event::Spawned {
            life,
            pid: 7,
            version: None,
        };
        bench.supervisor.handle(now, event, &mut actions);
        let is_notice = |action: &&Action| matches!(action, Action::Publish(_));
        actions.iter().filter(is_notice).count()
    };
    assert!(published(&mut bench) > 0);
    bench.supervisor.set_followed(false);
    assert_eq!(published(&mut bench), 0);
}

#[test]
fn the_record_has_the_keys_of_pm2_in_its_order() {
    let mut bench = Bench::new();
    bench.prepare(&web());
    bench.take(Event::Reported {
        life: Life(1),
        source: ReportSource::Daemon,
        reports: vec![Report::NodeVersion("20.20.2".to_owned())],
    });
    let captured = "name filter_env namespace env merge_logs vizion autostart autorestart watch \
        instance_var pmx automation treekill username windowsHide kill_retry_time node_args \
        pm_exec_path pm_cwd exec_interpreter exec_mode instances pm_out_log_path pm_err_log_path \
        pm_pid_path km_link vizion_running NODE_APP_INSTANCE PATH HOME USER LANG PM2_HOME PORT \
        PM2_USAGE unique_id status pm_uptime axm_actions axm_monitor axm_options axm_dynamic \
        created_at pm_id restart_time unstable_restarts version node_version";
    let record = bench.record(0);
    let keys: Vec<&str> = record.keys().map(String::as_str).collect();
    assert_eq!(keys, captured.split_whitespace().collect::<Vec<_>>());
    assert_eq!(record["pm_pid_path"], "/srv/demo/home/pids/web-0.pid");
    assert_eq!(record["pm_out_log_path"], "/srv/demo/home/logs/web-out.log");
    assert_eq!(record["watch"], false);
    assert_eq!(record["version"], "1.2.3");
    let app = bench
        .supervisor
        .instance(InstanceId(0))
        .expect("it is there");
    let process = view::process(app);
    let keys: Vec<&String> = process.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["pid", "name", "pm2_env", "pm_id"]);
}

#[test]
fn each_word_scripts_count_is_there_once() {
    let mut bench = Bench::new();
    bench.prepare(&web());
    let app = bench
        .supervisor
        .instance(InstanceId(0))
        .expect("it is there");
    let text = view::process(app).to_string();
    for word in ["online", "restart_time", "exec_mode", "web.js"] {
        assert_eq!(text.matches(word).count(), 1, "{word} in {text}");
    }
    for word in ["stopped", "errored", "launching"] {
        assert_eq!(text.matches(word).count(), 0, "{word} in {text}");
    }
}

#[test]
fn the_environment_cannot_change_the_record() {
    let mut bench = Bench::new();
    let hostile = json!({"env": {"name": "hacked", "pm_id": "7", "exec_mode": "zzz", "A": "1"}});
    bench.prepare(&with(web(), &hostile));
    let record = bench.record(0);
    assert_eq!(record["name"], "web");
    assert_eq!(record["pm_id"], 0);
    assert_eq!(record["exec_mode"], "fork_mode");
    assert_eq!(record["A"], "1");
}

#[test]
fn a_declared_variable_reaches_the_child_and_an_inherited_one_does_not_fool_it() {
    let mut bench = Bench::new();
    let layers = json!({"ward": {
        "captured": {"pm_id": "9"},
        "declared": {"name": "mine"},
    }});
    bench.prepare(&with(web(), &layers));
    let env = bench.env(0);
    assert_eq!(env["pm_id"], "0");
    assert_eq!(env["name"], "mine");
}

#[test]
fn the_child_gets_scalars_only() {
    let mut bench = Bench::new();
    bench.prepare(&with(
        web(),
        &json!({"args": ["a", "b"], "max_restarts": 5}),
    ));
    let env = bench.env(0);
    for (name, value) in [
        ("NODE_APP_INSTANCE", "0"),
        ("status", "launching"),
        ("PM2_HOME", "/srv/demo/home"),
        ("max_restarts", "5"),
        ("watch", "false"),
        ("restart_time", "0"),
        ("pm_out_log_path", "/srv/demo/home/logs/web-out.log"),
    ] {
        assert_eq!(env.get(name), Some(&json!(value)), "{name}");
    }
    for name in [
        "args",
        "node_args",
        "env",
        "axm_actions",
        "web",
        "filter_env",
    ] {
        assert_eq!(env.get(name), None, "{name}");
    }
    assert_eq!(
        bench.launches[0].argv,
        ["node", "/srv/demo/apps/web.js", "a", "b"]
    );
    assert_eq!(env["unique_id"], bench.launches[0].marker);
}

#[test]
fn ids_numbers_and_marks_of_instances() {
    let mut bench = Bench::new();
    let more = json!({"instances": 3, "increment_var": "PORT", "merge_logs": false});
    bench.prepare(&with(web(), &more));
    let numbers = |bench: &Bench| -> Vec<(u32, u32, Value)> {
        let instances = bench.supervisor.instances();
        instances
            .map(|it| (it.id.0, it.number, view::record(it)["PORT"].clone()))
            .collect()
    };
    let port = |n: u32| json!(21211 + n);
    assert_eq!(
        numbers(&bench),
        [(0, 0, port(0)), (1, 1, port(1)), (2, 2, port(2))]
    );
    assert_eq!(bench.record(1)["env"]["PORT"], port(1));
    assert_eq!(bench.env(2)["PORT"], "21213");
    assert_eq!(
        bench.record(2)["pm_err_log_path"],
        "/srv/demo/home/logs/web-error-2.log"
    );
    let marks: BTreeSet<&String> = bench.launches.iter().map(|it| &it.marker).collect();
    assert_eq!(marks.len(), 3, "each instance has its own mark");

    // The lowest free number is used again; ids go on until nothing is left.
    bench.ask(Request::Delete(InstanceId(0)));
    bench.ask(Request::Duplicate(InstanceId(1)));
    assert_eq!(
        numbers(&bench),
        [(1, 1, port(1)), (2, 2, port(2)), (3, 0, port(3))]
    );
    for id in [1, 2, 3] {
        bench.ask(Request::Delete(InstanceId(id)));
    }
    bench.prepare(&web());
    assert_eq!(numbers(&bench)[0].0, 0);
}

#[test]
fn a_restart_keeps_the_mark_and_counts() {
    let mut bench = Bench::new();
    bench.prepare(&web());
    bench.ask(Request::Restart(InstanceId(0), Change::default()));
    assert_eq!(bench.launches.len(), 2);
    assert_eq!(bench.launches[0].marker, bench.launches[1].marker);
    assert_eq!(bench.env(1)["restart_time"], "1");
}

#[test]
fn a_variable_removed_from_the_file_is_gone_after_a_restart_from_it() {
    let mut bench = Bench::new();
    let layers = |declared: Value| json!({"ward": {"captured": {}, "declared": declared}});
    bench.prepare(&with(web(), &layers(json!({"A": "1", "B": "2"}))));
    let new = with(web(), &layers(json!({"A": "3"})));
    let new = ward_core::record::spec_from(new.as_object().expect("an object"));
    let change = Change {
        spec: Some(Box::new(new.expect("a good record"))),
        ..Change::default()
    };
    bench.ask(Request::Restart(InstanceId(0), change));
    let env = bench.env(1);
    assert_eq!((env.get("A"), env.get("B")), (Some(&json!("3")), None));
    assert_eq!(bench.record(0).get("B"), None);
}

#[test]
fn a_death_by_signal_is_told_as_one() {
    let mut bench = Bench::new();
    bench.prepare(&with(web(), &json!({"autorestart": false})));
    bench.take(Event::Exited {
        life: Life(1),
        status: ExitStatus::Signal(9),
    });
    let record = bench.record(0);
    assert_eq!(record["exit_code"], 137);
    assert_eq!(record["exit_signal"], "SIGKILL");
    assert_eq!(record["status"], "stopped");
    let line = "App [web:0] exited with code [0] via signal [SIGKILL]";
    assert!(bench.logs.iter().any(|log| log == line), "{:?}", bench.logs);
}

#[test]
fn a_dump_entry_starts_the_same_app_again() {
    let mut bench = Bench::new();
    bench.prepare(&with(web(), &json!({"merge_logs": false, "instances": 2})));
    let mut again = Bench::new();
    again.prepare(&bench.saved(1));
    let (old, new) = (&bench.launches[1], &again.launches[0]);
    assert_eq!(old.argv, new.argv);
    let out = new.output.out_path.as_deref();
    assert_eq!(out, Some("/srv/demo/home/logs/web-out-0.log"));
    assert_eq!(again.record(0)["env"]["PORT"], "21211");
}

#[test]
fn what_was_declared_for_a_cluster_is_so_in_the_dump_of_an_app_in_fork_mode() {
    let mut bench = Bench::new();
    bench.prepare(&with(web(), &json!({"exec_mode": "cluster_mode"})));
    let reason = "It is a shell script.".to_owned();
    let life = Life(1);
    bench.take(Event::WorkerAlone { life, reason });
    let record = bench.record(0);
    assert_eq!(record["exec_mode"], "fork_mode");
    assert_eq!(record["fork_reason"], "It is a shell script.");
    let mut again = Bench::new();
    again.prepare(&bench.saved(0));
    let record = again.record(0);
    assert_eq!(record["exec_mode"], "cluster_mode", "it is judged anew");
    assert!(!record.contains_key("fork_reason"));
}

#[test]
fn a_bad_cron_pattern_is_refused_with_the_words_of_pm2() {
    let mut bench = Bench::new();
    bench.prepare(&with(web(), &json!({"cron_restart": "every day"})));
    assert_eq!(bench.supervisor.instances().count(), 0);
    let refused = bench.refused.join("");
    assert!(refused.starts_with("Cron pattern error: "), "{refused}");
}

#[test]
fn a_snapshot_of_another_version_is_refused_and_unknown_fields_are_not() {
    let mut bench = Bench::new();
    bench.prepare(&web());
    let mut value = serde_json::to_value(bench.supervisor.snapshot()).expect("it can be written");
    value["state"]["instances"]["0"]["invented"] = json!(1);
    let restore = |value: &Value| {
        let snapshot = serde_json::from_value(value.clone()).expect("it can be read");
        Supervisor::restore(snapshot, bench.supervisor.defaults().clone())
    };
    assert_eq!(restore(&value).as_ref(), Ok(&bench.supervisor));
    value["version"] = json!(1_000_000);
    assert!(restore(&value).is_err());
}
