//! End to end: the real binary, real apps, one home per test.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod agent;
mod attacks;
mod channel;
mod cluster;
mod commands;
mod defaults;
mod environment;
mod evaluated;
mod examples;
mod faults;
mod files;
mod first_command;
mod frameworks;
mod harness;
mod ipc;
mod launch;
mod launchers;
mod lifecycle;
mod lists;
mod loss;
mod options;
mod output;
mod parity;
mod refusals;
mod rights;
mod saved;
mod selectors;
mod shapes;
mod shutdown;
mod stock_client;
mod together;
mod tree;
mod watch;
mod wire;
