//! The user and group an app runs as.

use std::fs;

use serde_json::Value;

use super::Draft;
use crate::exit::Failure;

/// An entry of the user table.
pub(super) struct Owner {
    uid: u32,
    gid: u32,
    /// The home directory, which becomes the app's `HOME`.
    pub(super) home: String,
}

/// Looks up `uid` and `gid` and puts their numbers in the record.
pub(super) fn look_up(draft: &mut Draft<'_>) -> Result<Option<Owner>, Failure> {
    let uid = draft.decl.shift_remove("uid");
    let gid = draft.decl.shift_remove("gid");
    if uid.is_none() && gid.is_none() {
        return Ok(None);
    }
    if !rustix::process::geteuid().is_root() {
        return Err(Failure::new("To use UID and GID please run PM2 as root"));
    }
    let Some(uid) = uid else {
        return Err(
            Failure::new("User undefined cannot be found").with_hint("gid needs uid as well.")
        );
    };
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut owner = user(&users, &word(&uid))
        .ok_or_else(|| Failure::new(format!("User {} cannot be found", word(&uid))))?;
    if let Some(gid) = gid {
        let groups = fs::read_to_string("/etc/group").unwrap_or_default();
        owner.gid = group(&groups, &word(&gid))
            .ok_or_else(|| Failure::new(format!("Group {} cannot be found", word(&gid))))?;
    }
    draft.put("uid", owner.uid);
    draft.put("gid", owner.gid);
    Ok(Some(owner))
}

fn user(table: &str, wanted: &str) -> Option<Owner> {
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        if fields.len() < 6 || (fields[0] != wanted && fields[2] != wanted) {
            return None;
        }
        Some(Owner {
            uid: fields[2].parse().ok()?,
            gid: fields[3].parse().ok()?,
            home: fields[5].to_owned(),
        })
    })
}

fn group(table: &str, wanted: &str) -> Option<u32> {
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        if fields.len() < 3 || (fields[0] != wanted && fields[2] != wanted) {
            return None;
        }
        fields[2].parse().ok()
    })
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables() {
        let users = "root:x:0:0:root:/root:/bin/sh\nbroken\nwww:x:33:34:w:/var/www:/bin/false\n";
        for (wanted, found) in [
            ("www", Some((33, 34, "/var/www"))),
            ("33", Some((33, 34, "/var/www"))),
            ("0", Some((0, 0, "/root"))),
            ("x", None),
        ] {
            let owner = user(users, wanted);
            let owner = owner
                .as_ref()
                .map(|owner| (owner.uid, owner.gid, owner.home.as_str()));
            assert_eq!(owner, found, "{wanted}");
        }
        assert_eq!(group("adm:x:4:\nwww:x:34:", "www"), Some(34));
        assert_eq!(group("adm:x:4:\nwww:x:34:", "4"), Some(4));
        assert_eq!(group("adm:x:4:", "nope"), None);
    }
}
