//! The log thread: output pipes of the apps to files and followers.
