//! Apps that begin together: they are born beside each other, and each is told about as if it were alone.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::harness::{Ward, alive, wait_gone};

/// What each third app is: one that runs, one that ends at once, one that cannot be started.
fn mixed(ward: &Ward, count: usize) -> Vec<Value> {
    let broken = ward.write("broken", "#!/no/such/interpreter\n");
    fs::set_permissions(&broken, fs::Permissions::from_mode(0o755)).unwrap();
    let app = |number: usize| {
        let (script, args) = match number % 3 {
            0 => (json!("/bin/sleep"), json!(["1000"])),
            1 => (json!("/bin/sh"), json!(["-c", "echo bye; exit 7"])),
            _ => (json!(broken), json!([])),
        };
        json!({
            "name": format!("app-{number}"), "script": script, "args": args, "interpreter": "none",
            "autorestart": false,
        })
    };
    (0..count).map(app).collect()
}

#[test]
fn each_has_its_own_fate() {
    let ward = Ward::new();
    let apps = mixed(&ward, 30);
    ward.write("all.json", &json!({ "apps": apps }).to_string());
    let ran = ward.run(&["start", "all.json"]);
    let ran = ran.fails().complains("app-2").complains("app-29");
    assert!(ran.stdout().contains("App [app-0] launched (1 instances)"));
    let has_said_bye = |app: &Value| {
        let log = app["pm2_env"]["pm_out_log_path"].as_str().unwrap();
        app["pm2_env"]["exit_code"] == 7 && fs::read_to_string(log).unwrap() == "bye\n"
    };
    let apps = ward.wait_until("the short ones to end", |apps| {
        apps.iter().filter(|app| has_said_bye(app)).count() == 10
    });
    assert_eq!(apps.len(), 30);
    for (number, app) in apps.iter().enumerate() {
        assert_eq!(
            app["name"],
            format!("app-{number}"),
            "ids in the order of the file"
        );
        let pid = app["pid"].as_u64().unwrap();
        let status = &app["pm2_env"]["status"];
        match number % 3 {
            0 => {
                assert_eq!(status, "online");
                let file = app["pm2_env"]["pm_pid_path"].as_str().unwrap();
                let written = fs::read_to_string(file).unwrap();
                assert_eq!(written, pid.to_string());
            }
            1 => assert_eq!(status, "stopped"),
            _ => {
                assert_eq!(status, "errored");
                assert!(
                    app["pm2_env"]["failure"]
                        .as_str()
                        .unwrap()
                        .contains("broken")
                );
            }
        }
    }
}

#[test]
fn those_that_were_born_together_end_together() {
    let ward = Ward::new();
    let app = json!({ "name": "many", "script": "/bin/sleep", "args": "1000", "interpreter": "none", "instances": 12 });
    ward.write("all.json", &json!({ "apps": [app] }).to_string());
    ward.run(&["start", "all.json"]).succeeds();
    let pids = |ward: &Ward| -> Vec<u32> {
        let pid = |app: &Value| u32::try_from(app["pid"].as_u64().unwrap()).unwrap();
        ward.list().iter().map(pid).collect()
    };
    let first = pids(&ward);
    assert!(first.len() == 12 && first.iter().all(|pid| alive(*pid)));
    ward.run(&["restart", "all", "--parallel", "12"]).succeeds();
    let second = pids(&ward);
    assert!(second.iter().all(|pid| alive(*pid) && !first.contains(pid)));
    first.into_iter().for_each(wait_gone);
    ward.run(&["delete", "all"]).succeeds();
    second.into_iter().for_each(wait_gone);
    assert!(ward.list().is_empty());
}
