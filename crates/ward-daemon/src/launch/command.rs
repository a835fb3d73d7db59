//! The command of a launch, with its program and its user found.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use ward_core::launch::Launch;
use ward_sys::spawn::Command;

use super::account;
use super::error::StartError;
use super::progress::{Progress, Step};
use crate::rights::{Identity, Owner};

/// The command of a launch, without descriptors, and the user it runs as, if that is another one
/// than the daemon's. The error completes "cannot …".
pub(super) fn command(
    launch: &Launch,
    owner: &Owner,
    progress: &Progress,
) -> Result<(Command, Option<Identity>), StartError> {
    let text = launch
        .env
        .iter()
        .map(|(name, value)| (name.into(), value.into()));
    let bytes = launch.exact_env.iter().cloned().map(|(name, value)| {
        let name = OsString::from_vec(name);
        (name, OsString::from_vec(value))
    });
    let env: Vec<(OsString, OsString)> = text.chain(bytes).collect();
    let search = ward_sys::path::path_of(&env);
    let cwd = Path::new(&launch.cwd);
    let named = OsStr::new(&launch.program);
    let program = if launch.program.contains('/') {
        // Not looked up: the kernel's own word is better than "not found".
        cwd.join(&launch.program)
    } else {
        progress.now(Step::FindingProgram(launch.program.clone()));
        let missing = || StartError::NoProgram(launch.program.clone());
        ward_sys::path::find(named, search, cwd).ok_or_else(missing)?
    };
    let mut command = Command::new(program);
    command.argv = launch.argv.iter().map(OsString::from).collect();
    command.env = env;
    command.cwd = cwd.to_path_buf();
    command.umask = Some(0o022);
    if let Some(name) = owner.name() {
        progress.now(Step::LookingUpUser(name.to_owned()));
    }
    let identity = owner.look_up()?;
    if let Some(Identity { user, credentials }) = &identity {
        command.credentials = Some(credentials.clone());
        account::adjust(&mut command.env, user, &launch.own_variables);
    }
    Ok((command, identity))
}
