//! How new a topic's events are, by a look at its end.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::{OffsetRange, TopicReader, is_open};
use crate::base::error::{Error, Result};
use crate::event::codec::Codec;
use crate::workers::produce::time_us;

/// Records at a partition's end that are looked at for the newest time, before more of them.
const TAIL_RECORDS: i64 = 64;

/// How much further back the next look goes where there was no event.
const TAIL_GROWTH: i64 = 16;

/// Most records between two questions whether to go on.
const BATCH_RECORDS: usize = 1_024;

/// Longest wait for one record.
const WAIT: Duration = Duration::from_millis(50);

/// How long nothing may come.
const ANSWER: Duration = Duration::from_secs(10);

impl TopicReader {
    /// The newest time among the last events of each partition, in microseconds since 1970:
    /// looked for further and further back where the last records are no events. `None` when the
    /// topic holds no event. `go_on` is asked now and then.
    ///
    /// # Errors
    /// [`Error::Broker`] when the topic can't be read, and whatever `go_on` says.
    pub fn newest_us(
        &mut self,
        spans: &[(i64, i64)],
        codec: &dyn Codec,
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<Option<i64>> {
        let mut restamper = codec.restamper();
        let mut newest_us = None;
        let mut back = TAIL_RECORDS;
        let mut wanted: Vec<OffsetRange> =
            OffsetRange::whole(spans).into_iter().filter(is_open).collect();
        while !wanted.is_empty() {
            let from = |range: &OffsetRange| range.from.max(range.until.saturating_sub(back));
            let tails: Vec<OffsetRange> =
                wanted.iter().map(|range| OffsetRange { from: from(range), ..*range }).collect();
            self.read(&tails)?;
            let mut found = BTreeSet::new();
            let mut progress = Instant::now();
            while self.open > 0 {
                go_on()?;
                let before = self.open;
                let count = self.poll(BATCH_RECORDS, WAIT, &mut |partition, record| {
                    if let Some(at_us) = time_us(record, codec, &mut *restamper) {
                        newest_us = newest_us.max(Some(at_us));
                        found.insert(partition);
                    }
                })?;
                if count > 0 || self.open < before {
                    progress = Instant::now();
                } else if progress.elapsed() > ANSWER {
                    return Err(Error::Broker(format!(
                        "topic {}: no record came within {} s from partitions {:?}",
                        self.topic,
                        ANSWER.as_secs(),
                        self.left().map(|range| range.partition).collect::<Vec<_>>()
                    )));
                }
            }
            wanted.retain(|range| !found.contains(&range.partition) && from(range) > range.from);
            back = back.saturating_mul(TAIL_GROWTH);
        }
        Ok(newest_us)
    }
}
