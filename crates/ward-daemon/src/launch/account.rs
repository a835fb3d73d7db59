//! The environment of an app that runs as another user: what it has from the shell of whoever started
//! it must not say that it is still that one, nor lead to what belongs to that one.

use std::collections::BTreeSet;
use std::ffi::OsString;

use ward_sys::user::User;

/// Ways to what belongs to the session of whoever gave the command: the folder of its sockets, its
/// keys, its display, its bus. Another user cannot use them, and programs that try fail oddly.
const OF_THE_SESSION: [&str; 4] = [
    "XDG_RUNTIME_DIR",
    "SSH_AUTH_SOCK",
    "XAUTHORITY",
    "DBUS_SESSION_BUS_ADDRESS",
];

/// What `sudo` tells of its caller begins with this.
const OF_SUDO: &str = "SUDO_";

/// Makes the environment that of `user`. What the declaration sets itself (`own`) stays.
pub(super) fn adjust(env: &mut Vec<(OsString, OsString)>, user: &User, own: &BTreeSet<String>) {
    let is_own = |name: &str| own.contains(name);
    env.retain(|(name, _)| {
        name.to_str().is_none_or(|name| {
            let is_callers = OF_THE_SESSION.contains(&name) || name.starts_with(OF_SUDO);
            is_own(name) || !is_callers
        })
    });
    let values: [(&str, OsString); 5] = [
        ("HOME", user.home.clone().into()),
        ("LOGNAME", user.name.clone().into()),
        ("SHELL", user.shell.clone().into()),
        ("USER", user.name.clone().into()),
        // Of the record: PM2 tells every process so, in lower case.
        ("username", user.name.clone().into()),
    ];
    for (name, value) in values {
        if is_own(name) {
            continue;
        }
        match env.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => env.push((name.into(), value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_own_replace_the_callers_and_what_is_declared_stays() {
        let user = User {
            name: "www".to_owned(),
            uid: 33,
            gid: 33,
            home: "/var/www".into(),
            shell: "/bin/false".into(),
        };
        let given = [
            ("USER", "root"),
            ("LOGNAME", "declared"),
            ("username", "root"),
            ("HOME", "/root"),
            ("SSH_AUTH_SOCK", "/tmp/agent"),
            ("SUDO_UID", "1000"),
            ("XDG_RUNTIME_DIR", "/run/declared"),
            ("XAUTHORITY", "/root/.Xauthority"),
            ("PORT", "80"),
        ];
        let pair = |(name, value): (&str, &str)| (OsString::from(name), OsString::from(value));
        let mut env: Vec<_> = given.into_iter().map(pair).collect();
        let own = ["LOGNAME", "XDG_RUNTIME_DIR"].map(str::to_owned);
        adjust(&mut env, &user, &own.into());
        env.sort();
        let wanted = [
            ("HOME", "/var/www"),
            ("LOGNAME", "declared"),
            ("PORT", "80"),
            ("SHELL", "/bin/false"),
            ("USER", "www"),
            ("XDG_RUNTIME_DIR", "/run/declared"),
            ("username", "www"),
        ];
        assert_eq!(env, wanted.map(pair));
    }
}
