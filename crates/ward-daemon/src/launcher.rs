//! What a cluster worker really runs. `npm start`, `yarn workspace api start`, `ts-node app.ts` or
//! `cross-env A=1 node app.js` are programs that begin the app, most of them in a process of its
//! own, where the IPC channel of a worker does not arrive. This module finds the command behind
//! them, so that the command itself becomes the worker:
//!
//! - [`classify`] looks at the words of a command and runs nothing. The daemon asks it at each
//!   start of a worker.
//! - A command that only a launcher or a shell knows is found in the process of the worker, before
//!   the app begins ([`worker`]): the launcher is run with ward as its script shell and so tells
//!   the command, the folder and the environment it would run it with ([`ask`]).
//! - What cannot be a worker is run as it is, alone, and the daemon is told why.

mod ask;
mod classify;
mod context;
mod programs;
mod shell;
#[cfg(test)]
mod tests;
mod worker;

pub use ask::RECORD;
pub(crate) use classify::{Place, Verdict, classify, find, words};
pub(crate) use context::Context;
pub use worker::{main, script_shell};
