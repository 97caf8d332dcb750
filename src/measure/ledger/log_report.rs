//! What the log itself has said.

use serde::{Deserialize, Serialize};

/// One reading of the run's part of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Rescan {
    /// Records that were read, of whoever.
    pub records: u64,
    /// Events of the run among them, each counted once.
    pub events: u64,
    /// Records whose event stands in the log at an earlier place too.
    pub doubled: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Why a part of the log was not read, and what was not found remains unsettled; `None` when
    /// all of it was read.
    pub cut_short: Option<String>,
}
