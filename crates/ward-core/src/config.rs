//! From the text of a configuration to checked declarations. Pure: reading files, running node and
//! looking at the file system is done by the shell.

pub mod units;
pub mod words;
