//! The records of a loopback, read once more.

use std::sync::Arc;
use std::time::Duration;

use super::log::LoopbackTopic;
use crate::base::error::Result;
use crate::client::topic_reader::{LogStep, OffsetRange, TopicLog};
use crate::workers::produce::RecordRef;

/// A loopback's log, with a cursor for each partition that is read.
pub(super) struct LoopbackTopicLog {
    topic: Arc<LoopbackTopic>,
    cursors: Vec<LoopbackCursor>,
}

struct LoopbackCursor {
    partition: i32,
    next: i64,
    stopped: bool,
}

impl LoopbackTopicLog {
    pub(super) fn new(topic: Arc<LoopbackTopic>) -> Self {
        Self { topic, cursors: Vec::new() }
    }
}

impl TopicLog for LoopbackTopicLog {
    fn spans(&self) -> Result<Vec<(i64, i64)>> {
        let log = self.topic.lock();
        Ok(log.partitions.iter().map(|partition| (partition.start, partition.end())).collect())
    }

    fn span(&self, partition: i32, _wait: Duration) -> Result<Result<(i64, i64), String>> {
        let spans = self.spans()?;
        let span = usize::try_from(partition).ok().and_then(|place| spans.get(place).copied());
        Ok(span.ok_or_else(|| "there is no such partition".to_owned()))
    }

    /// Its records have no time but the events' own.
    fn offsets_at(&self, partitions: usize, _at_ms: i64) -> Result<Vec<Option<i64>>> {
        Ok(vec![None; partitions])
    }

    fn seek(&mut self, starts: &[(i32, i64)], _is_apart: bool) -> Result<()> {
        let cursor = |&(partition, next)| LoopbackCursor { partition, next, stopped: false };
        self.cursors = starts.iter().map(cursor).collect();
        Ok(())
    }

    fn next(
        &mut self,
        place: Option<usize>,
        _wait: Duration,
        each: &mut dyn FnMut(i32, &RecordRef<'_>),
    ) -> Result<LogStep> {
        let cursor = match place {
            Some(place) => self.cursors.get_mut(place),
            None => self.cursors.iter_mut().find(|cursor| !cursor.stopped),
        };
        let Some(LoopbackCursor { partition, next, .. }) = cursor else {
            return Ok(LogStep::Nothing);
        };
        let bytes = {
            let log = self.topic.lock();
            let lies = usize::try_from(*partition).ok().and_then(|at| log.partitions.get(at));
            let Some(lies) = lies else { return Ok(LogStep::End(*partition)) };
            *next = lies.start.max(*next);
            lies.get(*next).map(|record| record.bytes.clone())
        };
        let Some(bytes) = bytes else { return Ok(LogStep::End(*partition)) };
        let offset = *next;
        *next += 1;
        let (header, payload) = (bytes.header.as_deref(), Some(&*bytes.payload));
        each(*partition, &RecordRef { offset, key: None, header, payload, at_us: None });
        Ok(LogStep::Record)
    }

    fn stop(&mut self, partition: i32) -> Result<()> {
        for cursor in self.cursors.iter_mut().filter(|cursor| cursor.partition == partition) {
            cursor.stopped = true;
        }
        Ok(())
    }

    /// Whoever writes here is done when the log is asked.
    fn quiet(&self) -> Duration {
        Duration::ZERO
    }

    fn gone_words(&self, gone: &[OffsetRange]) -> String {
        let gone: u64 = gone.iter().map(OffsetRange::offsets).sum();
        format!("{gone} records that every group had read were forgotten")
    }
}
