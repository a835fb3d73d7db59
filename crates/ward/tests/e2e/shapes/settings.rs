//! Settings inside `env_<name>`, an unusual place in which PM2 finds them, too.

use serde_json::json;

use super::{SLEEPER, setting};
use crate::harness::{Ward, environ_of};

#[test]
fn settings_in_the_chosen_environment_act() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    ward.write(
        "e.config.js",
        "module.exports = {apps: [{name: 'a', script: 'app.sh', env: {watch: true},
            env_production: {NODE_ENV: 'production', autorestart: false, instances: 2, namespace: 'live',
                args: 'x y', kill_timeout: '700', port: 80}}]}",
    );
    let ran = ward
        .run(&["start", "e.config.js", "--env", "production"])
        .succeeds();
    let told = ran.stderr();
    assert_eq!(told.matches("unusual place").count(), 1, "{told}");
    let check = || {
        let apps = ward.list();
        assert_eq!(apps.len(), 2);
        for (key, wanted) in [
            ("autorestart", json!(false)),
            ("namespace", json!("live")),
            ("args", json!(["x", "y"])),
            ("kill_timeout", json!(700)),
        ] {
            assert_eq!(setting(&apps[0], key), &wanted, "{key}");
        }
        let pid = apps[0]["pid"]
            .as_u64()
            .and_then(|pid| u32::try_from(pid).ok());
        let env = environ_of(pid.expect("a process"));
        for variable in ["namespace=live", "args=x y", "kill_timeout=700", "port=80"] {
            assert!(env.contains(&variable.to_owned()), "{variable}");
        }
        assert!(!env.iter().any(|variable| variable.starts_with("PORT=")));
    };
    check();
    ward.run(&["save"]).succeeds();
    ward.run(&["delete", "all"]).succeeds();
    ward.run(&["resurrect"]).succeeds();
    check();
    ward.run(&["delete", "all"]).succeeds();
    let ran = ward.run(&["start", "e.config.js"]).succeeds();
    assert!(!ran.stderr().contains("unusual place"));
    let app = ward.app("a");
    assert_eq!(setting(&app, "namespace"), "default");
    assert_eq!(setting(&app, "autorestart"), true);
}

#[test]
fn a_name_in_the_chosen_environment_names_the_app() {
    let ward = Ward::new();
    ward.write("app.sh", SLEEPER);
    ward.write(
        "e.config.js",
        "module.exports = {apps: [{name: 'a', script: 'app.sh', env_production: {name: 'b'}}]}",
    );
    for restarts in 0..2 {
        ward.run(&["start", "e.config.js", "--env", "production"])
            .succeeds();
        assert_eq!(ward.list().len(), 1);
        assert_eq!(setting(&ward.app("b"), "restart_time"), restarts);
    }
}
