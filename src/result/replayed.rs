//! What a replay found: how fast each application read, and its answers.

use serde::Serialize;

use super::LatencySummary;
use crate::apps::Summary;
use crate::client::topic_reader::OffsetRange;
use crate::workers::consume::ReadCounts;

/// A topic, read again by some applications.
#[derive(Debug, Clone, Serialize)]
pub struct ReplayResult {
    /// kbench's version.
    pub kbench: String,
    /// Where the brokers are.
    pub bootstrap_servers: String,
    /// The topic.
    pub topic: String,
    /// What was read of it, by partition.
    pub partitions: Vec<OffsetRange>,
    /// The run whose events alone were read, in hexadecimal; `None` for everything.
    pub run: Option<String>,
    /// How fast: `max`, or `10x`.
    pub speed: String,
    /// The exit code of the signal that ended it early.
    pub interrupted_by: Option<u8>,
    /// Each application; they read at the same time, each with a thread and a client of its own.
    pub apps: Vec<Replayed>,
}

/// One application and what it read.
#[derive(Debug, Clone, Serialize)]
pub struct Replayed {
    /// Its name.
    pub app: String,
    /// Whether it came to the end.
    pub complete: bool,
    /// What kept it from its end, where that was not a signal.
    pub fault: Option<String>,
    /// The records by what became of them.
    pub read: ReadCounts,
    /// All records, but for `other_runs`.
    pub records: u64,
    /// Records that are not of the run that was asked for: passed over.
    pub other_runs: u64,
    /// Keys and values of `records`.
    pub bytes: u64,
    /// Offsets without a record: not reached, compacted away, or of transactions.
    pub left: u64,
    /// From the start to the first record: connecting and the first fetch.
    pub ready_s: f64,
    /// From the first record to the last.
    pub consume_s: f64,
    /// From the start to the last record; `None` when it did not come to the end.
    pub drain_s: Option<f64>,
    /// Records within `consume_s`; `None` for fewer than two.
    pub records_per_s: Option<f64>,
    /// Bytes within `consume_s`; `None` for fewer than two records.
    pub bytes_per_s: Option<f64>,
    /// How late the latest record was; `None` for a replay as fast as it goes.
    pub late_max_s: Option<f64>,
    /// Processed − polled, of events: parsing and the application's work.
    pub service: LatencySummary,
    /// How many users and rules the application points at.
    pub flags: u64,
    /// What the application has to say; of its flags only the first hundred, as in a run's result.
    pub summary: Summary,
}
