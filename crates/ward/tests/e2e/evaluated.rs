//! Ecosystem files that are programs: what they do to the environment, what they see of the command
//! line, and what they print.

use std::fs::File;
use std::process::Stdio;

use crate::harness::{Ward, alive, kill, text_when};

/// Two apps, and a file that reads `.env` as `dotenv` does, changes a variable and deletes one.
const FILE: &str = "
for (const line of require('fs').readFileSync(__dirname + '/.env', 'utf8').split('\\n')) {
  const [name, value] = line.split('=')
  if (value && !(name in process.env)) process.env[name] = value
}
process.env.CHANGED = 'by the file'
delete process.env.SHELL_ONLY
module.exports = { apps: ['a', 'b'].map((name) => ({ name, script: 'app.sh', env: { NAME: name } })) }
";

fn scene(dotenv: &str) -> Ward {
    let ward = Ward::new()
        .with_env("CHANGED", "by the shell")
        .with_env("SHELL_ONLY", "1");
    ward.write("app.sh", "exec sleep 1000");
    ward.write(".env", dotenv);
    ward.write("ecosystem.config.js", FILE);
    ward
}

/// What an app got for a variable.
fn variable(ward: &Ward, app: &str, name: &str) -> Option<String> {
    let start = format!("{name}=");
    let environ = ward.environ(app);
    let found = environ.iter().find_map(|it| it.strip_prefix(&start));
    found.map(str::to_owned)
}

fn has(ward: &Ward, app: &str, wanted: &[(&str, Option<&str>)]) {
    for (name, value) in wanted {
        let found = variable(ward, app, name);
        assert_eq!(found.as_deref(), *value, "{name} of {app}");
    }
}

#[test]
fn apps_get_what_their_file_did_to_the_environment() {
    let ward = scene("DB=one\nPORT=3000\n");
    let wanted = [
        ("DB", Some("one")),
        ("PORT", Some("3000")),
        ("CHANGED", Some("by the file")),
        ("SHELL_ONLY", None),
    ];
    let file = "ecosystem.config.js";
    for words in [
        &["start", file][..],
        &["restart", file],
        &["reload", file],
        &["startOrRestart", file],
        &["startOrReload", file, "--update-env"],
        &["restart", file, "--update-env"],
        &["restart", "all"],
    ] {
        ward.run(words).succeeds();
        has(&ward, "a", &wanted);
        has(&ward, "b", &wanted);
        has(&ward, "b", &[("NAME", Some("b"))]);
        let leaked = |it: &String| it.starts_with("WARD_CONFIG_");
        assert!(!ward.environ("a").iter().any(leaked), "{words:?}");
    }
    // A variable removed from the file is gone.
    ward.write(".env", "PORT=4000\n");
    ward.run(&["restart", file]).succeeds();
    has(&ward, "a", &[("DB", None), ("PORT", Some("4000"))]);
}

/// As under PM2: what the shell has wins, what it does not have stays.
#[test]
fn a_new_environment_of_the_shell_leaves_what_only_the_file_has() {
    let mut ward = scene("DB=one\nPORT=3000\n");
    ward.run(&["start", "ecosystem.config.js"]).succeeds();
    ward.run(&["save"]).succeeds();
    ward.run(&["kill"]).succeeds();
    ward.run(&["resurrect"]).succeeds();
    has(&ward, "a", &[("DB", Some("one")), ("SHELL_ONLY", None)]);
    ward.set_env("PORT", "5000");
    ward.run(&["restart", "a", "--update-env"]).succeeds();
    has(
        &ward,
        "a",
        &[
            ("DB", Some("one")),
            ("PORT", Some("5000")),
            ("CHANGED", Some("by the shell")),
            ("SHELL_ONLY", Some("1")),
        ],
    );
    ward.unset_env("PORT");
    ward.run(&["restart", "a", "--update-env"]).succeeds();
    has(&ward, "a", &[("DB", Some("one")), ("PORT", None)]);
    has(&ward, "b", &[("PORT", Some("3000"))]);
}

