//! The written form of a latency distribution.

use serde::{Deserialize, Serialize};

/// A latency distribution as it is written.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredLatency {
    pub(super) zero_or_negative: u64,
    pub(super) over_range: u64,
    pub(super) min_ns: i64,
    pub(super) max_ns: i64,
    /// As text: it may need more than the 64 bits that JSON's readers keep.
    pub(super) sum_ns: String,
    #[serde(default)]
    pub(super) never_delivered: u64,
    #[serde(default)]
    pub(super) waited_ns: i64,
    /// HdrHistogram's V2 encoding, deflated, in base64.
    pub(super) histogram: String,
}
