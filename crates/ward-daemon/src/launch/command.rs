//! The command of a launch, with its program and its user found.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use serde_json::Value;
use ward_core::launch::Launch;
use ward_core::spec::UserSpec;
use ward_sys::spawn::{Command, Credentials};
use ward_sys::user;

use super::error::StartError;
use super::progress::{Progress, Step};

/// The command of a launch, without descriptors. The error completes "cannot …".
pub(super) fn command(launch: &Launch, progress: &Progress) -> Result<Command, StartError> {
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
    command.credentials = credentials(&launch.user, progress)?;
    Ok(command)
}

fn credentials(user: &UserSpec, progress: &Progress) -> Result<Option<Credentials>, StartError> {
    let Some(uid) = user.uid.as_ref().filter(|uid| !uid.is_null()) else {
        return Ok(None);
    };
    let name = word(uid);
    progress.now(Step::LookingUpUser(name.clone()));
    let cannot = |what| move |source| StartError::LookUp { what, source };
    let found = user::find_user(&name).map_err(cannot("the user"))?;
    let found = found.ok_or(StartError::NoAccount { kind: "user", name })?;
    let gid = match user.gid.as_ref().filter(|gid| !gid.is_null()).map(word) {
        None => None,
        Some(name) => {
            let group = user::find_group(&name).map_err(cannot("the group"))?;
            Some(
                group
                    .ok_or(StartError::NoAccount {
                        kind: "group",
                        name,
                    })?
                    .gid,
            )
        }
    };
    let credentials = user::credentials(&found, gid).map_err(cannot("groups"))?;
    let already = rustix::process::geteuid().as_raw() == credentials.uid
        && rustix::process::getegid().as_raw() == credentials.gid;
    Ok(Some(credentials).filter(|_| !already))
}

fn word(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
