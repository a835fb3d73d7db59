//! The thread with a real inotify and real folders.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::handover::Handover;

const DEADLINE: Duration = Duration::from_secs(30);

struct Scene {
    folder: TempDir,
    /// Nobody watches it.
    aside: TempDir,
    handle: WatchHandle,
    events: UnboundedReceiver<WatchEvent>,
    runtime: Runtime,
}

impl Scene {
    fn new() -> Self {
        Self::with(Folders::new().unwrap())
    }

    fn with(folders: Folders) -> Self {
        let (to_us, events) = unbounded_channel();
        let folder = tempfile::Builder::new().prefix("watch-").tempdir().unwrap();
        let handle = WatchThread::start_with(to_us, folders, |_| ()).unwrap();
        Self {
            folder,
            aside: TempDir::new().unwrap(),
            handle,
            events,
            runtime: Builder::new_current_thread().enable_time().build().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// One change and no more: to write a file in place is two, it becomes empty first, and a busy machine may let time
    /// pass between them.
    fn write(&self, name: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let aside = self.aside.path().join("aside");
        fs::write(&aside, "x").unwrap();
        fs::rename(aside, path).unwrap();
    }

    fn plan(&self, paths: &[&str]) -> Plan {
        Plan {
            cwd: self.folder.path().to_owned(),
            paths: paths.iter().map(|&path| path.to_owned()).collect(),
            quiet: Duration::from_millis(20),
            ..Plan::default()
        }
    }

    fn watch(&self, app: u64, plan: Plan) {
        self.handle.watch(WatchId(app), plan, file_clock());
    }

    fn next(&mut self) -> WatchEvent {
        let next = async { tokio::time::timeout(DEADLINE, self.events.recv()).await };
        let next = self.runtime.block_on(next).expect("something is told");
        next.expect("the thread lives")
    }

    /// The next change, and whose.
    fn change(&mut self) -> (u64, String) {
        match self.next() {
            WatchEvent::Changed { app, path, .. } => {
                let below = path.strip_prefix(self.folder.path()).unwrap();
                (app.0, below.display().to_string())
            }
            WatchEvent::Trouble { text, .. } | WatchEvent::Fault(text) => panic!("{text}"),
        }
    }

    fn trouble(&mut self) -> String {
        match self.next() {
            WatchEvent::Trouble { text, .. } => text,
            WatchEvent::Fault(text) => panic!("{text}"),
            WatchEvent::Changed { path, .. } => panic!("{} changed", path.display()),
        }
    }

    /// The thread did everything that was asked before: it answers in order.
    fn settle(&mut self) {
        let probe = Plan {
            unknown: vec!["probe".to_owned()],
            ..self.plan(&["nothing-is-here"])
        };
        self.watch(999, probe);
        assert_eq!(self.trouble(), "watch_options.probe has no effect");
        assert!(
            self.trouble()
                .ends_with("nothing-is-here does not exist yet")
        );
        self.handle.unwatch(WatchId(999));
    }
}

#[test]
fn two_apps_in_one_folder_are_both_told() {
    let mut scene = Scene::new();
    scene.watch(1, scene.plan(&[]));
    let plan = Plan {
        ignore: vec!["a.js".to_owned()],
        ..scene.plan(&["."])
    };
    scene.watch(2, plan);
    scene.settle();
    scene.write("a.js");
    assert_eq!(scene.change(), (1, "a.js".to_owned()));
    scene.write("b.js");
    let mut both = [scene.change(), scene.change()];
    both.sort();
    assert_eq!(both, [(1, "b.js".to_owned()), (2, "b.js".to_owned())]);
    scene.handle.unwatch(WatchId(1));
    scene.settle();
    scene.write("c.js");
    assert_eq!(scene.change(), (2, "c.js".to_owned()));
}

#[test]
fn a_successor_loses_no_change() {
    let mut scene = Scene::new();
    fs::create_dir(scene.path("src")).unwrap();
    scene.watch(1, scene.plan(&[]));
    // Changes of this one are pending for long.
    let slow = Plan {
        quiet: Duration::from_millis(400),
        ..scene.plan(&["src"])
    };
    scene.watch(2, slow);
    scene.settle();
    scene.write("src/pending.js");
    assert_eq!(scene.change(), (1, "src/pending.js".to_owned()));
    let (to_us, events) = unbounded_channel();
    let handle = std::mem::replace(&mut scene.handle, WatchThread::start(to_us).unwrap());
    let handover = handle.export().unwrap();
    // Nobody reads inotify now.
    scene.write("between.js");
    let state = serde_json::to_string(&handover.state).unwrap();
    let handover = Handover {
        state: serde_json::from_str(&state).unwrap(),
        descriptors: handover.descriptors,
    };
    let (to_us, successor) = unbounded_channel();
    scene.handle = WatchThread::import(handover, to_us).unwrap();
    scene.events = successor;
    drop(events);
    let mut told = [scene.change(), scene.change()];
    told.sort();
    let wanted = [(1, "between.js"), (2, "src/pending.js")];
    assert_eq!(told, wanted.map(|(app, path)| (app, path.to_owned())));
    scene.write("src/after.js");
    let mut both = [scene.change(), scene.change()];
    both.sort();
    let wanted = [(1, "src/after.js"), (2, "src/after.js")];
    assert_eq!(both, wanted.map(|(app, path)| (app, path.to_owned())));
}

#[test]
fn a_folder_made_before_its_parent_is_watched_is_a_change() {
    let mut scene = Scene::new();
    fs::create_dir(scene.path("before")).unwrap();
    let since = file_clock();
    // Dated later than `since`, which is a file's time.
    while file_clock() == since {}
    fs::create_dir(scene.path("between")).unwrap();
    fs::create_dir_all(scene.path("node_modules/x")).unwrap();
    scene.handle.watch(WatchId(1), scene.plan(&[]), since);
    assert_eq!(scene.change(), (1, "between".to_owned()));
}

#[test]
fn a_link_in_a_circle_ends() {
    let mut scene = Scene::new();
    scene.write("src/a.js");
    symlink("..", scene.path("src/up")).unwrap();
    symlink("src", scene.path("again")).unwrap();
    scene.watch(1, scene.plan(&[]));
    scene.settle();
    scene.write("src/a.js");
    let (_, path) = scene.change();
    assert!(path.ends_with("/a.js"), "{path}");
}

/// Since Linux 6.13 some files are dated more precisely than others, later than what `CLOCK_REALTIME_COARSE` says then.
#[test]
fn what_was_made_before_the_clock_was_asked_is_not_later() {
    use std::os::unix::fs::MetadataExt;
    let folder = TempDir::new().unwrap();
    for number in 0..100 {
        let path = folder.path().join(number.to_string());
        symlink("nowhere", &path).unwrap();
        let now = file_clock();
        let made = fs::symlink_metadata(&path).unwrap();
        let made = (made.ctime(), made.ctime_nsec());
        assert!(made <= (now.tv_sec, now.tv_nsec), "{made:?}, {now:?}");
        // Who looked at a file gets a precise date when it changes next; no later date is earlier than that.
        fs::write(folder.path().join("looked-at"), "x").unwrap();
        fs::metadata(folder.path().join("looked-at")).unwrap();
    }
}

#[test]
fn what_a_link_leads_to_is_watched_unless_told_otherwise() {
    let mut scene = Scene::new();
    scene.write("lib/a.js");
    fs::create_dir(scene.path("app")).unwrap();
    symlink("../lib", scene.path("app/lib")).unwrap();
    scene.watch(1, scene.plan(&["app"]));
    let plan = Plan {
        no_links: true,
        ..scene.plan(&["app"])
    };
    scene.watch(2, plan);
    scene.settle();
    scene.write("lib/a.js");
    assert_eq!(scene.change(), (1, "app/lib/a.js".to_owned()));
    scene.write("app/b.js");
    let mut both = [scene.change(), scene.change()];
    both.sort();
    assert_eq!(
        both,
        [(1, "app/b.js".to_owned()), (2, "app/b.js".to_owned())]
    );
}

#[test]
fn no_deeper_than_told() {
    let mut scene = Scene::new();
    scene.write("one/two/three/a.js");
    let plan = Plan {
        depth: Some(1),
        ..scene.plan(&[])
    };
    scene.watch(1, plan);
    scene.settle();
    scene.write("one/two/a.js");
    scene.write("one/a.js");
    assert_eq!(scene.change(), (1, "one/a.js".to_owned()));
}

#[test]
fn a_change_while_the_tree_is_read_is_noticed() {
    let mut scene = Scene::new();
    scene.write("src/a.js");
    scene.write("src/b.js");
    let before = Timespec {
        tv_sec: file_clock().tv_sec - 3600,
        tv_nsec: 0,
    };
    scene.handle.watch(WatchId(1), scene.plan(&["src"]), before);
    let (_, path) = scene.change();
    assert!(path.starts_with("src/"), "{path}");
    scene.settle();
    assert!(scene.events.try_recv().is_err());
}

#[test]
fn another_plan_forgets_no_change() {
    let mut scene = Scene::new();
    let plan = Plan {
        quiet: Duration::from_millis(300),
        ..scene.plan(&[])
    };
    scene.watch(1, plan.clone());
    scene.settle();
    scene.write("a.js");
    let own = vec![scene.path("new-out.log")];
    scene.watch(1, Plan { own, ..plan });
    assert_eq!(scene.change(), (1, "a.js".to_owned()));
}

#[test]
fn the_thread_ends_with_its_handle() {
    let mut scene = Scene::new();
    scene.settle();
    drop(scene.handle);
    // Its sender goes with it.
    let end = async { tokio::time::timeout(DEADLINE, scene.events.recv()).await };
    assert_eq!(scene.runtime.block_on(end).expect("an end"), None);
}

#[test]
fn the_limit_of_the_kernel_is_named() {
    let text = walk::refusal(Path::new("/srv/app"), Errno::NOSPC, |name| {
        format!("<{name}>")
    });
    assert!(
        text.contains("fs.inotify.max_user_watches = <max_user_watches>"),
        "{text}"
    );
    assert!(
        text.contains("/srv/app") && text.contains("the app runs on"),
        "{text}"
    );
}

/// Folders without end, as an app of another user may make them, cost neither memory without end nor the watches of
/// others.
#[test]
fn folders_without_end_have_a_limit_and_other_apps_keep_theirs() {
    let mut folders = Folders::new().unwrap();
    folders.most_of_app = 50;
    let mut scene = Scene::with(folders);
    for number in 0..50 {
        fs::create_dir_all(scene.path(&format!("many/{number}"))).unwrap();
    }
    fs::create_dir(scene.path("few")).unwrap();
    scene.watch(1, scene.plan(&["many"]));
    let said = scene.trouble();
    assert!(said.contains("ignore_watch"), "{said}");
    scene.watch(2, scene.plan(&["few"]));
    scene.settle();
    scene.write("few/a.js");
    assert_eq!(scene.change(), (2, "few/a.js".to_owned()));
    // What an app gives up can be used again.
    scene.watch(1, scene.plan(&["few"]));
    scene.settle();
    scene.write("few/b.js");
    let mut both = [scene.change().0, scene.change().0];
    both.sort_unstable();
    assert_eq!(both, [1, 2]);
}

/// A link of the app does not make root look into folders that the app's user cannot read.
#[test]
fn an_app_of_another_user_has_nothing_watched_that_it_cannot_read() {
    if !rustix::process::geteuid().is_root() {
        // Only root has apps of other users.
        return;
    }
    let mut scene = Scene::new();
    for (folder, mode) in [("", 0o755), ("app", 0o755), ("secret", 0o700)] {
        let path = scene.path(folder);
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    symlink(scene.path("secret"), scene.path("app/link")).unwrap();
    let user = UserSpec {
        uid: Some("nobody".into()),
        ..UserSpec::default()
    };
    let plan = Plan {
        user: user.clone(),
        ..scene.plan(&["app"])
    };
    scene.watch(1, plan);
    scene.settle();
    scene.write("secret/plan");
    scene.write("app/a.js");
    assert_eq!(scene.change(), (1, "app/a.js".to_owned()));
    let plan = Plan {
        user,
        ..scene.plan(&["secret"])
    };
    scene.watch(2, plan);
    assert!(scene.trouble().contains("cannot watch"));
}
