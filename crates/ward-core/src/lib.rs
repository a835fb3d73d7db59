//! The supervision of ward as a pure state machine.
//!
//! `Supervisor::handle(now, event, &mut actions)` takes what happened and says what to do;
//! `Supervisor::deadline()` says when it wants to be asked again. There is no I/O, no clock and no
//! thread here: the shell (`ward`) turns the world into [`event::Event`]s and performs
//! [`action::Action`]s.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod action;
mod backoff;
mod change;
mod compose;
pub mod config;
pub mod cron;
pub mod defaults;
pub mod ending;
pub mod event;
pub mod id;
pub mod instance;
pub mod launch;
mod pending;
pub mod policy;
mod random;
pub mod record;
pub mod request;
pub mod signal;
pub mod snapshot;
pub mod spec;
pub mod supervisor;
pub mod time;
mod turn;
pub mod view;
