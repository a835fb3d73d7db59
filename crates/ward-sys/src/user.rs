//! Users and groups of this machine, as the C library knows them (files, LDAP, ...).

use std::ffi::{CStr, CString, OsString, c_char, c_int};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::{io, ptr};

use crate::errno::Errno;
use crate::spawn::Credentials;

/// The largest answer in bytes; only a broken name service gives a larger one.
const LARGEST_ANSWER: usize = 1 << 20;

/// An entry of the password database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// Home directory.
    pub home: PathBuf,
    /// Login shell.
    pub shell: PathBuf,
}

/// An entry of the group database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Name.
    pub name: String,
    /// Group id.
    pub gid: u32,
}

/// The user with this name, or with this number if there is no such name.
///
/// # Errors
///
/// The name service fails.
pub fn find_user(name_or_id: &str) -> io::Result<Option<User>> {
    if let Some(user) = user_by_name(name_or_id)? {
        return Ok(Some(user));
    }
    name_or_id.parse().map_or(Ok(None), user_by_id)
}

/// The group with this name, or with this number if there is no such name.
///
/// # Errors
///
/// The name service fails.
pub fn find_group(name_or_id: &str) -> io::Result<Option<Group>> {
    if let Some(group) = group_by_name(name_or_id)? {
        return Ok(Some(group));
    }
    name_or_id.parse().map_or(Ok(None), group_by_id)
}

/// Everything needed to become `user`, optionally with another primary group.
///
/// # Errors
///
/// The name service fails.
pub fn credentials(user: &User, gid: Option<u32>) -> io::Result<Credentials> {
    let gid = gid.unwrap_or(user.gid);
    Ok(Credentials {
        uid: user.uid,
        gid,
        groups: groups_of(&user.name, gid)?,
    })
}

/// The user with this name.
fn user_by_name(name: &str) -> io::Result<Option<User>> {
    let Ok(name) = CString::new(name) else {
        return Ok(None);
    };
    lookup(
        |entry, buffer, length, found| {
            // SAFETY: a live C string, an entry to be filled, a buffer of the said length, and
            // where to put the result. (rustix knows no databases; std neither.)
            unsafe { libc::getpwnam_r(name.as_ptr(), entry, buffer, length, found) }
        },
        user_of,
    )
}

/// The user with this id.
fn user_by_id(uid: u32) -> io::Result<Option<User>> {
    lookup(
        |entry, buffer, length, found| {
            // SAFETY: as in `user_by_name`.
            unsafe { libc::getpwuid_r(uid, entry, buffer, length, found) }
        },
        user_of,
    )
}

/// The group with this name.
fn group_by_name(name: &str) -> io::Result<Option<Group>> {
    let Ok(name) = CString::new(name) else {
        return Ok(None);
    };
    lookup(
        |entry, buffer, length, found| {
            // SAFETY: as in `user_by_name`.
            unsafe { libc::getgrnam_r(name.as_ptr(), entry, buffer, length, found) }
        },
        group_of,
    )
}

/// The group with this id.
fn group_by_id(gid: u32) -> io::Result<Option<Group>> {
    lookup(
        |entry, buffer, length, found| {
            // SAFETY: as in `user_by_name`.
            unsafe { libc::getgrgid_r(gid, entry, buffer, length, found) }
        },
        group_of,
    )
}

/// All groups of a user, `gid` among them.
fn groups_of(name: &str, gid: u32) -> io::Result<Vec<u32>> {
    let name = CString::new(name)?;
    let mut groups: Vec<libc::gid_t> = vec![0; 64];
    loop {
        let mut count = c_int::try_from(groups.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
        // SAFETY: a live C string and an array with room for `count` ids. (rustix: see
        // `user_by_name`.)
        let result =
            unsafe { libc::getgrouplist(name.as_ptr(), gid, groups.as_mut_ptr(), &raw mut count) };
        let needed = usize::try_from(count).unwrap_or(0);
        if result >= 0 {
            groups.truncate(needed);
            return Ok(groups);
        }
        // musl does not say how many it needs.
        groups.resize(needed.max(groups.len() * 2), 0);
    }
}

/// Calls one of the `get…_r` functions with a large enough buffer and copies the answer out.
fn lookup<Entry, Answer>(
    call: impl Fn(*mut Entry, *mut c_char, usize, *mut *mut Entry) -> c_int,
    copy: impl Fn(&Entry) -> Answer,
) -> io::Result<Option<Answer>> {
    let mut buffer: Vec<c_char> = vec![0; 1024];
    loop {
        let mut entry = MaybeUninit::<Entry>::uninit();
        let mut found = ptr::null_mut();
        let error = call(
            entry.as_mut_ptr(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &raw mut found,
        );
        match error {
            libc::ERANGE if buffer.len() < LARGEST_ANSWER => buffer.resize(buffer.len() * 4, 0),
            libc::EINTR => {}
            // The manual names all of these as ways to say "no such entry".
            0 if found.is_null() => return Ok(None),
            libc::ENOENT | libc::ESRCH | libc::EBADF | libc::EPERM => return Ok(None),
            0 => {
                // SAFETY: on success `found` points to `entry`, which is filled; its strings are in
                // `buffer`, still alive.
                return Ok(Some(copy(unsafe { &*found })));
            }
            error => return Err(Errno(error).to_io()),
        }
    }
}

fn user_of(entry: &libc::passwd) -> User {
    User {
        name: bytes_of(entry.pw_name, entry)
            .to_string_lossy()
            .into_owned(),
        uid: entry.pw_uid,
        gid: entry.pw_gid,
        home: path_of(bytes_of(entry.pw_dir, entry)),
        shell: path_of(bytes_of(entry.pw_shell, entry)),
    }
}

fn group_of(entry: &libc::group) -> Group {
    Group {
        name: bytes_of(entry.gr_name, entry)
            .to_string_lossy()
            .into_owned(),
        gid: entry.gr_gid,
    }
}

fn path_of(text: &CStr) -> PathBuf {
    OsString::from_vec(text.to_bytes().to_vec()).into()
}

/// A string of an entry, borrowed for as long as the entry.
fn bytes_of<Entry>(text: *const c_char, _entry: &Entry) -> &CStr {
    if text.is_null() {
        return c"";
    }
    // SAFETY: the C library filled the entry with null-terminated strings in the buffer of
    // `lookup`, which outlives it.
    unsafe { CStr::from_ptr(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_known_by_name_and_number() {
        let root = find_user("root").unwrap().unwrap();
        assert_eq!((root.uid, root.gid), (0, 0));
        assert_eq!(find_user("0").unwrap().as_ref(), Some(&root));
        let group = find_group("root").unwrap().unwrap();
        assert_eq!(find_group("0").unwrap(), Some(group));
        assert!(credentials(&root, None).unwrap().groups.contains(&0));
        assert!(
            credentials(&root, Some(12345))
                .unwrap()
                .groups
                .contains(&12345)
        );
    }

    #[test]
    fn strangers_are_none() {
        assert_eq!(find_user("no such user").unwrap(), None);
        assert_eq!(find_user("3999999999").unwrap(), None);
        assert_eq!(find_group("no\0group").unwrap(), None);
    }
}
