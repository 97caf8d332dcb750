//! What the clients of a target really run with.

use std::sync::{Mutex, PoisonError};

use super::facts::ClientProperties;

/// The properties of the clients made so far; one of each kind.
#[derive(Debug, Default)]
pub(super) struct AppliedProperties(Mutex<Vec<ClientProperties>>);

impl AppliedProperties {
    /// Notes what a client runs with, if it is the first of its kind.
    pub(super) fn note(&self, applied: ClientProperties) {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.iter().all(|known| known.client != applied.client) {
            clients.push(applied);
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<ClientProperties> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
