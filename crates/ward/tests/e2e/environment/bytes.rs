//! An environment that is not UTF-8 reaches the app as it is.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Output};

use crate::harness::Ward;

/// Like `caf\xe9` of a shell in ISO 8859-1.
fn latin(byte: u8) -> Vec<u8> {
    [b"caf", &[byte][..]].concat()
}

fn runs(command: &mut Command) -> Output {
    let output = command.output().expect("ward runs");
    assert!(output.status.success(), "{output:?}");
    output
}

/// A command of a shell with such variables.
fn in_latin_shell(ward: &Ward, words: &[&str], byte: u8) -> Output {
    let mut command = ward.command(words);
    command.env("LATIN", OsStr::from_bytes(&latin(byte)));
    command.env(OsStr::from_bytes(b"N\xffME"), "1");
    runs(&mut command)
}

/// The variable of the running app, byte by byte.
fn variable(ward: &Ward, name: &[u8]) -> Option<Vec<u8>> {
    let environ = fs::read(format!("/proc/{}/environ", ward.pid("app"))).expect("it runs");
    let start = [name, b"="].concat();
    let mut variables = environ.split(|byte| *byte == 0);
    variables.find_map(|it| it.strip_prefix(&start[..]).map(<[u8]>::to_vec))
}

#[test]
fn it_survives_restarts_saved_lists_and_update_env() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    in_latin_shell(&ward, &["start", "app.sh"], 0xe9);
    let is_kept = |byte: u8| {
        assert_eq!(variable(&ward, b"LATIN"), Some(latin(byte)));
        assert_eq!(variable(&ward, b"N\xffME"), Some(b"1".to_vec()));
        // PM2 shows it so.
        let record = ward.app("app");
        assert_eq!(record["pm2_env"]["LATIN"], "caf\u{fffd}");
        assert!(record["pm2_env"].get("ward_env_bytes").is_none());
    };
    is_kept(0xe9);
    ward.run(&["env", "0"]).succeeds().prints("LATIN: caf\\xe9");
    ward.run(&["restart", "app"]).succeeds();
    is_kept(0xe9);
    ward.run(&["save"]).succeeds();
    ward.run(&["kill"]).succeeds();
    ward.run(&["resurrect"]).succeeds();
    is_kept(0xe9);
    in_latin_shell(&ward, &["restart", "app", "--update-env"], 0xe8);
    is_kept(0xe8);
    ward.run(&["restart", "app", "--update-env"]).succeeds();
    assert_eq!(
        variable(&ward, b"LATIN"),
        None,
        "the shell has it no longer"
    );
    assert_eq!(variable(&ward, b"N\xffME"), None);
}

#[test]
fn what_is_declared_or_left_out_is_that() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    ward.write(
        "eco.json",
        r#"[{"name":"app","script":"app.sh","env":{"LATIN":"tea"},"filter_env":["ME"]}]"#,
    );
    in_latin_shell(&ward, &["start", "eco.json"], 0xe9);
    assert_eq!(variable(&ward, b"LATIN"), Some(b"tea".to_vec()));
    assert_eq!(variable(&ward, b"N\xffME"), None);
    let shown = ward.app("app")["pm2_env"]["env"].to_string();
    assert!(
        !shown.contains("4eff4d45"),
        "its bytes are left out, too: {shown}"
    );
}

/// A record of an app holds text, so another file than the one named would be started.
#[test]
fn words_and_folders_that_are_no_text_are_refused() {
    let ward = Ward::new();
    ward.write("app.sh", "exec sleep 1000");
    let folder = ward.dir().join(OsStr::from_bytes(b"f\xff"));
    fs::create_dir(&folder).expect("a folder");
    fs::copy(ward.dir().join("app.sh"), folder.join("app.sh")).expect("a script");
    let mut with_word = ward.command(&["start"]);
    with_word.arg(folder.join("app.sh"));
    let mut in_folder = ward.command(&["start", "app.sh"]);
    in_folder.current_dir(&folder);
    for command in [&mut with_word, &mut in_folder] {
        let output = command.output().expect("ward runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && said.contains("not UTF-8"),
            "{output:?}"
        );
    }
    assert!(ward.list().is_empty());
}
