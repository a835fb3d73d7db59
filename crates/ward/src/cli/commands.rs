//! One file per command; the same name everywhere.
