//! What a plane gives to its successor, for a live upgrade or a guardian: its state as a value, and
//! the descriptors it holds, each with its role.

use std::os::fd::OwnedFd;

/// All a plane has. A successor that imports it goes on where the plane ended: no byte and no event
/// of the time in between is lost, because the kernel keeps them in the descriptors.
#[derive(Debug)]
pub(crate) struct Handover<S, R> {
    /// What can be written down.
    pub(crate) state: S,
    /// What cannot: descriptors, by what they are for.
    pub(crate) descriptors: Vec<(R, OwnedFd)>,
}
