//! The user an app is declared to run as, by name or number, and who that is.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustix::process::{getegid, geteuid};
use serde_json::Value;
use ward_core::spec::UserSpec;
use ward_sys::spawn::Credentials;
use ward_sys::user::{self, User};

use super::Rights;

/// The user and the group an app declares, by name or number, before they are looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Owner {
    uid: Option<String>,
    gid: Option<String>,
    home: Arc<Path>,
}

/// A user that an app runs as and the daemon does not.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) user: User,
    pub(crate) credentials: Credentials,
}

/// The user of an app cannot be found. The text completes "cannot …".
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccountError {
    /// The name service failed.
    #[error("look up {what}: {source}")]
    LookUp {
        /// The user, the group, or the groups of the user.
        what: &'static str,
        source: io::Error,
    },
    /// There is no such user or group.
    #[error("find the {kind} {name}")]
    NoAccount { kind: &'static str, name: String },
}

impl Owner {
    pub(crate) fn of(user: &UserSpec, home: &Arc<Path>) -> Self {
        let word = |value: &Option<Value>| {
            let value = value.as_ref().filter(|value| !value.is_null())?;
            Some(
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned),
            )
        };
        Self {
            uid: word(&user.uid),
            gid: word(&user.gid),
            home: Arc::clone(home),
        }
    }

    /// The declared user.
    pub(crate) fn name(&self) -> Option<&str> {
        self.uid.as_deref()
    }

    /// Looks up the user; nothing if it is the daemon's own. May take as long as the name service.
    ///
    /// # Errors
    ///
    /// There is no such user or group, or the name service fails.
    pub(crate) fn look_up(&self) -> Result<Option<Identity>, AccountError> {
        let Some(name) = &self.uid else {
            return Ok(None);
        };
        let cannot = |what| move |source| AccountError::LookUp { what, source };
        let missing = |kind, name: &str| AccountError::NoAccount {
            kind,
            name: name.to_owned(),
        };
        let found = user::find_user(name).map_err(cannot("the user"))?;
        let user = found.ok_or_else(|| missing("user", name))?;
        let gid = match &self.gid {
            None => None,
            Some(name) => {
                let group = user::find_group(name).map_err(cannot("the group"))?;
                Some(group.ok_or_else(|| missing("group", name))?.gid)
            }
        };
        let credentials = user::credentials(&user, gid).map_err(cannot("groups"))?;
        let already =
            geteuid().as_raw() == credentials.uid && getegid().as_raw() == credentials.gid;
        Ok((!already).then_some(Identity { user, credentials }))
    }

    /// The rights of a user that was looked up.
    pub(crate) fn rights(&self, identity: Option<&Identity>) -> Rights {
        identity.map_or_else(Rights::default, |it| Rights::of(it, &self.home))
    }
}
