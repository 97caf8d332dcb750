//! The newest of what the clients of a target complain about, in one line.

use std::sync::{Arc, Mutex, PoisonError};

/// Shared by the clients of a target; one that makes progress takes its complaint back.
#[derive(Debug, Clone, Default)]
pub(super) struct Complaint(Arc<Mutex<Option<String>>>);

impl Complaint {
    /// Says why there is no progress, or that there is some again.
    pub(super) fn set(&self, why: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// The newest one.
    pub(super) fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
