//! Errors that nobody catches.

use super::{APP, exception, get, started};

/// Told, and not caught: the process ends as it does without us.
#[test]
fn uncaught_errors_are_told_and_end_the_process() {
    let (ward, port) = started(APP, &["--no-autorestart"]);
    let mut bus = ward.bus();
    get(port, "/throw");
    let told = exception(&mut bus);
    assert_eq!(
        (&told["message"], &told["name"]),
        (&"boom".into(), &"TypeError".into())
    );
    assert!(
        told["stack"]
            .as_str()
            .unwrap()
            .starts_with("TypeError: boom\n    at ")
    );
    ward.wait_status("app", "stopped");
    assert_eq!(ward.app("app")["pm2_env"]["exit_code"], 1);
    ward.log_when("app-error-0.log", |log| log.contains("TypeError: boom"));

    ward.run(&["restart", "app"]).succeeds();
    get(port, "/reject");
    let told = exception(&mut bus);
    assert_eq!(told["message"], "nobody catches this");
    ward.wait_status("app", "stopped");
    assert_eq!(ward.app("app")["pm2_env"]["exit_code"], 1);
}

#[test]
fn an_app_that_catches_its_errors_lives_on() {
    let app = format!(
        "process.on('uncaughtException', (e) => console.log('caught ' + e.message));\
        process.on('unhandledRejection', (e) => console.log('handled ' + e.message));{APP}"
    );
    let (ward, port) = started(&app, &[]);
    let mut bus = ward.bus();
    let pid = ward.pid("app");
    get(port, "/throw");
    bus.wait_output("app", "caught boom");
    get(port, "/reject");
    bus.wait_output("app", "handled nobody");
    assert_eq!(ward.pid("app"), pid);
}
