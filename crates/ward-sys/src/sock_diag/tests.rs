use std::collections::HashSet;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::*;
use crate::listener::cookie;

const LIMIT: Duration = Duration::from_secs(20);

/// Whether a connection is listed as open.
fn is_open(port: u16, cookie: u64) -> bool {
    let open = open_sockets(&[port]).unwrap();
    open.iter().any(|socket| socket.cookie == cookie)
}

/// A listener and its port.
fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A connection: the client's end and the server's.
fn connect(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// Waits until the socket is ready for this, or has an error.
fn wait(closings: &Closings, flags: PollFlags) {
    let socket = closings.descriptor();
    let mut fds = [PollFd::new(&*socket, flags)];
    let limit = Timespec::try_from(LIMIT).unwrap();
    assert_eq!(poll(&mut fds, Some(&limit)).unwrap(), 1, "nothing came");
}

/// Reads until a closing was told of.
fn hear_of(closings: &mut Closings, cookie: u64) -> Vec<u64> {
    let mut gone = Vec::new();
    while !gone.contains(&cookie) {
        wait(closings, PollFlags::IN);
        closings.read(&mut gone).unwrap();
    }
    gone
}

#[test]
fn a_closed_connection_is_told_of_and_one_on_another_port_is_not() {
    let (watched, port) = listen();
    let (other, _) = listen();
    let mut closings = Closings::open(&[port]).unwrap();
    let (unheard_client, unheard) = connect(&other);
    let unheard_cookie = cookie(&unheard).unwrap();
    let (client, server) = connect(&watched);
    let expected = cookie(&server).unwrap();
    assert!(is_open(port, expected));
    drop((unheard, unheard_client));
    drop((server, client));
    let gone = hear_of(&mut closings, expected);
    assert!(!gone.contains(&unheard_cookie));
    assert!(!is_open(port, expected));
}

#[test]
fn the_ports_can_be_changed() {
    let (first, first_port) = listen();
    let (second, second_port) = listen();
    let mut closings = Closings::open(&[]).unwrap();
    closings.watch(&[first_port, second_port]).unwrap();
    for listener in [&first, &second] {
        let (client, server) = connect(listener);
        let expected = cookie(&server).unwrap();
        drop((server, client));
        hear_of(&mut closings, expected);
    }
}

#[test]
fn connections_over_ipv6_are_told_of() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        // A machine without IPv6.
        return;
    };
    let port = listener.local_addr().unwrap().port();
    let mut closings = Closings::open(&[port]).unwrap();
    let (client, server) = connect(&listener);
    let expected = cookie(&server).unwrap();
    assert!(is_open(port, expected));
    drop((server, client));
    hear_of(&mut closings, expected);
}

#[test]
fn what_was_closed_unnoticed_is_found_by_a_list() {
    let (listener, port) = listen();
    // Room for a few messages only.
    let mut closings = Closings::with_buffer(&[port], 4096).unwrap();
    let mut connections: Vec<_> = (0..200).map(|_| connect(&listener)).collect();
    let kept = connections.split_off(190);
    let closed: Vec<u64> = connections
        .iter()
        .map(|it| cookie(&it.1).unwrap())
        .collect();
    drop(connections);
    let mut gone = Vec::new();
    // Nobody reads until there was no room for more.
    wait(&closings, PollFlags::empty());
    while !closings.read(&mut gone).unwrap() {
        wait(&closings, PollFlags::IN);
    }
    assert!(gone.len() < closed.len(), "not all of them could be told");
    let open = open_sockets(&[port]).unwrap();
    let open: HashSet<u64> = open.iter().map(|it| it.cookie).collect();
    let expected: HashSet<u64> = kept.iter().map(|it| cookie(&it.1).unwrap()).collect();
    assert!(expected.is_subset(&open));
    assert!(closed.iter().all(|cookie| !open.contains(cookie)));
    // From here on everything is told again, unless more of the many are told of late: the kernel's
    // worker for that may have been slow, and there is no room for them still.
    loop {
        let (client, server) = connect(&listener);
        let next = cookie(&server).unwrap();
        drop((server, client));
        let mut gone = Vec::new();
        let mut lost = false;
        while !lost && !gone.contains(&next) {
            wait(&closings, PollFlags::IN);
            lost = closings.read(&mut gone).unwrap();
        }
        if gone.contains(&next) {
            break;
        }
    }
}

#[test]
fn half_closed_connections_are_open() {
    let (listener, port) = listen();
    let (client, server) = connect(&listener);
    server.shutdown(std::net::Shutdown::Write).unwrap();
    let cookie = cookie(&server).unwrap();
    assert!(is_open(port, cookie));
    drop(server);
    assert!(!is_open(port, cookie));
    drop(client);
}

#[test]
fn more_ports_than_a_filter_can_name_are_all_let_through() {
    let many: Vec<u16> = (1..=5000).collect();
    assert_eq!(filter(&many).len(), 1);
    assert!(filter(&many[..MOST_PORTS]).len() <= 4096);
    Closings::open(&many[..MOST_PORTS])
        .unwrap()
        .watch(&many)
        .unwrap();
}
