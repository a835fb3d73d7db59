//! The saved list on a real disk.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::*;

struct Home {
    folder: tempfile::TempDir,
    paths: Paths,
}

fn home() -> Home {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut paths = Paths::from_env("ward");
    paths.dump = at("dump.pm2");
    paths.dump_backup = at("dump.pm2.bak");
    Home { folder, paths }
}

impl Home {
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn save(&self, name: &str) {
        write(&self.paths, &[app(name)], false).unwrap();
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }
}

fn app(name: &str) -> Entry {
    let Value::Object(entry) = json!({"name": name, "env": {"A": "1"}}) else {
        unreachable!("an object was written");
    };
    entry
}

fn names_of(entries: &[Entry]) -> Vec<&str> {
    entries
        .iter()
        .map(|entry| entry["name"].as_str().unwrap())
        .collect()
}

#[test]
fn what_was_written_is_read() {
    let home = home();
    home.save("web");
    let (file, entries) = read(&home.paths).unwrap().list.unwrap();
    assert_eq!(file, home.paths.dump);
    assert_eq!(entries, [app("web")]);
    assert_eq!(home.names(), ["dump.pm2"]);
    let mode = fs::metadata(&home.paths.dump).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_form_is_that_of_pm2() {
    let home = home();
    home.save("web");
    assert_eq!(
        home.text("dump.pm2"),
        "[\n  {\n    \"name\": \"web\",\n    \"env\": {\n      \"A\": \"1\"\n    }\n  }\n]\n"
    );
}

#[test]
fn generations_are_kept() {
    let home = home();
    for name in ["one", "two", "three", "four", "five", "six"] {
        home.save(name);
    }
    for (file, name) in [
        ("dump.pm2", "six"),
        ("dump.pm2.bak", "five"),
        ("dump.pm2.1", "four"),
        ("dump.pm2.2", "three"),
        ("dump.pm2.3", "two"),
    ] {
        assert!(home.text(file).contains(name), "{file}");
    }
    assert_eq!(home.names().len(), 5);
}

#[test]
fn saving_the_same_twice_makes_a_backup_and_pushes_nothing_out() {
    let home = home();
    for name in ["one", "two", "two", "two", "two"] {
        home.save(name);
    }
    assert_eq!(home.names(), ["dump.pm2", "dump.pm2.1", "dump.pm2.bak"]);
    assert!(home.text("dump.pm2.1").contains("one"));
}

#[test]
fn an_empty_list_replaces_nothing_unasked() {
    let home = home();
    write(&home.paths, &[], false).unwrap();
    assert_eq!(home.text("dump.pm2"), "[]\n");
    home.save("web");
    assert!(matches!(
        write(&home.paths, &[], false),
        Err(StoreError::WouldEmpty)
    ));
    assert!(home.text("dump.pm2").contains("web"));
    write(&home.paths, &[], true).unwrap();
    assert_eq!(home.text("dump.pm2"), "[]\n");
    assert!(home.text("dump.pm2.bak").contains("web"));
}

#[test]
fn a_broken_file_is_set_aside_and_the_backup_read() {
    let home = home();
    home.save("one");
    home.save("two");
    for broken in [
        "[{\"name\":",
        "{}",
        "[1]",
        "(function(){ return [] })()",
        "",
    ] {
        fs::write(&home.paths.dump, broken).unwrap();
        let saved = read(&home.paths).unwrap();
        let (file, entries) = saved.list.unwrap();
        assert_eq!(file, home.paths.dump_backup);
        assert_eq!(names_of(&entries), ["one"]);
        assert!(!home.paths.dump.exists());
        let aside = saved.aside[0].now.clone().unwrap();
        assert_eq!(fs::read_to_string(aside).unwrap(), broken);
    }
    assert_eq!(
        home.names()
            .iter()
            .filter(|name| name.contains("corrupt"))
            .count(),
        5
    );
}

#[test]
fn nothing_saved_is_no_error() {
    let saved = read(&home().paths).unwrap();
    assert!(saved.list.is_none());
    assert!(saved.aside.is_empty());
}

#[test]
fn a_failed_write_leaves_the_list_and_no_litter() {
    let home = home();
    home.save("one");
    // A folder in the place of the backup: keeping the old generation fails.
    fs::create_dir(&home.paths.dump_backup).unwrap();
    assert!(write(&home.paths, &[app("two")], false).is_err());
    assert!(home.text("dump.pm2").contains("one"));
    assert_eq!(home.names(), ["dump.pm2", "dump.pm2.bak"]);
}

#[test]
fn an_entry_is_the_record_without_what_belongs_to_the_run() {
    let env = json!({"uid": "nobody", "name": "web", "A": {"b": 1}});
    let record = json!({"pid": 7, "pm_id": 0, "pm2_env": {
        "name": "web", "pm_id": 0, "instances": 2, "prev_restart_delay": 5, "status": "online",
        "env": env, "uid": "nobody",
    }});
    let spec = json!({"name": "web", "ward": {"captured": {}, "declared": {"uid": "nobody"}}});
    let apart = json!({"captured": {}, "declared": {"uid": "nobody"}, "variables": ["uid"]});
    assert_eq!(
        Value::Object(entry(&record, Some(&spec)).unwrap()),
        json!({"name": "web", "status": "online", "env": env, "uid": "nobody", "ward": apart})
    );
    assert!(entry(&json!({"pm2_env": {"pmx_module": true}}), None).is_none());
}
