//! The supervision of ward as a pure state machine.
//!
//! `Supervisor::handle(now, event, &mut actions)` takes what happened and says what to do;
//! `Supervisor::deadline()` says when it wants to be asked again. There is no I/O, no clock and no
//! thread here: the shell (`ward`) turns the world into [`event::Event`]s and performs
//! [`action::Action`]s.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod action;
pub mod config;
pub mod event;
pub mod id;
pub mod launch;
pub mod record;
pub mod request;
pub mod spec;
pub mod time;
