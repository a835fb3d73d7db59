//! Who gets the next connection: the arithmetic of weights, open connections, sessions and slow
//! starts, as plain values. There is no socket and no clock here: ages and counts are arguments, so
//! every choice can be computed again.
//!
//! - [`turn`] goes round the workers and compares those that want to be compared.
//! - [`weight`] gives each worker its turn as often as its weight says.
//! - [`slow_start`] says how much of its full share a fresh worker gets.
//! - [`session`] says which slot a session belongs to. Its hash never changes.

pub mod session;
pub mod slow_start;
pub mod turn;
pub mod weight;
