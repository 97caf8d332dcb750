//! Where a recording comes from, as the loops see it.

use std::time::Duration;

use crate::base::error::Result;

/// A recorded topic, read once from its start to where it ended when it was opened.
pub trait RecordStream: Send {
    /// How many partitions there are.
    fn partitions(&self) -> usize;

    /// Reads a partition's next record and calls `each` with it; waits at most `wait` for one.
    /// Reads nothing of other partitions: what it fetches of them ahead is bounded.
    ///
    /// # Errors
    /// When the recording can't be read any further.
    fn next(
        &mut self,
        partition: usize,
        wait: Duration,
        each: &mut dyn FnMut(&RecordRef<'_>),
    ) -> Result<NextRecord>;
}

/// How far one reading came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextRecord {
    /// There was a record.
    Record,
    /// None came in time.
    Nothing,
    /// The partition has no more.
    End,
}

/// One record of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// Its place in the partition.
    pub offset: i64,
    /// The record's key; `None` for a record without one.
    pub key: Option<&'a [u8]>,
    /// The value of the header that the codec keeps its stamp in; `None` without one, and where
    /// the stamp lies in the payload.
    pub header: Option<&'a [u8]>,
    /// The record's value; `None` for a tombstone.
    pub payload: Option<&'a [u8]>,
    /// Kafka's own time of the record, microseconds since 1970; `None` where it has none.
    pub at_us: Option<i64>,
}