#[test]
fn programs_are_found_in_the_path_a_file_sets() {
    let ward = Ward::new();
    let tool = ward.write("bin/tool", "#!/bin/sh\nexec sleep 1000\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&tool, mode).unwrap();
    let text = "process.env.PATH = process.cwd() + '/bin:' + process.env.PATH
export default { apps: [{ name: 'tool', script: 'tool', interpreter: 'none' }] }";
    ward.write("e.config.mjs", text);
    ward.run(&["start", "e.config.mjs"]).succeeds();
    let path = ward.app("tool")["pm2_env"]["pm_exec_path"].clone();
    assert_eq!(path, tool.to_str().unwrap());
}

#[test]
fn a_file_sees_the_command_line() {
    let ward = Ward::new().called("pm2");
    ward.write("app.sh", "exec sleep 1000");
    let text = "const port = process.argv[process.argv.indexOf('--port') + 1]
module.exports = { name: 'app', script: 'app.sh', env: { WORDS: process.argv.slice(2).join(' '), PORT: port } }";
    ward.write("ecosystem.config.js", text);
    let words = ["start", "ecosystem.config.js", "--", "--port", "3009"];
    ward.run(&words).succeeds();
    has(
        &ward,
        "app",
        &[("WORDS", Some(&*words.join(" "))), ("PORT", Some("3009"))],
    );
}

#[test]
fn what_a_file_prints_is_its_own() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    let text =
        "console.log('to the one'); console.error('to the other'); process.stdout.write('raw\\n')
module.exports = { name: 'app', script: 'app.sh' }";
    ward.write("ecosystem.config.js", text);
    let ran = ward.run(&["start", "ecosystem.config.js"]).succeeds();
    let first: Vec<String> = ran.stdout().lines().take(2).map(str::to_owned).collect();
    assert_eq!(first, ["to the one", "raw"]);
    assert!(ran.stderr().lines().any(|line| line == "to the other"));
    // As under PM2, silence is one of the console, not of the streams.
    let ran = ward
        .run(&["restart", "ecosystem.config.js", "-s"])
        .succeeds();
    assert_eq!((&*ran.stdout(), &*ran.stderr()), ("raw\n", ""));
    ward.run(&["jlist"]).succeeds().prints_no("to the one");
}

#[test]
fn a_file_that_fails_names_the_place_behind_what_it_printed() {
    let ward = Ward::new();
    for (name, text, place) in [
        (
            "t.config.js",
            "console.log('so far')\nmodule.exports = zork.y\n",
            "t.config.js:2:18: ReferenceError",
        ),
        (
            "s.config.mjs",
            "export default {\n  apps: [ { name 'a' } ]\n}\n",
            "s.config.mjs:2:18: SyntaxError",
        ),
        (
            "l.config.js",
            "module.exports = new Promise(() => setTimeout(() => { throw new Error('late') }, 1))",
            "l.config.js:1:",
        ),
    ] {
        ward.write(name, text);
        let ran = ward.run(&["start", name]).fails();
        let ran = ran.complains(&format!("File {name} malformated\n{place}"));
        assert_eq!(text.contains("so far"), ran.stdout().contains("so far\n"));
    }
    ward.write("q.config.js", "process.exit(3)");
    ward.run(&["start", "q.config.js"])
        .fails()
        .complains("it ended without a result");
}

/// More than any pipe holds, and a child that keeps the streams open.
#[test]
fn what_a_file_leaves_behind_keeps_nobody_waiting() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    let text =
        "const left = require('child_process').spawn('sleep', ['1000'], { stdio: 'inherit' })
left.unref()
require('fs').writeFileSync('left', String(left.pid))
for (let line = 0; line < 20000; line++) console.log('line ' + line)
setInterval(() => {}, 1000)
module.exports = { name: 'app', script: 'app.sh', env: { BIG: 'x'.repeat(100000) } }";
    ward.write("ecosystem.config.js", text);
    // The output goes to files: a pipe would be held open by the child, as under PM2.
    let (out, err) = (ward.dir().join("out"), ward.dir().join("err"));
    let mut command = ward.command(&["start", "ecosystem.config.js"]);
    command.stdout(Stdio::from(File::create(&out).unwrap()));
    command.stderr(Stdio::from(File::create(&err).unwrap()));
    let status = command.status().unwrap();
    assert!(status.success(), "{}", text_when(&err, |_| true));
    assert!(text_when(&out, |text| text.contains("App [app] launched")).contains("line 19999\n"));
    let left: u32 = text_when(&ward.dir().join("left"), |_| true)
        .parse()
        .unwrap();
    assert!(alive(left), "it was not ended");
    kill(left, rustix::process::Signal::KILL);
    assert_eq!(variable(&ward, "app", "BIG").unwrap().len(), 100_000);
}

#[test]
fn an_environment_that_no_app_defines_is_told_for_each_app() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    let app = |name: &str, more: &str| format!("{{name: '{name}', script: 'app.sh'{more}}}");
    let apps = [app("a", ""), app("b", ", env_staging: {}"), app("c", "")].join(", ");
    ward.write("ecosystem.config.js", &format!("module.exports = [{apps}]"));
    let warning = "[PM2][WARN] Environment [staging] is not defined in process file\n";
    for command in ["start", "start", "startOrReload", "stop"] {
        let words = [command, "ecosystem.config.js", "--env", "staging"];
        let told = ward.run(&words).succeeds().stdout();
        assert_eq!(told.matches(warning).count(), 2, "{command}: {told}");
    }
}
