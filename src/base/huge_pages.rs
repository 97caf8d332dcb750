//! Memory for large tables: in huge pages where the system gives them to who asks, and brought
//! into the cache before it is needed.
//!
//! A table of a million users is looked up at random, and with pages of 4 KiB nearly each look-up
//! misses the processor's cache of page addresses as well. Linux gives huge pages to memory that
//! asks for it ("madvise" in /sys/kernel/mm/transparent_hugepage/enabled, the usual setting);
//! elsewhere, and for small tables, this is the usual allocator.

use std::alloc::Layout;
use std::ptr::NonNull;

use allocator_api2::alloc::{AllocError, Allocator, Global};

/// A huge page of x86-64, and of AArch64 with pages of 4 KiB.
const HUGE_PAGE_BYTES: usize = 2 * 1024 * 1024;

/// The unit in which memory comes into the cache, of x86-64 and most others.
const CACHE_LINE_BYTES: usize = 64;

/// Asks for a value to be brought into the cache, and does not wait for it.
#[inline]
pub(crate) fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let first = std::ptr::from_ref(value).cast::<i8>();
        // The last line too: values begin anywhere in a line.
        for offset in (0..size_of::<T>()).step_by(CACHE_LINE_BYTES).chain([size_of::<T>() - 1]) {
            // SAFETY: a hint, which reads nothing and never faults; the place is in the value.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(first.add(offset)) };
        }
    }
    // Elsewhere stable Rust has no such instruction, and a look-up waits.
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (value, CACHE_LINE_BYTES);
}

/// The allocator of tables that may become large.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct HugePages;

/// The place that is asked for, which is one of whole huge pages if it is as large as two.
fn aligned(layout: Layout) -> Layout {
    match layout.size() < 2 * HUGE_PAGE_BYTES {
        true => layout,
        false => layout.align_to(HUGE_PAGE_BYTES).map_or(layout, |layout| layout.pad_to_align()),
    }
}

// SAFETY: all memory is `Global`'s, which is given back what it gave, with the layout that it was
// asked for: `aligned` says the same for the same layout. `grow` and `shrink` are the provided
// ones, which allocate, copy and deallocate by these two.
unsafe impl Allocator for HugePages {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let asked = aligned(layout);
        let memory = Global.allocate(asked)?;
        if asked.align() == HUGE_PAGE_BYTES {
            advise(memory);
        }
        Ok(memory)
    }

    unsafe fn deallocate(&self, memory: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise, and the layout of `allocate`.
        unsafe { Global.deallocate(memory, aligned(layout)) }
    }
}

#[cfg(target_os = "linux")]
fn advise(memory: NonNull<[u8]>) {
    // SAFETY: it begins with a page and is ours; what is asked changes no content. A kernel that
    // has no such pages says no, and nothing is lost.
    let _ = unsafe { libc::madvise(memory.as_ptr().cast(), memory.len(), libc::MADV_HUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn advise(_: NonNull<[u8]>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_any_size_is_given_written_and_given_back() {
        for bytes in [1, 4_096, 2 * HUGE_PAGE_BYTES - 1, 2 * HUGE_PAGE_BYTES, 9_999_999] {
            let layout = Layout::from_size_align(bytes, 16).unwrap();
            let memory = HugePages.allocate(layout).unwrap();
            let start = memory.as_ptr().cast::<u8>();
            let is_large = bytes >= 2 * HUGE_PAGE_BYTES;
            assert!(!is_large || start.addr().is_multiple_of(HUGE_PAGE_BYTES), "{bytes}");
            assert!(memory.len() >= bytes);
            // SAFETY: the memory is that long, and given back once, as it was asked for.
            unsafe {
                start.write_bytes(7, bytes);
                assert_eq!(start.add(bytes - 1).read(), 7);
                HugePages.deallocate(memory.cast(), layout);
            }
        }
    }
}
