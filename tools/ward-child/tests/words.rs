//! The words do what the help says; other tests rely on it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::process::ExitStatusExt,
    process::{Child, ChildStdout, Command, Output, Stdio},
};

fn command(script: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ward-child"));
    command.args(script.split(' '));
    command
}

fn run(script: &str) -> Output {
    command(script).output().unwrap()
}

fn out(script: &str) -> String {
    String::from_utf8(run(script).stdout).unwrap()
}

fn start(script: &str) -> (Child, BufReader<ChildStdout>) {
    let mut child = command(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

fn line(output: &mut impl BufRead) -> String {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn signal(child: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

#[test]
fn output() {
    assert_eq!(out("out a raw b raw c"), "a\nbc");
    assert_eq!(out("lines 3"), "line 1\nline 2\nline 3\n");
    assert_eq!(out("bytes 100000").len(), 100_000);
    assert_eq!(run("err a").stderr, b"a\n");
    assert_eq!(out("args out a -- b"), "out\na\n--\nb\n");
    assert_eq!(out("out a close-output out b err c"), "a\n");
    let told = command("env A env B")
        .env("A", "x")
        .env_remove("B")
        .output()
        .unwrap();
    assert_eq!(told.stdout, b"x\n(unset)\n");
    assert!(out("--help").contains("NODE_CHANNEL_FD"));
    assert_eq!(run("nonsense").status.code(), Some(64));
}

#[test]
fn stdin_is_repeated() {
    let (mut child, mut output) = start("cat exit 4");
    child.stdin.take().unwrap().write_all(b"a\nb\n").unwrap();
    assert_eq!(
        (line(&mut output), line(&mut output)),
        ("a".to_owned(), "b".to_owned())
    );
    assert_eq!(child.wait().unwrap().code(), Some(4));
}

#[test]
fn signals_are_ignored_told_and_obeyed() {
    let (mut child, mut output) =
        start("ignore SIGHUP say-on USR1 heard exit-on TERM 9 out up hang");
    assert_eq!(line(&mut output), "up");
    signal(&child, rustix::process::Signal::HUP);
    signal(&child, rustix::process::Signal::USR1);
    assert_eq!(line(&mut output), "heard");
    signal(&child, rustix::process::Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(9));
    assert_eq!(run("kill-self KILL").status.signal(), Some(9));
    assert_eq!(run("crash-after 1 hang").status.code(), Some(1));
}

#[test]
fn offspring() {
    assert_eq!(out("fork out a -- sleep 0 exit 0").trim(), "a");
    assert_eq!(run("fork fork exit 6").status.code(), Some(6));
    assert_eq!(run("detach kill-self TERM").status.signal(), Some(15));
    assert_eq!(run("orphan exit 6").status.code(), Some(0));
    let pids = out("pid fork ppid");
    let pids: Vec<&str> = pids.lines().collect();
    assert_eq!(pids[0], pids[1]);
    let told = command("clear-env env A cwd")
        .env("A", "x")
        .current_dir("/")
        .output()
        .unwrap();
    assert_eq!(told.stdout, b"(unset)\n/\n");
}

#[test]
fn requests_are_answered() {
    let (mut child, mut output) = start("listen 0 hang");
    let port: u16 = line(&mut output)
        .strip_prefix("listening ")
        .unwrap()
        .parse()
        .unwrap();
    let mut connection = TcpStream::connect(("127.0.0.1", port)).unwrap();
    connection.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(
        answer.ends_with(&format!("\r\n\r\n{}", child.id())),
        "{answer}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
}
