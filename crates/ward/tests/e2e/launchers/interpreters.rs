//! Interpreters that are programs of node, in cluster mode.

use std::os::unix::fs::symlink;

use serde_json::json;

use crate::cluster::client::get;
use crate::harness::{Ward, free_port, npm_all};

const PACKAGES: [&str; 7] = [
    "ts-node@10.9.2",
    "typescript@5.9.3",
    "@types/node@20.9.5",
    "@babel/node@8.0.6",
    "@babel/core@8.1.2",
    "@babel/preset-env@8.0.7",
    "tsx@4.23.15",
];

const TYPED: &str = "import http = require('http')
import cluster = require('cluster')
const worker: boolean = (cluster as any).isWorker
http.createServer((_: any, response: any) => response.end(`${worker} ${process.argv.slice(2)}`)).listen(process.env.PORT)
";

const MODULE: &str = "import http from 'http'
import cluster from 'cluster'
http.createServer((_, response) => response.end(`${cluster.isWorker} ${process.argv.slice(2)}`)).listen(process.env.PORT)
";

#[test]
fn their_scripts_are_workers() {
    let modules = npm_all("interpreters", &PACKAGES);
    let path = format!(
        "{}/.bin:{}",
        modules.display(),
        std::env::var("PATH").unwrap()
    );
    let ward = Ward::new().with_env("PATH", &path);
    symlink(&modules, ward.dir().join("node_modules")).unwrap();
    ward.write("typed.ts", TYPED);
    ward.write("module.js", MODULE);
    let options = json!({ "compilerOptions": { "module": "commonjs", "types": ["node"], "skipLibCheck": true } });
    ward.write("tsconfig.json", &options.to_string());
    ward.write(".babelrc", r#"{ "presets": ["@babel/preset-env"] }"#);
    let cases = [
        ("ts-node", "typed.ts", free_port()),
        ("./node_modules/.bin/ts-node", "typed.ts", free_port()),
        ("tsx", "typed.ts", free_port()),
        ("babel-node", "module.js", free_port()),
    ];
    let apps: Vec<_> = (0..).zip(&cases)
        .map(|(number, (interpreter, script, port))| json!({
            "name": format!("app-{number}"), "script": script, "args": "one two", "interpreter": interpreter,
            "instances": 2, "exec_mode": "cluster", "env": { "PORT": port },
        }))
        .collect();
    ward.write("apps.json", &json!(apps).to_string());
    ward.run(&["start", "apps.json"]).succeeds();
    for (interpreter, _, port) in cases {
        assert_eq!(get(port), "true one,two", "{interpreter}");
    }
    assert!(
        ward.list()
            .iter()
            .all(|app| app["pm2_env"]["exec_mode"] == "cluster_mode")
    );
    ward.run(&["reload", "all"]).succeeds();
    for (interpreter, _, port) in cases {
        assert_eq!(get(port), "true one,two", "{interpreter}");
    }
}
