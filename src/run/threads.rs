//! Threads with names, and what they leave.

use std::thread::{self, JoinHandle};

use crate::base::error::{Error, Result};

pub(super) fn spawn<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|error| Error::io(format!("starting the thread {name}"), error))
}
