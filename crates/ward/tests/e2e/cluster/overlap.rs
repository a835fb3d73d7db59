//! While a worker is replaced, two lives of an instance run at once. What ends the old one must not
//! touch the new one, though both have nearly the same environment.

use super::{APP, spread};
use crate::harness::{Ward, alive, free_port};

/// Reloads an app with this addition; the new worker is the same process afterwards.
fn survives_a_reload(addition: &str, options: &[&str]) -> (Ward, u64) {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    ward.write("app.js", &format!("{APP}\n{addition}\n"));
    let mut words = vec!["start", "app.js", "-i", "1"];
    words.extend(options);
    ward.run(&words).succeeds();
    let old = spread(port, 1).into_keys().next().unwrap();
    ward.run(&["reload", "app"]).succeeds();
    assert!(!alive(u32::try_from(old).unwrap()));
    let record = ward.app("app");
    assert_eq!(record["pm2_env"]["restart_time"], 1, "only the reload");
    let new = record["pid"].as_u64().unwrap();
    assert_eq!(spread(port, 3).into_keys().collect::<Vec<_>>(), [new]);
    (ward, old)
}

#[test]
fn an_old_worker_that_must_be_killed_does_not_take_the_new_one_with_it() {
    let (ward, _) = survives_a_reload("process.on('SIGINT', () => {})", &["--kill-timeout", "100"]);
    ward.run(&["stop", "app"]).succeeds();
}

#[test]
fn a_signal_for_an_old_worker_and_its_children_is_not_for_the_new_one() {
    let child = "
process.on('SIGINT', () => { console.log('asked to end', process.pid); process.exit(0) })
require('child_process').spawn('sleep', ['1000'])
";
    let (ward, old) = survives_a_reload(child, &[]);
    let log = ward.log_when("app-out-0.log", |log| log.contains('\n'));
    assert_eq!(log, format!("asked to end {old}\n"));
}
