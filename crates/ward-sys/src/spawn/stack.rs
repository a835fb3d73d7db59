//! The memory a child runs on.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::Ordering;

use super::child::Report;
use crate::errno::Errno;

/// Room for the few shallow frames of the child, between a page that must not be touched and one
/// for the report.
pub(super) const STACK_BYTES: usize = 64 * 1024;
/// A multiple of every page size of Linux.
const PAGE_BYTES: usize = 64 * 1024;
const MAPPING_BYTES: usize = PAGE_BYTES + STACK_BYTES + PAGE_BYTES;

/// The child's stack, and above it the report. Shared, so that the report gets back even from
/// copied memory.
#[derive(Debug)]
pub(super) struct Stack {
    base: *mut c_void,
}

thread_local! {
    /// The last stack of this thread: making and touching a new one costs as much as all else the
    /// parent does.
    static SPARE: Cell<Option<Stack>> = const { Cell::new(None) };
}

impl Stack {
    /// The spare one of this thread, or a new one.
    pub(super) fn take() -> Result<Self, Errno> {
        let stack = SPARE.take().map_or_else(Self::new, Ok)?;
        stack.view().step.store(0, Ordering::Relaxed);
        stack.view().joined_cgroup.store(0, Ordering::Relaxed);
        Ok(stack)
    }

    /// Kept for the next spawn.
    pub(super) fn put_back(self) {
        SPARE.set(Some(self));
    }

    fn new() -> Result<Self, Errno> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        // (rustix's is unsafe too.)
        let base = unsafe { libc::mmap(ptr::null_mut(), MAPPING_BYTES, protection, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        let stack = Self { base };
        // SAFETY: the first page of our own new mapping, which nobody uses yet. (rustix's is unsafe
        // too.)
        if unsafe { libc::mprotect(base, PAGE_BYTES, libc::PROT_NONE) } < 0 {
            return Err(Errno::last());
        }
        Ok(stack)
    }

    /// The lowest address the child may use.
    pub(super) fn bottom(&self) -> *mut c_void {
        self.base.wrapping_byte_add(PAGE_BYTES)
    }

    /// Where the stack begins, growing down. It is page-aligned.
    pub(super) fn top(&self) -> *mut c_void {
        self.bottom().wrapping_byte_add(STACK_BYTES)
    }

    pub(super) fn report(&self) -> *const Report {
        self.top().cast_const().cast()
    }

    pub(super) fn view(&self) -> &Report {
        // SAFETY: the page is mapped as long as `self`, aligned, and zero or written by the child
        // through atomics; any bit pattern is a valid report.
        unsafe { &*self.report() }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: our own mapping, exactly; references into it cannot outlive `self`, and the child
        // is gone from it.
        let result = unsafe { libc::munmap(self.base, MAPPING_BYTES) };
        debug_assert_eq!(result, 0, "munmap of our own mapping");
    }
}
