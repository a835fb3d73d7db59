//! The daemon of ward, and the program its cluster workers begin as. It knows no terminal and no exit
//! codes of commands; the command line reaches it over `ward-wire` and the files of the home.

mod bus;
mod channel;
mod clock;
mod cluster;
mod daemon;
mod fault;
mod handover;
mod launch;
pub mod launcher;
mod log;
mod node;
mod poll;
mod rights;
mod watch;
mod worker_loop;

pub use daemon::{DaemonError, foreground, main};
