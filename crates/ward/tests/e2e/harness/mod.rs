//! A home of its own for each test, the real binary, and ways to wait for what really happened.
//!
//! Nothing here sleeps. A wait ends with an event: one on the bus ([`Bus`]), a change of a file ([`text_when`],
//! [`when_changed`]), the end of a process ([`wait_gone`]), a number another thread counts ([`Counter`]). What no event
//! tells of is looked at again by the one function that does so, [`look_again_until`]. Each wait fails at [`DEADLINE`].

mod attack;
mod bus;
mod changes;
mod command;
mod counter;
mod home;
mod npm;
mod ports;
mod process;
mod records;
mod rpc;
mod wait;

use std::time::Duration;

pub(crate) use self::attack::Attack;
pub(crate) use self::bus::{Bus, Event};
pub(crate) use self::changes::{Changes, text_when, when_changed};
pub(crate) use self::command::Ran;
pub(crate) use self::counter::{Counter, Flag};
pub(crate) use self::home::Ward;
pub(crate) use self::npm::{NODES, build, node, npm, npm_all};
pub(crate) use self::ports::free_port;
pub(crate) use self::process::{
    alive, environ_of, kill, processes, stop_process, unknown_user, wait_at_rest, wait_gone,
};
pub(crate) use self::rpc::{Rpc, frame};
pub(crate) use self::wait::{look_again_until, readable};

/// No wait takes longer; reaching it is a failure. Generous, for a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);
