//! End to end: the real binary, real apps, one home per test.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod channel;
mod cluster;
mod environment;
mod examples;
mod files;
mod first_command;
mod harness;
mod ipc;
mod lifecycle;
mod loss;
mod output;
mod refusals;
mod saved;
mod stock_client;
mod tree;
mod watch;
mod wire;
