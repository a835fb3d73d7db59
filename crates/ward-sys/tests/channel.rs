//! The IPC channel of a child: descriptor 3, named by a variable, as Node expects it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::os::fd::{AsFd, BorrowedFd};

use common::{command, line, start};
use rustix::event::{PollFd, PollFlags};
use ward_sys::reap::ExitStatus;
use ward_sys::{fdpass, reap};

fn wait_for_input(fd: BorrowedFd<'_>) {
    rustix::event::poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::IN)], None).unwrap();
}

#[test]
fn lines_go_both_ways_and_the_end_is_seen() {
    let (ours, theirs) = fdpass::channel(None).unwrap();
    let script = r#"ready recv expect "stop" send {"bye":1} recv exit 5"#;
    let mut command = command(script, &[("NODE_CHANNEL_FD", "3")]);
    command.fds.push((theirs, 3));
    let (child, mut output) = start(command);
    let mut buffer = [0; 256];

    wait_for_input(ours.as_fd());
    let received = fdpass::receive(&ours, &mut buffer).unwrap();
    assert_eq!(&buffer[..received.count], b"\"ready\"\n");

    fdpass::send(&ours, b"{\"a\":1}\n", None).unwrap();
    assert_eq!(line(&mut output), "{\"a\":1}");
    fdpass::send(&ours, b"1\n\"stop\"\n", None).unwrap();
    wait_for_input(ours.as_fd());
    let received = fdpass::receive(&ours, &mut buffer).unwrap();
    assert_eq!(&buffer[..received.count], b"{\"bye\":1}\n");

    drop(ours);
    assert_eq!(line(&mut output), "(closed)");
    assert!(reap::ended(&child.pidfd, common::PATIENCE).unwrap());
    assert_eq!(
        reap::wait_pidfd(&child.pidfd).unwrap().status,
        ExitStatus::Code(5)
    );
}

#[test]
fn the_end_of_the_child_is_the_end_of_the_channel() {
    let (ours, theirs) = fdpass::channel(None).unwrap();
    let mut command = command("exit 0", &[("NODE_CHANNEL_FD", "3")]);
    command.fds.push((theirs, 3));
    let (child, _output) = start(command);
    wait_for_input(ours.as_fd());
    assert_eq!(fdpass::receive(&ours, &mut [0; 16]).unwrap().count, 0);
    reap::wait_pidfd(&child.pidfd).unwrap();
}
