//! Notice of a home that is deleted, renamed or emptied while the daemon runs, by inotify(7). Nothing
//! is done while nothing happens.

use std::cell::Cell;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

/// Room for events: what does not fit is read the next time.
const EVENT_BYTES: usize = 4096;

/// Looks at one folder at a time.
#[derive(Debug)]
pub(in crate::daemon) struct HomeWatch {
    /// `None` where the kernel has no inotify instance for us.
    inotify: Option<AsyncFd<OwnedFd>>,
    /// The folder, by its watch descriptor.
    folder: Cell<Option<i32>>,
    /// Something else than the kernel asks for a look.
    asked: Notify,
}

impl HomeWatch {
    #[expect(
        deprecated,
        reason = "what replaces it is unsafe, and the descriptor is owned by what it wraps"
    )]
    pub(in crate::daemon) fn new() -> Self {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK);
        Self {
            inotify: inotify.ok().and_then(|inotify| AsyncFd::new(inotify).ok()),
            folder: Cell::new(None),
            asked: Notify::new(),
        }
    }

    /// Looks at this folder from now on, and at no other.
    pub(super) fn look_at(&self, folder: &Path) -> io::Result<()> {
        let Some(inotify) = &self.inotify else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        if let Some(before) = self.folder.take() {
            // A folder that was deleted has lost its watch already.
            inotify::remove_watch(inotify, before).ok();
        }
        let flags = WatchFlags::DELETE
            | WatchFlags::MOVE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        let number = inotify::add_watch(inotify, folder, flags)?;
        self.folder.set(Some(number));
        Ok(())
    }

    /// Lets [`Self::changed`] return once, as if something had changed.
    pub(super) fn ask(&self) {
        self.asked.notify_one();
    }

    /// Waits until a file of the folder is gone or replaced, or the folder itself.
    pub(in crate::daemon) async fn changed(&self) {
        tokio::select! {
            () = self.asked.notified() => {}
            () = self.removed() => {}
        }
    }

    async fn removed(&self) {
        if let Some(inotify) = &self.inotify {
            while let Ok(mut ready) = inotify.readable().await {
                if take(inotify.get_ref()) {
                    return;
                }
                ready.clear_ready();
            }
        }
        std::future::pending::<()>().await;
    }
}

/// Whether there were events, which are read and forgotten: what matters is what is there now.
fn take(inotify: &OwnedFd) -> bool {
    let mut buffer = [MaybeUninit::uninit(); EVENT_BYTES];
    let mut reader = inotify::Reader::new(inotify, &mut buffer);
    let mut any = false;
    loop {
        match reader.next() {
            Ok(event) => any |= !event.events().contains(ReadFlags::IGNORED),
            Err(Errno::INTR) => {}
            Err(_) => return any,
        }
    }
}
