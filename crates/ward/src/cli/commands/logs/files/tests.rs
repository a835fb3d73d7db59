use serde_json::json;

use super::*;

fn app(id: i64, name: &str, folder: &Path) -> Value {
    let path = |kind: &str| folder.join(format!("{name}-{kind}.log"));
    json!({"pm_id": id, "name": name, "pm2_env": {"namespace": "default",
        "pm_out_log_path": path("out"), "pm_err_log_path": path("error")}})
}

fn text(files: &[LogFile], options: &LogOptions, folder: &Path) -> (String, String) {
    let mut whole = Output::default();
    for file in files {
        let part = block(file, options);
        whole.out.extend(part.out);
        whole.err.extend(part.err);
    }
    let clean = |bytes: Vec<u8>| {
        String::from_utf8(bytes)
            .unwrap()
            .replace(&folder.display().to_string(), "<logs>")
    };
    (clean(whole.out), clean(whole.err))
}

#[test]
fn blocks_as_pm2_prints_them() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (name, text, age) in [
        ("a-long-name-out.log", "hi there\n", 9),
        ("lg-error.log", "err 1\nerr 3\n\nerr 5\n", 5),
        ("lg-out.log", "", 7),
    ] {
        std::fs::write(at(name), text).unwrap();
        let time = SystemTime::now() - std::time::Duration::from_secs(age);
        std::fs::File::options()
            .write(true)
            .open(at(name))
            .unwrap()
            .set_modified(time)
            .unwrap();
    }
    std::fs::write(at("pm2.log"), "one\ntwo\n").unwrap();
    let records = [
        app(0, "lg", folder.path()),
        app(2, "a-long-name", folder.path()),
    ];
    let mut options = LogOptions {
        lines: 3,
        ..LogOptions::default()
    };
    let files = |options: &LogOptions| files(&records, &Filter::All, options, &at("pm2.log"));
    let (out, err) = text(&files(&options), &options, folder.path());
    assert_eq!(err, "");
    insta::assert_snapshot!(out, @r"
    <logs>/pm2.log last 3 lines:
    PM2        | one
    PM2        | two

    <logs>/a-long-name-out.log last 3 lines:
    2|a-long-n | hi there

    <logs>/lg-out.log last 3 lines:
    <logs>/lg-error.log last 3 lines:
    0|lg       | err 3
    0|lg       | 
    0|lg       | err 5
    ");
    options.raw = true;
    let (out, err) = text(&files(&options), &options, folder.path());
    assert_eq!(err, "err 3\n\nerr 5\n");
    assert!(out.contains("last 3 lines:\nhi there\n\n<logs>"), "{out}");
    assert!(!out.contains("pm2.log"), "{out}");
}

#[test]
fn the_announcement() {
    assert_eq!(
        announcement(None, 15, Paint::PLAIN),
        "[TAILING] Tailing last 15 lines for [all] processes \
         (change the value with --lines option)\n"
    );
    assert!(announcement(Some("web"), 1, Paint::PLAIN).contains("for [web] process ("));
}

#[test]
fn a_path_shared_by_instances_is_shown_once_and_no_file_never() {
    let shared = |id: i64| {
        json!({"pm_id": id, "name": "w", "pm2_env": {
        "pm_out_log_path": "/l/w.log", "pm_err_log_path": "/dev/null"}})
    };
    let records = [shared(0), shared(1)];
    let options = LogOptions::default();
    let filter = Filter::Name("w".to_owned());
    let files = files(&records, &filter, &options, Path::new("/d"));
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].label, "0|w");
}

#[test]
fn a_pipe_is_left_alone_and_an_unreadable_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
    assert_eq!(read(&pipe, 3).unwrap(), None);
    assert_eq!(read(&folder.path().join("missing"), 3).unwrap(), None);
    let inside_a_file = folder.path().join("file/inside");
    std::fs::write(folder.path().join("file"), "x").unwrap();
    let file = LogFile {
        path: inside_a_file,
        label: "0|x".to_owned(),
        source: Source::Out,
    };
    let output = block(&file, &LogOptions::default());
    assert_eq!(output.out, b"");
    let text = String::from_utf8(output.err).unwrap();
    assert!(text.starts_with("cannot read "), "{text}");
}
