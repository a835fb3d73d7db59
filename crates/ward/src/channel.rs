//! The channel thread: Node IPC channels of the apps.
