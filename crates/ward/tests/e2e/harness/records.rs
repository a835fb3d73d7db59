//! What the daemon says of its apps, and what it has written.

use std::fs;
use std::time::Instant;

use serde_json::Value;

use super::DEADLINE;
use super::bus::Bus;
use super::changes::text_when;
use super::home::Ward;
use super::process::{environ_of, processes};
use super::rpc::Rpc;

impl Ward {
    /// All records, as `jlist` prints them.
    pub(crate) fn list(&self) -> Vec<Value> {
        let ran = self.run(&["jlist"]).succeeds();
        serde_json::from_str(ran.stdout().trim()).expect("jlist prints one JSON array")
    }

    /// The one record with this name.
    pub(crate) fn app(&self, name: &str) -> Value {
        let mut found: Vec<Value> = self
            .list()
            .into_iter()
            .filter(|app| app["name"] == name)
            .collect();
        assert_eq!(found.len(), 1, "one instance of {name}");
        found.remove(0)
    }

    /// The process id of the one instance with this name.
    pub(crate) fn pid(&self, name: &str) -> u32 {
        u32::try_from(self.app(name)["pid"].as_u64().expect("a pid")).expect("a pid")
    }

    /// The status of the one instance with this name.
    pub(crate) fn status(&self, name: &str) -> String {
        self.app(name)["pm2_env"]["status"]
            .as_str()
            .expect("a status")
            .to_owned()
    }

    /// Follows the bus from now on. Starts the daemon if there is none.
    pub(crate) fn bus(&self) -> Bus {
        if !self.home().join("pub.sock").exists() {
            self.run(&["ping"]).succeeds();
        }
        let bus = Bus::connect(&self.home().join("pub.sock"));
        // The daemon takes subscribers before it answers, so from here on the bus is complete.
        self.rpc().call("ping", &serde_json::json!([{}]));
        bus
    }

    /// A raw connection to the daemon. Starts the daemon if there is none.
    pub(crate) fn rpc(&self) -> Rpc {
        if !self.home().join("rpc.sock").exists() {
            self.run(&["ping"]).succeeds();
        }
        Rpc::connect(&self.home().join("rpc.sock"))
    }

    /// Waits until the list satisfies `wanted`; looks again at each event on the bus.
    pub(crate) fn wait_until(&self, what: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let mut bus = self.bus();
        let until = Instant::now() + DEADLINE;
        loop {
            let list = self.list();
            if wanted(&list) {
                return list;
            }
            bus.next_by(until, what);
        }
    }

    /// Waits until the one instance with this name has this status.
    pub(crate) fn wait_status(&self, name: &str, status: &str) {
        self.wait_until(&format!("{name} {status}"), |list| {
            list.iter()
                .any(|app| app["name"] == name && app["pm2_env"]["status"] == status)
        });
    }

    /// The environment a process was given.
    pub(crate) fn environ(&self, name: &str) -> Vec<String> {
        environ_of(self.pid(name))
    }

    /// The daemons of this home, found by their environment.
    pub(crate) fn daemons(&self) -> Vec<u32> {
        let mark = format!("WARD_HOME={}", self.home().display());
        processes()
            .filter(|pid| {
                let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                let is_daemon = words
                    .split(|byte| *byte == 0)
                    .any(|word| word == b"__daemon");
                is_daemon && environ_of(*pid).contains(&mark)
            })
            .collect()
    }

    /// An app's log file, when it is as wanted. The end of a command does not mean that everything
    /// an app has printed was read already.
    pub(crate) fn log_when(&self, file: &str, wanted: impl Fn(&str) -> bool) -> String {
        text_when(&self.home().join("logs").join(file), wanted)
    }

    /// The daemon's log, when it is as wanted.
    pub(crate) fn daemon_log_when(&self, wanted: impl Fn(&str) -> bool) -> String {
        text_when(&self.home().join("pm2.log"), wanted)
    }

    /// The daemon's log.
    pub(crate) fn daemon_log(&self) -> String {
        fs::read_to_string(self.home().join("pm2.log")).unwrap_or_default()
    }

    /// An app's log file.
    pub(crate) fn log(&self, file: &str) -> String {
        fs::read_to_string(self.home().join("logs").join(file)).unwrap_or_default()
    }
}
