//! What a cluster worker really runs. `npm start`, `yarn workspace api start`, `ts-node app.ts` and
//! `cross-env A=1 node app.js` are programs that start the app, most of them in a process of its
//! own, which the IPC channel of a worker does not reach. This module finds the command behind
//! them, so that the command itself becomes the worker:
//!
//! - [`classify`] looks at the arguments of a command and runs nothing. The daemon calls it at each
//!   start of a worker.
//! - A command that only a launcher or a shell knows is found in the process of the worker, before
//!   the app starts ([`worker`]): the process runs the launcher with ward as its script shell and
//!   so learns the command, the folder and the environment ([`ask`]).
//! - A command that cannot be a worker runs unchanged, as in fork mode, and the daemon learns why.

mod ask;
mod classify;
mod context;
mod programs;
mod shell;
#[cfg(test)]
mod tests;
mod worker;

pub use ask::RECORD;
pub(crate) use classify::{Place, Verdict, classify, effective_argv, find};
pub(crate) use context::Context;
pub use worker::{main, script_shell};
