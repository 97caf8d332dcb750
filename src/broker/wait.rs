//! How a fetch waits for data without asking again and again.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::Notify;

/// One waiting fetch. Partitions tell it of appended bytes; it wakes when there are enough.
#[derive(Debug)]
pub(super) struct Waiter {
    missing_bytes: AtomicI64,
    notify: Notify,
}

impl Waiter {
    /// Waits for `missing_bytes` more.
    pub(super) fn new(missing_bytes: usize) -> Self {
        let missing_bytes = i64::try_from(missing_bytes).unwrap_or(i64::MAX);
        Self { missing_bytes: AtomicI64::new(missing_bytes), notify: Notify::new() }
    }

    /// Counts appended bytes; true when nothing is missing any more.
    pub(super) fn count(&self, bytes: usize) -> bool {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.missing_bytes.fetch_sub(bytes, Ordering::AcqRel) <= bytes
    }

    /// Ends the wait, now or when it begins.
    pub(super) fn wake(&self) {
        self.notify.notify_one();
    }

    /// Waits for [`Waiter::wake`].
    pub(super) async fn woken(&self) {
        self.notify.notified().await;
    }
}
