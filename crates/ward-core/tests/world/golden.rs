//! Snapshots as files: what an earlier ward wrote is understood by this one.

use core::time::Duration;
use std::path::{Path, PathBuf};

use serde_json::json;
use ward_core::id::InstanceId;
use ward_core::jobs::{Act, PrepareAll, Registration, Verb};
use ward_core::request::{Change, Request};
use ward_core::supervisor::Supervisor;

use crate::jobs::{act, workers};
use crate::os::Plan;
use crate::watching::{change, watched};
use crate::world::{World, app};

type Story = fn() -> World;

/// The states worth keeping, and how to get there.
const STATES: &[(&str, Story)] = &[
    ("reloading", || {
        let mut world = World::new();
        workers(&mut world, "app", 1, None);
        world.ask(Request::Reload(InstanceId(0), Change::default()));
        world
    }),
    ("stopping", || {
        let mut world = World::new();
        world.ask(Request::Prepare(Box::new(app("app", &json!({})))));
        world.run(100);
        world.ask(Request::Stop(InstanceId(0)));
        world
    }),
    ("waiting-for-room", || {
        let mut world = World::new();
        world.next(Plan {
            short: true,
            ..Plan::default()
        });
        world.ask(Request::Prepare(Box::new(app("app", &json!({})))));
        world
    }),
    ("job-rolls", || {
        let mut world = World::new();
        workers(&mut world, "careful", 2, Some(1));
        workers(&mut world, "bold", 3, Some(3));
        let deadline = Some(Duration::from_mins(1));
        let reload = Act {
            deadline,
            ..act(Verb::Reload, 0..5)
        };
        world.ask(Request::Act(Box::new(reload)));
        world
    }),
    ("job-was-late", || {
        let mut world = World::new();
        workers(&mut world, "app", 3, Some(1));
        let deadline = Some(Duration::from_millis(1));
        let reload = Act {
            deadline,
            ..act(Verb::Reload, 0..3)
        };
        world.ask(Request::Act(Box::new(reload)));
        world.run(1);
        world
    }),
    ("job-counts-connections", || {
        let mut world = World::new().usually(Plan {
            counts: None,
            ..Plan::default()
        });
        workers(&mut world, "app", 1, None);
        world.ask(Request::Act(Box::new(act(Verb::Reload, 0..1))));
        world.run(1000);
        world
    }),
    ("job-prepares", || {
        let mut world = World::new();
        let wait = json!({"wait_ready": true});
        let apps = ["a", "b"].map(|name| Registration::New(Box::new(app(name, &wait))));
        let apps = apps.into();
        let deadline = Some(Duration::from_secs(10));
        world.ask(Request::PrepareAll(PrepareAll { apps, deadline }));
        world
    }),
    ("watch-restarts", || {
        let mut world = World::new();
        watched(&mut world, &json!({"instances": 3}));
        change(&mut world, "a.js");
        change(&mut world, "b.js");
        world
    }),
    ("watch-is-throttled", || {
        let mut world = World::new();
        watched(&mut world, &json!({}));
        for _ in 0..6 {
            change(&mut world, "state.json");
            world.run(200);
        }
        world
    }),
];

fn path(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    folder.join(format!("{name}.json"))
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the core must not read files, but the test of its format has to"
)]
fn each_state_is_restored_from_its_file() {
    for (name, story) in STATES {
        let supervisor = story().supervisor;
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            let text = serde_json::to_string_pretty(&supervisor.snapshot()).expect("a snapshot");
            std::fs::write(path(name), text + "\n").expect("it can be written");
        }
        let text = std::fs::read_to_string(path(name)).expect("it was written once");
        let snapshot = serde_json::from_str(&text).expect("it can be read");
        let defaults = supervisor.defaults().clone();
        let restored = Supervisor::restore(snapshot, defaults).expect("the same version");
        assert_eq!(restored, supervisor, "{name}");
    }
}
