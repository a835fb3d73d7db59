//! Commands and what they are to a cluster.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::classify::command_line;
use super::{Place, Verdict, classify, effective_argv};

/// A folder with programs, the only one in PATH.
struct Programs {
    folder: tempfile::TempDir,
}

impl Programs {
    fn new() -> Self {
        let programs = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let node = "#!/usr/bin/env node\n";
        for (name, text) in [
            ("bin/npm", node),
            ("bin/yarn", node),
            ("bin/cross-env", node),
            ("bin/nodemon", node),
            ("bin/next", node),
            ("bin/pnpm", "\u{7f}ELF"),
            ("bin/python3", "\u{7f}ELF"),
            ("lib/tsx/dist/cli.mjs", node),
            ("lib/tsx/dist/loader.mjs", ""),
            ("lib/@babel/node/bin/babel-node.js", node),
            ("lib/@babel/node/lib/_babel-node.js", ""),
            ("app.js", ""),
        ] {
            programs.write(name, text);
        }
        for (name, target) in [
            ("tsx", "tsx/dist/cli.mjs"),
            ("babel-node", "@babel/node/bin/babel-node.js"),
        ] {
            let link = programs.path().join("bin").join(name);
            std::os::unix::fs::symlink(format!("../lib/{target}"), link).unwrap();
        }
        programs
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn place(&self) -> Place<'_> {
        Place {
            cwd: self.path(),
            search: OsString::from(self.path().join("bin")),
        }
    }

    /// The verdict on a command in short, with the folder taken out.
    fn verdict(&self, command: &str) -> String {
        let argv: Vec<String> = command.split(' ').map(str::to_owned).collect();
        self.shown(classify(&argv, None, &self.place()))
    }

    fn shown(&self, verdict: Verdict) -> String {
        let text = match verdict {
            Verdict::Launcher => "launcher".to_owned(),
            Verdict::Alone(reason) => format!("alone: {reason}"),
            Verdict::Worker(worker) => {
                let mut words: Vec<String> = worker
                    .env
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                words.extend(worker.argv.iter().enumerate().map(|(at, word)| {
                    if worker.script == Some(at) {
                        format!("<{word}>")
                    } else {
                        word.clone()
                    }
                }));
                words.join(" ")
            }
        };
        text.replace(&*self.path().to_string_lossy(), "~")
    }
}

#[test]
fn commands_that_can_be_workers() {
    let programs = Programs::new();
    for (command, wanted) in [
        ("node app.js --watch", "node <app.js> --watch"),
        (
            "/opt/node-v22/bin/node app.js",
            "/opt/node-v22/bin/node <app.js>",
        ),
        (
            "node --require x --env-file=.env app.js",
            "node --require x --env-file=.env <app.js>",
        ),
        (
            "node --env-file .env -- app.js",
            "node --env-file .env -- <app.js>",
        ),
        ("node -e 1", "node -e 1"),
        ("env A=1 B=2 node app.js", "A=1 B=2 node <app.js>"),
        (
            "cross-env A=1 cross-env B=2 node app.js",
            "A=1 B=2 node <app.js>",
        ),
        ("next start -p 80", "node <~/bin/next> start -p 80"),
        (
            "tsx --conditions x app.ts --flag",
            "node --import file://~/lib/tsx/dist/loader.mjs --conditions x <app.ts> --flag",
        ),
        (
            "node --trace-warnings bin/tsx app.ts",
            "node --trace-warnings --import file://~/lib/tsx/dist/loader.mjs <app.ts>",
        ),
        (
            "babel-node app.js",
            "node <~/lib/@babel/node/lib/_babel-node.js> app.js",
        ),
        ("bun run app.ts", "bun run app.ts"),
        ("npm start", "launcher"),
        ("node --no-warnings bin/npm start", "launcher"),
        ("pnpm start", "launcher"),
        ("pnpm run exec", "launcher"),
        ("cross-env A=1 npm start", "launcher"),
        ("sh -c node", "launcher"),
    ] {
        assert_eq!(programs.verdict(command), wanted, "{command}");
    }
}

