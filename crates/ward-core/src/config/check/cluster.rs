//! Options of a cluster: they are checked together, for some exclude each other.

use serde_json::Value;

use super::Check;
use crate::cluster::ClusterOptions;
use crate::spec::ClusterSpec;

impl Check<'_> {
    /// Refuses options that cannot be used, unless the app is declared for fork mode.
    pub(super) fn cluster(&mut self) {
        let text = |key: &str| self.decl.get(key).and_then(Value::as_str);
        let is_forked = text("exec_mode").is_some_and(|mode| mode.starts_with("fork"));
        let sched = text("sched").filter(|sched| *sched != "null");
        let within = self.decl.get("cluster").and_then(Value::as_object);
        if is_forked || (sched.is_none() && within.is_none()) {
            return;
        }
        let spec = ClusterSpec {
            sched: sched.map(str::to_owned),
            options: within.cloned().unwrap_or_default().into_iter().collect(),
            ..ClusterSpec::default()
        };
        // On the command line one option alone changes a declaration that is not known here; the
        // daemon checks the whole.
        let is_whole = self.source.is_some();
        if let Err(bad) = ClusterOptions::of(&spec, None)
            && (is_whole || !bad.given.is_null())
        {
            let key = if bad.given.is_null() {
                "sched"
            } else {
                bad.key
            };
            self.refuse(key, &bad.given, bad.to_string(), String::new());
        }
    }
}
