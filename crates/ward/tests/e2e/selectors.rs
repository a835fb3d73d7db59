//! What a word on the command line selects, in the order of the rules.

use serde_json::{Value, json};

use crate::harness::Ward;

const SLEEPER: &str = "exec sleep 1000\n";

/// The restart counters, by name.
fn restarts(ward: &Ward) -> Vec<(String, u64)> {
    let read = |app: &Value| {
        (
            app["name"].as_str().unwrap().to_owned(),
            app["pm2_env"]["restart_time"].as_u64().unwrap(),
        )
    };
    ward.list().iter().map(read).collect()
}

fn with_apps() -> Ward {
    let ward = Ward::new();
    ward.write("one.sh", SLEEPER);
    ward.write("two.sh", SLEEPER);
    for words in [
        &["start", "one.sh", "--namespace", "front"][..],
        &["start", "two.sh", "--namespace", "front"],
        &["start", "one.sh", "-n", "a/b", "-f"],
        &["start", "one.sh", "-n", "10", "-f"],
        &["start", "one.sh", "-n", "001-test", "-f"],
        &["start", "two.sh", "-n", "dot.name", "-f"],
    ] {
        ward.run(words).succeeds();
    }
    ward
}

#[test]
fn a_word_selects_names_scripts_namespaces_patterns_and_ids() {
    let ward = with_apps();
    let full = ward.dir().join("two.sh").display().to_string();
    for (word, wanted) in [
        ("one", &[0][..]),
        ("a/b", &[2]),
        ("10", &[3]),
        ("001-test", &[4]),
        ("dot.name", &[5]),
        ("1", &[1]),
        ("front", &[0, 1]),
        ("one.sh", &[0, 2, 3, 4]),
        ("./one.sh", &[0, 2, 3, 4]),
        (&full, &[1, 5]),
        ("/^(one|two)$/", &[0, 1]),
        ("default", &[2, 3, 4, 5]),
        ("all", &[0, 1, 2, 3, 4, 5]),
    ] {
        let before = restarts(&ward);
        let out = ward.run(&["restart", word]).succeeds().stdout();
        let quote = if word == "1" { "'" } else { "" };
        let ids: Vec<String> = wanted
            .iter()
            .map(|id| format!("{quote}{id}{quote}"))
            .collect();
        let line = format!(
            "Use --update-env to update environment variables\n\
             [PM2] Applying action restartProcessId on app [{word}](ids: [ {} ])\n",
            ids.join(", ")
        );
        assert!(out.starts_with(&line), "{word}: {out}");
        for (position, (after, before)) in restarts(&ward).into_iter().zip(before).enumerate() {
            let counted = u64::from(wanted.contains(&position));
            assert_eq!(after.1, before.1 + counted, "{word}: {}", after.0);
        }
    }
}

#[test]
fn nothing_selected_is_said_in_the_known_words() {
    let ward = with_apps();
    for (words, out, err) in [
        (
            ["stop", "nope"],
            "",
            "[PM2][ERROR] Process or Namespace nope not found\n",
        ),
        (["restart", "/^zz/"], "", "[PM2][WARN] No process found\n"),
        (
            ["stop", "99"],
            "[PM2] Applying action stopProcessId on app [99](ids: [ '99' ])\n",
            "[PM2][ERROR] 99 : id unknown\n",
        ),
        (
            ["delete", "99"],
            "[PM2] Applying action deleteProcessId on app [99](ids: [ '99' ])\n",
            "[PM2][ERROR] 99 : id unknown\n",
        ),
        (
            ["start", "99"],
            "[PM2] Applying action restartProcessId on app [99](ids: [ '99' ])\n",
            "[PM2][ERROR] God db process id unknown\n",
        ),
        (["describe", "nope"], "", "[PM2][WARN] nope doesn't exist\n"),
        (
            ["env", "99"],
            "",
            "[PM2][ERROR] Modules with id 99 not found\n",
        ),
        (["reset", "nope"], "", "Unknown process name\n"),
    ] {
        let ran = ward.run(&words).fails();
        let said = ran.stdout();
        let reminder = "Use --update-env to update environment variables\n";
        assert_eq!(
            (said.trim_start_matches(reminder), ran.stderr().as_str()),
            (out, err),
            "{words:?}"
        );
    }
    ward.run(&["delete", "all"]).succeeds();
    for action in ["stop", "restart", "reload", "delete"] {
        ward.run(&[action, "all"])
            .fails()
            .complains("[PM2][WARN] No process found");
    }
}

/// One after the other; the first that fails ends the command, what was done stays done.
#[test]
fn several_words_are_several_commands() {
    let ward = with_apps();
    ward.run(&["stop", "one", "nope", "two"])
        .fails()
        .complains("Process or Namespace nope not found")
        .prints_no("│");
    assert_eq!(ward.status("one"), "stopped");
    assert_eq!(ward.status("two"), "online");
    ward.run(&["start", "one", "two"]).succeeds();
    assert_eq!(ward.status("one"), "online");
    ward.run(&["delete", "0", "1"]).succeeds();
    assert_eq!(ward.list().len(), 4);
}

#[test]
fn a_script_that_runs_is_not_started_again_but_under_another_name() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    ward.run(&["start", "app.sh"]).succeeds();
    for word in ["app.sh", "./app.sh"] {
        ward.run(&["start", word])
            .fails()
            .complains("Script already launched, add -f option to force re-execution");
    }
    ward.run(&["start", "app.sh", "-n", "two"]).succeeds();
    ward.run(&["start", "app.sh", "-f"]).succeeds();
    assert_eq!(ward.run(&["id", "app"]).succeeds().stdout(), "[ 0, 2 ]\n");
    // A name restarts what runs and starts what does not.
    ward.run(&["stop", "two"]).succeeds();
    ward.run(&["start", "two"])
        .succeeds()
        .prints("[PM2] Process successfully started");
    assert_eq!(ward.app("two")["pm2_env"]["restart_time"], 0);
    ward.run(&["start", "two"]).succeeds();
    assert_eq!(ward.app("two")["pm2_env"]["restart_time"], 1);
    ward.run(&["start", "two", "--name", "three"]).succeeds();
    assert_eq!(ward.status("three"), "online");
}

/// PM2 starts a second copy, which finds the port taken; here the one that runs is restarted as it is
/// declared now. Deploy scripts go on either way.
#[test]
fn a_command_that_runs_is_restarted() {
    let mut ward = Ward::new();
    ward.write("package.json", r#"{"scripts":{"start":"sleep 1000"}}"#);
    for (name, words) in [
        ("web", &["npm", "--name", "web", "--", "start"][..]),
        ("found", &["sleep", "--name", "found", "--", "1000"]),
        ("shell", &["sleep 1000; true", "--name", "shell"]),
    ] {
        let words = [&["start"], words].concat();
        ward.run(&words).succeeds().prints("[PM2] Done.");
        ward.set_env("FRESH", name);
        ward.run(&words)
            .succeeds()
            .prints(&format!("[PM2] {name} runs already and is restarted"))
            .prints("│");
        assert_eq!(ward.app(name)["pm2_env"]["restart_time"], 1);
        let fresh = format!("FRESH={name}");
        assert!(ward.environ(name).contains(&fresh), "{name}");
    }
    // A name that is given means the app of this name, whatever it runs from now on.
    ward.run(&["start", "sleep", "--name", "found", "--", "2000"])
        .succeeds()
        .prints("[PM2] found runs already and is restarted");
    assert_eq!(ward.app("found")["pm2_env"]["args"], json!(["2000"]));
    assert_eq!(ward.list().len(), 3);
}
