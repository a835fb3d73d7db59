//! The supervisor in a virtual world: a fake operating system and a clock that jumps from one
//! moment of interest to the next. Nothing here sleeps.

mod environment;
mod golden;
mod invariants;
mod jobs;
mod os;
mod shortage;
mod stories;
mod table;
mod told;
mod watching;
mod world;
