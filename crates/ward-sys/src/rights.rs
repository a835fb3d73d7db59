//! The rights of another user for one thread, for the time it touches files on that user's behalf.
//!
//! The kernel asks for the *file system* user and groups of the calling thread (`setfsuid(2)`) and
//! not for its effective ones. They were made for file servers, and have what is needed here: other
//! threads keep their rights, the capabilities that pass over file permissions are put away with
//! them, and a process of that user can neither signal nor renice the thread meanwhile, which it
//! could if the effective user were changed.

use std::io;
use std::marker::PhantomData;

use libc::c_long;
use rustix::process::Gid;

use crate::errno::Errno;
use crate::spawn::Credentials;

/// Not a valid id: asks for the present one.
const NO_ID: u32 = u32::MAX;

/// This thread has the rights of another user in the file system until this is dropped.
#[derive(Debug)]
pub struct Borrowed {
    uid: u32,
    gid: u32,
    groups: Vec<Gid>,
    /// It is this thread's.
    not_send: PhantomData<*const ()>,
}

/// Gives this thread the rights of a user in the file system. New files belong to the user.
///
/// Sockets made meanwhile belong to the user, too; which ports may be bound does not change.
///
/// # Errors
///
/// The thread may not do that (`EPERM`), since it has not got `CAP_SETUID` and `CAP_SETGID`. It
/// keeps the rights it has.
pub fn borrow(credentials: &Credentials) -> io::Result<Borrowed> {
    let before = Borrowed {
        uid: file_user(NO_ID),
        gid: file_group(NO_ID),
        groups: rustix::process::getgroups()?,
        not_send: PhantomData,
    };
    // Groups and group first: both are allowed as long as the thread is still a mighty user. From
    // here on an error drops `before`, which takes back what was done.
    set_groups(&credentials.groups)?;
    file_group(credentials.gid);
    file_user(credentials.uid);
    // These two calls have no errors.
    let now = (file_user(NO_ID), file_group(NO_ID));
    if now != (credentials.uid, credentials.gid) || credentials.uid == NO_ID {
        return Err(Errno(libc::EPERM).to_io());
    }
    Ok(before)
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        file_user(self.uid);
        file_group(self.gid);
        let groups: Vec<u32> = self.groups.iter().map(|group| group.as_raw()).collect();
        // Allowed, as it was in `borrow`. If it failed all the same, the thread would have less
        // than it had, and no more.
        let restored = set_groups(&groups);
        debug_assert!(restored.is_ok() || file_user(NO_ID) != 0, "{restored:?}");
    }
}

/// Sets the user for files; returns the one before.
fn file_user(uid: u32) -> u32 {
    // SAFETY: no preconditions. Raw as all here, because a libc may do it for all threads; rustix
    // has no such call.
    let before = unsafe { libc::syscall(libc::SYS_setfsuid, uid) };
    id(before)
}

/// Sets the group for files; returns the one before.
fn file_group(gid: u32) -> u32 {
    // SAFETY: no preconditions.
    let before = unsafe { libc::syscall(libc::SYS_setfsgid, gid) };
    id(before)
}

/// The calls return the id as a `long`, sign-extended or not.
fn id(result: c_long) -> u32 {
    let bytes = result.to_ne_bytes();
    let low = i64::from_ne_bytes(bytes) & i64::from(u32::MAX);
    u32::try_from(low).unwrap_or(NO_ID)
}

/// Sets the supplementary groups of this thread alone.
fn set_groups(groups: &[u32]) -> io::Result<()> {
    // SAFETY: `groups` is readable for its length.
    let result = unsafe { libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) };
    if result == 0 {
        return Ok(());
    }
    Err(Errno::last().to_io())
}
