//! What a worker cannot have.

use std::fs;
use std::process::Command;
use std::thread;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::cluster::client::get;
use crate::harness::{Ward, free_port};

const APP: &str = "require('http').createServer((_, response) => {
  response.setHeader('Content-Length', 2)
  response.end('ok')
}).listen(process.env.PORT)";

/// A daemon that may not open low ports, whoever runs the test.
fn powerless(ward: &Ward) {
    let ping = ward.command(&["ping"]);
    let mut command = if rustix::process::geteuid().is_root() {
        let mut without = Command::new("setpriv");
        without.args([
            "--bounding-set=-net_bind_service",
            "--inh-caps=-net_bind_service",
        ]);
        without.arg(ping.get_program());
        without
    } else {
        Command::new(ping.get_program())
    };
    let env = ward.env().iter().map(|(name, value)| (name, value));
    command.args(ping.get_args()).current_dir(ward.dir());
    let ran = command.env_clear().envs(env).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
}

#[test]
fn a_low_port_is_a_matter_of_permission() {
    let first_free = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap();
    if first_free.trim().parse::<u16>().unwrap() < 2 {
        eprintln!("SKIPPED: this machine lets everybody have all ports");
        return;
    }
    let ward = Ward::new().with_env("PORT", "1");
    powerless(&ward);
    ward.write("app.js", APP);
    let reason = "cannot listen on port 1: permission denied: ports below 1024 need CAP_NET_BIND_SERVICE for the daemon";
    ward.run(&["start", "app.js", "-i", "2", "--max-restarts", "1"])
        .fails()
        .complains(reason);
    let app = &ward.list()[0]["pm2_env"];
    assert_eq!(app["status"], "errored");
    assert_eq!(app["exit_code"], 1);
    ward.run(&["describe", "app"]).succeeds().prints(reason);
    ward.log_when("app-error-0.log", |log| log.contains("EACCES"));
    ward.daemon_log_when(|log| log.contains(&format!("app:0 {reason}")));
    // One that catches the error lives on, and the reason is there to be found.
    let patient = ".on('error', (error) => {
      console.log('caught', error.code)
      setInterval(() => {}, 1000)
    })";
    ward.write("patient.js", &format!("{APP}{patient}"));
    let mut bus = ward.bus();
    ward.run(&["start", "patient.js", "-i", "1"]).succeeds();
    bus.wait_output("patient", "caught EACCES");
    assert_eq!(ward.status("patient"), "online");
    ward.run(&["describe", "patient"]).succeeds().prints(reason);
}

/// Sets how many descriptors a process may have; tells how many it was.
fn limit_descriptors(pid: u32, count: u64) -> u64 {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap());
    let limit = Rlimit {
        current: Some(count),
        maximum: getrlimit(Resource::Nofile).maximum,
    };
    prlimit(pid, Resource::Nofile, limit)
        .unwrap()
        .current
        .unwrap()
}

const COMPLAINT: &str = "No connections are accepted for now, they wait in the kernel";

/// Connections wait in the kernel while the daemon has no descriptor for them.
#[test]
fn a_daemon_without_descriptors_keeps_its_clients_waiting_and_says_so_once() {
    let port = free_port();
    let ward = Ward::new().with_env("PORT", &port.to_string());
    ward.write("app.js", APP);
    ward.run(&["start", "app.js", "-i", "2"]).succeeds();
    let mut bus = ward.bus();
    let daemon = ward.daemons()[0];
    let before = limit_descriptors(daemon, 3);
    let clients: Vec<_> = (0..4).map(|_| thread::spawn(move || get(port))).collect();
    bus.wait("a complaint", |event| {
        let said = event.payload["data"].as_str().unwrap_or_default();
        event.topic == "log:PM2" && said.contains(COMPLAINT)
    });
    limit_descriptors(daemon, before);
    for client in clients {
        assert_eq!(client.join().unwrap(), "ok");
    }
    assert_eq!(get(port), "ok");
    let log = ward.daemon_log();
    assert_eq!(log.matches(COMPLAINT).count(), 1, "{log}");
    assert!(
        ward.list()
            .iter()
            .all(|app| app["pm2_env"]["restart_time"] == 0)
    );
}
