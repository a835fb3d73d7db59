//! What to watch for an app, from its instances.

use crate::instance::Instance;
use crate::instance::view;
use crate::spec::UserSpec;
use crate::watch_plan::WatchPlan;

impl WatchPlan {
    /// What an instance declares, without any own files.
    pub(super) fn of(instance: &Instance) -> Self {
        let spec = &instance.spec;
        Self {
            name: spec.name.clone(),
            cwd: spec.program.cwd.clone(),
            watch: instance.watching.clone(),
            ignore: spec.watch.ignore.clone(),
            options: spec.watch.options.clone(),
            delay: spec.watch.delay.unwrap_or_default(),
            own: Vec::new(),
            user: UserSpec {
                username: None,
                ..spec.user.clone()
            },
        }
    }

    /// Whether an instance is one of this app: apps of the same name in two folders are two.
    pub(super) fn is_of(&self, instance: &Instance) -> bool {
        self.name == instance.spec.name && self.cwd == instance.spec.program.cwd
    }

    pub(super) fn add_own(&mut self, instance: &Instance) {
        self.own.extend(view::own_files(instance));
    }
}
