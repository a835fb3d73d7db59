//! How many instances there can be. Numbers of instances come from outside, and each one costs the daemon memory before
//! anything runs: they are compared with these limits before they are used as sizes.

use crate::request::RequestError;

/// The most instances of one app. More processes than any machine has processors for; whoever asks for more has mistyped,
/// or means harm. A request for more is refused as a whole.
pub const MOST_INSTANCES_OF_APP: u32 = 10_000;

/// The most instances of all apps together, at some six kilobytes each without their environment. A request that would
/// make more is refused as a whole.
pub const MOST_INSTANCES: usize = 100_000;

/// Refuses a number of instances of one app.
pub(crate) fn check_app(wanted: usize) -> Result<(), RequestError> {
    let most = usize::try_from(MOST_INSTANCES_OF_APP).unwrap_or(usize::MAX);
    if wanted > most {
        return Err(RequestError::TooManyOfApp { wanted });
    }
    Ok(())
}

/// Refuses a number of instances of all apps.
pub(crate) fn check_all(wanted: usize) -> Result<(), RequestError> {
    if wanted > MOST_INSTANCES {
        return Err(RequestError::TooMany { wanted });
    }
    Ok(())
}
