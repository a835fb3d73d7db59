//! One file per command; the same name everywhere.

#[allow(dead_code, reason = "the dispatcher arrives with the arguments")]
pub(crate) mod logs;
