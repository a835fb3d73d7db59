//! A watched app: its plan, parsed, and with whose rights its folders are read.

use std::sync::Arc;

use rustix::time::Timespec;

use super::debounce::Debounce;
use super::roots::Root;
use super::rules::Rules;
use super::thread::Watcher;
use super::walk::{Since, Walk};
use super::{Plan, WatchId};
use crate::rights::{AccountError, Owner, Rights};

/// A watched app.
#[derive(Debug)]
pub(super) struct App {
    pub(super) plan: Plan,
    pub(super) roots: Vec<Root>,
    pub(super) rules: Rules,
    pub(super) rights: Rights,
    pub(super) changes: Debounce,
    /// Whether the user was told that the kernel's limit leaves some folders unwatched.
    pub(super) limit_reported: bool,
}

impl Watcher {
    pub(super) fn watch(&mut self, id: WatchId, plan: Plan, since: Timespec) {
        self.folders.forget(|place| place.app == id);
        let count = self.parse(id, plan);
        for root in 0..count {
            let since = Since::Moment(since);
            let walk = Walk {
                app: id,
                root,
                since,
            };
            self.with_rights(id, |it| it.start_walk(walk));
        }
    }

    /// Parses the plan of an app and reports what is wrong with it. Returns the number of its
    /// roots.
    pub(super) fn parse(&mut self, id: WatchId, plan: Plan) -> usize {
        let (rules, bad) = Rules::new(&plan);
        for pattern in bad {
            self.trouble(id, format!("the pattern {pattern:?} of ignore_watch cannot be read, nothing is ignored for it"));
        }
        for option in &plan.unknown {
            self.trouble(id, format!("watch_options.{option} has no effect"));
        }
        let mut roots = Vec::new();
        let whole = [".".to_owned()];
        let paths = if plan.paths.is_empty() {
            &whole[..]
        } else {
            &plan.paths
        };
        for path in paths {
            match Root::parse(path, &plan.cwd) {
                Some(root) => roots.push(root),
                None => self.trouble(id, format!("the pattern {path:?} of watch cannot be read")),
            }
        }
        let rights = match rights_of(&plan) {
            Ok(rights) => rights,
            Err(error) => {
                roots.clear();
                self.trouble(id, format!("cannot {error}, so its files are not watched"));
                Rights::default()
            }
        };
        let count = roots.len();
        // Changes that are not reported yet stay pending under the new plan.
        let changes = self
            .apps
            .remove(&id)
            .map(|app| app.changes)
            .unwrap_or_default();
        self.apps.insert(
            id,
            App {
                plan,
                roots,
                rules,
                rights,
                changes,
                limit_reported: false,
            },
        );
        count
    }

    /// Does something with the rights of an app: no folder is watched that its user cannot read,
    /// wherever links lead.
    pub(super) fn with_rights(&mut self, id: WatchId, act: impl FnOnce(&mut Self)) {
        let app = self.apps.get(&id);
        let rights = app.map(|app| app.rights.clone()).unwrap_or_default();
        match rights.borrow() {
            Ok(_borrowed) => act(self),
            Err(error) => self.trouble(
                id,
                format!("cannot read with the rights of its user: {error}"),
            ),
        }
    }
}

/// Looks up the user of an app, which may take as long as the name service.
fn rights_of(plan: &Plan) -> Result<Rights, AccountError> {
    let owner = Owner::of(&plan.user, &Arc::from(plan.home.as_path()));
    let identity = owner.look_up()?;
    Ok(owner.rights(identity.as_ref()))
}
