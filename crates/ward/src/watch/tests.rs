//! The thread with a real inotify.
