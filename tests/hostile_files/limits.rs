//! What a case takes, thread by thread: the most memory at a time, and what a panic said.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::panic;
use std::time::Duration;

thread_local! {
    static IN_USE_BYTES: Cell<i64> = const { Cell::new(0) };
    static MOST_BYTES: Cell<i64> = const { Cell::new(0) };
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// More than this at once fails at once: a case that asks for terabytes must not get them.
const REFUSED_BYTES: usize = 4 << 30;

/// The system's allocator, with a count of the bytes in use by each thread.
pub(crate) struct Counting;

// SAFETY: everything is the system allocator's; the count is beside it. A null pointer is what an
// allocator answers that has no memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > REFUSED_BYTES {
            return std::ptr::null_mut();
        }
        let bytes = layout.size() as i64;
        // A thread that ends has no count any more.
        let _ = IN_USE_BYTES.try_with(|in_use| {
            in_use.set(in_use.get() + bytes);
            let _ = MOST_BYTES.try_with(|most| most.set(most.get().max(in_use.get())));
        });
        // SAFETY: handed on as it came.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        let bytes = layout.size() as i64;
        let _ = IN_USE_BYTES.try_with(|in_use| in_use.set(in_use.get() - bytes));
        // SAFETY: handed on as it came.
        unsafe { System.dealloc(place, layout) }
    }
}

/// Counts anew in this thread.
pub(crate) fn begin() {
    IN_USE_BYTES.set(0);
    MOST_BYTES.set(0);
    LAST_PANIC.with_borrow_mut(String::clear);
}

/// The most that this thread held at a time since, beyond what it held then.
pub(crate) fn most_bytes() -> i64 {
    MOST_BYTES.get()
}

/// The CPU that this thread has used.
pub(crate) fn cpu() -> Duration {
    let mut used = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call only writes into the struct, which is this frame's own.
    unsafe {
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut used);
    }
    Duration::new(used.tv_sec.unsigned_abs(), used.tv_nsec.unsigned_abs() as u32)
}

/// Keeps what panics say, instead of printing thousands of them.
pub(crate) fn listen() {
    let printed = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        if place.starts_with("tests/") {
            printed(info);
        }
        let what = match (info.payload().downcast_ref::<&str>(), info.payload().downcast_ref()) {
            (Some(text), _) => (*text).to_owned(),
            (None, Some(text)) => String::clone(text),
            (None, None) => "something that is not a text".to_owned(),
        };
        LAST_PANIC.with_borrow_mut(|last| *last = format!("{place}: {what}"));
    }));
}

/// What this thread's last panic said, with its place.
pub(crate) fn last_panic() -> String {
    LAST_PANIC.with_borrow(String::clone)
}
