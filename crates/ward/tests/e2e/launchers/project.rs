//! A project whose app is behind a launcher.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::{Ward, free_port, npm_all};

const PACKAGES: [&str; 7] = [
    "npm@11.19.1",
    "yarn@1.22.22",
    "pnpm@10.34.8",
    "cross-env@10.1.0",
    "tsx@4.23.15",
    "nodemon@3.1.14",
    "concurrently@9.2.1",
];

/// A package with scripts, a workspace in it, and the launchers in PATH.
pub(super) struct Project {
    pub(super) ward: Ward,
    /// Where the apps note what they see.
    pub(super) seen: PathBuf,
}

impl Project {
    pub(super) fn new() -> Self {
        let modules = npm_all("launchers", &PACKAGES);
        let ward = Ward::new();
        symlink(&modules, ward.dir().join("node_modules")).unwrap();
        ward.write("server.js", include_str!("server.js"));
        ward.write("package.json", include_str!("package.json"));
        ward.write(".env", "FROM_FILE=yes\n");
        ward.write("pnpm-workspace.yaml", "packages: ['packages/*']\n");
        let api = json!({
            "name": "api", "version": "4.5.6", "license": "MIT",
            "scripts": { "start": "node ../../server.js --api" },
        });
        ward.write("packages/api/package.json", &api.to_string());
        let seen = ward.dir().join("seen");
        fs::create_dir(&seen).unwrap();
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}/.bin:{path}", modules.display());
        let ward = ward
            .with_env("PATH", &path)
            .with_env("SEEN", seen.to_str().unwrap());
        Self { ward, seen }
    }

    /// Starts apps of a launcher, each with a port of its own; what each of them saw.
    pub(super) fn start(
        &self,
        launcher: &str,
        mode: &Value,
        cases: &[(&str, &str)],
    ) -> BTreeMap<String, Value> {
        let apps: Vec<Value> = cases
            .iter()
            .map(|(name, args)| {
                let mut app = json!({
                    "name": name, "script": launcher, "args": args,
                    "env": { "APP": name, "PORT": free_port() },
                });
                app.as_object_mut()
                    .unwrap()
                    .extend(mode.as_object().unwrap().clone());
                app
            })
            .collect();
        self.ward
            .write("apps.json", &json!({ "apps": apps }).to_string());
        let mut bus = self.ward.bus();
        self.ward.run(&["start", "apps.json"]).succeeds();
        let mut silent: Vec<&str> = cases.iter().map(|(name, _)| *name).collect();
        while !silent.is_empty() {
            let event = bus.wait("an app that serves", |event| {
                silent.iter().any(|name| event.is_output(name, "serving"))
            });
            silent.retain(|name| !event.is_output(name, "serving"));
        }
        let seen = |(name, _): &(&str, &str)| ((*name).to_owned(), self.seen(name));
        cases.iter().map(seen).collect()
    }

    pub(super) fn seen(&self, name: &str) -> Value {
        let text = fs::read_to_string(self.seen.join(format!("{name}.json"))).unwrap();
        serde_json::from_str(&text).unwrap()
    }
}
