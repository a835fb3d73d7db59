//! `reload`: replaces cluster workers one by one and restarts other apps. One reload runs at a
//! time.

mod lock;

use super::act::{self, Action};
use super::{change, start};
use crate::cli::args::Invocation;
use crate::exit::Failure;

pub(super) use self::lock::Lock;

/// Reloads each target. No list follows, as in PM2.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let mut client = super::connect(invocation)?;
    let _lock = Lock::take(invocation)?;
    for target in &invocation.targets {
        if start::file::is_meant(&mut client, target)? {
            start::file::run(invocation, &mut client, Action::Reload, target)?;
            continue;
        }
        change::refuse_env_without_file(invocation)?;
        change::announce(invocation);
        let extras = change::of(invocation, true)?;
        act::on_word(invocation, &mut client, Action::Reload, target, &extras)?;
    }
    Ok(())
}
