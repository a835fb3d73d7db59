//! Sockets of workers that run as another user.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use super::{NOBODY, World, as_root, set_mode};
use crate::harness::{Ward, free_port, text_when};

/// Listens where `WHERE` says, and says in a file what came of it.
const APP: &str = r"
const server = require('net').createServer((socket) => socket.end('hello\n'))
const said = (text) => require('fs').writeFileSync(process.env.SAID, text)
server.on('error', (error) => said(error.code))
server.listen(process.env.WHERE, () => said('listening'))
setInterval(() => {}, 1000)
";

/// Listens again and again while another process exchanges the socket for a link; says how often it listened.
const SWAP: &str = r"
const net = require('net'), fs = require('fs')
const path = process.cwd() + '/app.sock', secret = process.env.SECRET
if (!process.env.SWAPS) {
  const loop = `const fs = require('fs')
    fs.symlinkSync(process.env.SECRET, 'link')
    for (;;) {
      const found = fs.lstatSync('app.sock', { throwIfNoEntry: false })
      if (!found || !found.isSocket()) continue
      try { fs.renameSync('link', 'app.sock') } catch {}
      try { fs.symlinkSync(process.env.SECRET, 'link') } catch {}
    }`
  require('child_process').spawn(process.execPath, ['-e', loop], { env: { SECRET: secret } })
  let times = 0
  const again = () => {
    const server = net.createServer()
    const over = () => {
      try { fs.unlinkSync(path) } catch {}
      if (++times == 500) return fs.writeFileSync('said', 'over')
      setImmediate(again)
    }
    server.on('error', over)
    server.listen({ path, readableAll: true, writableAll: true }, () => { fs.appendFileSync('bound', '.'); server.close(over) })
  }
  again()
}
";

fn said(world: &World) -> String {
    text_when(&world.own.join("said"), |text| !text.is_empty())
}

/// What a worker of nobody's hears that wants to listen there; it runs on.
fn listen(world: &World, place: &str, cluster: &str) -> String {
    let file = world.own.join("said");
    fs::remove_file(&file).ok();
    world.declare(
        APP,
        &format!(
            "exec_mode: 'cluster', instances: 1, cluster: {{ {cluster} }}, env: {{ WHERE: {place:?}, SAID: '{}' }}",
            file.display()
        ),
    );
    world.ward.run(&["delete", "app"]);
    world.start();
    said(world)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_socket_exchanged_for_a_link_opens_no_file_of_root() {
    let Some(world) = as_root(Ward::where_nobody_listens()) else {
        return;
    };
    world.declare(
        SWAP,
        &format!(
            "exec_mode: 'cluster', instances: 1, env: {{ SECRET: {:?} }}",
            world.secret
        ),
    );
    world.start();
    assert_eq!(said(&world), "over");
    let bound = fs::read_to_string(world.own.join("bound")).unwrap();
    assert!(bound.len() > 10, "only {} sockets were bound", bound.len());
    world.check();
}

#[test]
fn a_worker_listens_where_its_user_may_and_nowhere_else() {
    let Some(world) = as_root(Ward::where_nobody_listens()) else {
        return;
    };
    let own = world.own.join("app.sock");
    assert_eq!(listen(&world, text(&own), ""), "listening");
    let about = fs::metadata(&own).unwrap();
    assert_eq!((about.uid(), about.mode() & 0o777), (NOBODY, 0o755));
    assert!(UnixStream::connect(&own).is_ok());
    world.ward.run(&["delete", "app"]).succeeds();
    assert!(!own.exists(), "it is removed with its app");

    let roots = world.ward.root().join("roots");
    fs::create_dir(&roots).unwrap();
    set_mode(&roots, 0o700);
    assert_eq!(listen(&world, text(&roots.join("app.sock")), ""), "EACCES");
    assert_eq!(fs::read_dir(&roots).unwrap().count(), 0);

    // One that is deserted, and everybody may connect to, but it is root's.
    drop(UnixListener::bind(&own).unwrap());
    set_mode(&own, 0o777);
    assert_eq!(listen(&world, text(&own), ""), "EADDRINUSE");
    assert!(fs::metadata(&own).unwrap().file_type().is_socket());
    chown(&own, Some(NOBODY), Some(NOBODY)).unwrap();
    assert_eq!(listen(&world, text(&own), ""), "listening");
}

#[test]
fn privileged_ports_are_for_those_who_declare_them() {
    let Some(world) = as_root(Ward::where_nobody_listens()) else {
        return;
    };
    let open = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap();
    if open.trim().parse::<u16>().unwrap() <= 901 {
        eprintln!("here everybody may bind port 901");
        return;
    }
    assert_eq!(listen(&world, "901", ""), "EACCES");
    assert_eq!(
        listen(&world, "901", "privileged_ports: [901]"),
        "listening"
    );
    assert_eq!(listen(&world, &free_port().to_string(), ""), "listening");
    // A wrong option is refused when it is declared.
    world.declare(
        APP,
        "exec_mode: 'cluster', cluster: { privileged_ports: 'all' }",
    );
    world.start().fails().complains("privileged_ports");
}

/// A port of root's app is not shared with another user's.
#[test]
fn another_users_app_gets_no_connections_of_ones_own() {
    let Some(world) = as_root(Ward::where_nobody_listens()) else {
        return;
    };
    let port = free_port().to_string();
    let first = world.ward.dir().join("first");
    world.ward.write("first.js", APP);
    let file = format!(
        "module.exports = {{ name: 'first', script: 'first.js', exec_mode: 'cluster', instances: 1, env: {{ WHERE: '{port}', SAID: {first:?} }} }}"
    );
    world.ward.write("first.config.js", &file);
    world.ward.run(&["start", "first.config.js"]).succeeds();
    text_when(&first, |text| text == "listening");
    assert_eq!(listen(&world, &port, ""), "EADDRINUSE");
}
