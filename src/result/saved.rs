//! A result and where it lies.

use std::path::PathBuf;

use super::RunResult;

/// A result and where it lies.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// The folder that holds `result.json`.
    pub folder: PathBuf,
    /// What it holds.
    pub result: RunResult,
}