#[test]
fn javascript_is_for_node_even_under_a_shell() {
    let programs = Programs::new();
    for (command, wanted) in [
        ("bash app.js one", "node app.js one"),
        ("/bin/sh bin/next start", "node bin/next start"),
        ("bash app.sh", "bash app.sh"),
        ("bash -c app.js", "bash -c app.js"),
        ("node app.js", "node app.js"),
    ] {
        let argv: Vec<String> = command.split(' ').map(str::to_owned).collect();
        assert_eq!(effective_argv(&argv, &programs.place()).join(" "), wanted);
    }
}

#[test]
fn commands_that_cannot_be_workers_and_why() {
    let programs = Programs::new();
    for (command, wanted) in [
        ("bash app.sh", "bash is no program of node, bun or deno"),
        (
            "python3 app.py",
            "python3 is no program of node, bun or deno",
        ),
        (
            "nowhere app.js",
            "nowhere is no program of node, bun or deno",
        ),
        (
            "node --watch app.js",
            "node --watch starts the app in a process of its own",
        ),
        ("node --run start", "node --run runs no script of its own"),
        (
            "nodemon app.js",
            "nodemon starts the app in a process of its own and watches files",
        ),
        (
            "node bin/nodemon app.js",
            "nodemon starts the app in a process of its own and watches files",
        ),
        (
            "tsx watch app.ts",
            "tsx starts the app in a process of its own when it is run in this way",
        ),
        (
            "tsx --tsconfig x app.ts",
            "tsx starts the app in a process of its own when it is run in this way",
        ),
        (
            "pnpm --filter api exec node app.js",
            "pnpm exec starts the app in a process of its own",
        ),
        (
            "yarn node app.js",
            "yarn node starts the app in a process of its own",
        ),
        (
            "cross-env A=1",
            "cross-env is not followed by variables and a command",
        ),
        (
            "env -i node app.js",
            "env is not followed by variables and a command",
        ),
        ("sh -c a|b", "it has a pipe (|)"),
    ] {
        let verdict = programs.verdict(command);
        assert!(
            verdict.starts_with("alone: ") && verdict.contains(wanted),
            "{command}: {verdict}"
        );
    }
}

#[test]
fn command_lines_are_judged_by_their_last_command() {
    let programs = Programs::new();
    for (line, wanted) in [
        ("A=1 node app.js", "launcher"),
        (
            "python3 build.py && cd dist; node $FILE --port \"$PORT\"",
            "launcher",
        ),
        ("next start -p ${PORT:-3000}", "launcher"),
        ("npm run other -- --flag", "launcher"),
        ("node app.js && echo done", "alone: echo is no program"),
        (
            "$RUN app.js",
            "alone: The last command of \"$RUN app.js\" is known to the shell alone",
        ),
        (
            "node app.js | cat",
            "alone: The command line \"node app.js | cat\" needs a shell: it has a pipe",
        ),
    ] {
        let verdict = programs.shown(command_line(line, &programs.place()));
        assert!(verdict.starts_with(wanted), "{line}: {verdict}");
    }
}

#[test]
fn yarn_berry_has_a_shell_of_its_own() {
    for (file, text, wanted) in [
        (
            "package.json",
            r#"{ "packageManager": "yarn@1.22.22" }"#,
            "launcher",
        ),
        (
            "package.json",
            r#"{ "packageManager": "yarn@4.1.0" }"#,
            "alone: yarn of version 2 and later",
        ),
        (".yarnrc.yml", "", "alone: yarn of version 2 and later"),
    ] {
        let programs = Programs::new();
        programs.write(file, text);
        let verdict = programs.verdict("yarn start");
        assert!(verdict.starts_with(wanted), "{file}: {verdict}");
    }
}
