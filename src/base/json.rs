//! JSON as a person may read it, too.

use serde::Serialize;

use super::error::{Error, Result};

/// A value over several lines; `what` it is, for the error.
///
/// # Errors
/// [`Error::Internal`] when the value can't be written: only a bug can do that.
pub fn pretty<T: Serialize + ?Sized>(value: &T, what: &str) -> Result<String> {
    serde_json::to_string_pretty(value).map_err(|error| cant(what, &error))
}

/// A value in one line.
///
/// # Errors
/// As [`pretty`].
pub fn line<T: Serialize + ?Sized>(value: &T, what: &str) -> Result<String> {
    serde_json::to_string(value).map_err(|error| cant(what, &error))
}

fn cant(what: &str, error: &serde_json::Error) -> Error {
    Error::Internal(format!("writing the {what}: {error}"))
}
