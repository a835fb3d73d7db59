//! The home folder under attack: deleted while the daemon runs, open to others, full of things that are
//! no files.

mod gone;
mod planted;
