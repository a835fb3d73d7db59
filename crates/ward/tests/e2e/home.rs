//! The home folder under attack: deleted while the daemon runs, open to others, full of things that are
//! no files; and homes in unusual places.

mod gone;
mod nested;
mod places;
mod planted;
