//! A topic read by partition and offset: without a group, and without a trace in one.

mod newest;
pub mod scan;

use std::time::Duration;

use crate::base::error::Result;
use crate::workers::produce::{NextRecord, RecordRef, RecordStream};

/// A part of one partition, by offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct OffsetRange {
    /// Which partition.
    pub partition: i32,
    /// The first offset to read.
    pub from: i64,
    /// The offset to end before; not below `from`.
    pub until: i64,
}

impl OffsetRange {
    /// How many offsets it has; a compacted topic holds fewer records.
    #[must_use]
    pub fn offsets(&self) -> u64 {
        u64::try_from(self.until.saturating_sub(self.from)).unwrap_or(0)
    }

    /// All of every partition, of which the first offset and the one behind the last are given.
    #[must_use]
    pub fn whole(spans: &[(i64, i64)]) -> Vec<Self> {
        let one = |(partition, &(from, until))| Self { partition, from, until };
        (0..).zip(spans).map(one).collect()
    }
}

/// How a client gets at the records of one topic. What of it is wanted, and when a partition is
/// read, is for [`TopicReader`] to say.
pub trait TopicLog: Send {
    /// The first offset of each partition, and the one behind its last.
    ///
    /// # Errors
    /// [`Broker`](crate::base::error::Error::Broker) when the topic is not there, or nobody
    /// answers.
    fn spans(&self) -> Result<Vec<(i64, i64)>>;

    /// The same of one partition, asked once. What may be better the next time is an answer, too:
    /// why there is none yet.
    ///
    /// # Errors
    /// [`Broker`](crate::base::error::Error::Broker) when it can't be read any further.
    fn span(&self, partition: i32, wait: Duration) -> Result<Result<(i64, i64), String>>;

    /// Of so many partitions the first offset whose record has Kafka's timestamp `at_ms` or a later
    /// one; `None` where none has.
    ///
    /// # Errors
    /// [`Broker`](crate::base::error::Error::Broker) when nobody answers.
    fn offsets_at(&self, partitions: usize, at_ms: i64) -> Result<Vec<Option<i64>>>;

    /// Reads from these offsets on, each with its partition, and nothing else; `is_apart` where
    /// each partition is asked for by itself, and what is fetched of the others must be bounded.
    ///
    /// # Errors
    /// [`Broker`](crate::base::error::Error::Broker) when a partition can't be read.
    fn seek(&mut self, starts: &[(i32, i64)], is_apart: bool) -> Result<()>;

    /// Calls `each` with the next record and its partition: of the start in that place, where they
    /// are read apart, else of any. Offsets of one partition rise; some may lie before its start.
    ///
    /// # Errors
    /// [`Broker`](crate::base::error::Error::Broker) when the topic can't be read any further.
    fn next(
        &mut self,
        place: Option<usize>,
        wait: Duration,
        each: &mut dyn FnMut(i32, &RecordRef<'_>),
    ) -> Result<LogStep>;

    /// Reads nothing more of a partition, however much somebody adds to it.
    ///
    /// # Errors
    /// [`Broker`](crate::base::error::Error::Broker) when the client refuses.
    fn stop(&mut self, partition: i32) -> Result<()>;

    /// How long the log must stand still before its end is believed.
    fn quiet(&self) -> Duration;

    /// What was not there any more when it was to be read, in words.
    fn gone_words(&self, gone: &[OffsetRange]) -> String {
        let first = gone.first().map(|gone| (gone.from, gone.until - 1, gone.partition));
        let (from, last, partition) = first.unwrap_or_default();
        format!("records {from} to {last} of partition {partition} were deleted before")
    }
}

/// What one look for a record brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStep {
    /// A record.
    Record,
    /// This partition has no more: the rest was compacted away, or belongs to a transaction that
    /// is not committed.
    End(i32),
    /// None came in time.
    Nothing,
}

/// Parts of a topic, each read once and in the order of its offsets.
///
/// All together, as fast as they come: [`Self::read`] and [`Self::poll`]. One record of whichever
/// partition is wanted: [`Self::read_apart`], and as a [`RecordStream`]. To the end, however far
/// that moves: [`Self::scan`].
#[allow(missing_debug_implementations, reason = "holds a client")]
pub struct TopicReader {
    topic: String,
    log: Box<dyn TopicLog>,
    /// What is left of each.
    left: Vec<OffsetRange>,
    /// The place of each partition in `left`.
    places: Vec<Option<usize>>,
    /// How many have something left.
    open: usize,
}

impl TopicReader {
    /// Reads nothing yet.
    #[must_use]
    pub fn new(topic: &str, log: Box<dyn TopicLog>) -> Self {
        let (topic, left, places) = (topic.to_owned(), Vec::new(), Vec::new());
        Self { topic, log, left, places, open: 0 }
    }

    /// The topic's name.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Of each partition the first offset that is there, and the one behind its last.
    ///
    /// # Errors
    /// [`Broker`](crate::base::error::Error::Broker) when the topic is not there, or nobody
    /// answers.
    pub fn spans(&self) -> Result<Vec<(i64, i64)>> {
        self.log.spans()
    }

    /// Of each partition the first offset whose record has Kafka's timestamp `at_us` or a later
    /// one (microseconds since 1970, rounded up to Kafka's milliseconds); its end where none has.
    ///
    /// # Errors
    /// [`Broker`](crate::base::error::Error::Broker) when nobody answers.
    pub fn offsets_at(&self, at_us: i64, spans: &[(i64, i64)]) -> Result<Vec<i64>> {
        // Negative times stand for something else in the protocol.
        let at_ms = at_us.max(0).saturating_add(999) / 1_000;
        let found = self.log.offsets_at(spans.len(), at_ms)?.into_iter();
        let within = |(offset, &(start, end)): (Option<i64>, &(i64, i64))| {
            offset.map_or(end, |offset| offset.clamp(start, end))
        };
        Ok(found.zip(spans).map(within).collect())
    }

    /// Begins to read these ranges, all together; forgets what was left of others.
    ///
    /// # Errors
    /// [`Broker`](crate::base::error::Error::Broker) when they can't be read.
    pub fn read(&mut self, ranges: &[OffsetRange]) -> Result<()> {
        let some: Vec<OffsetRange> = ranges.iter().copied().filter(is_open).collect();
        self.seek(&some, false)
    }

    /// Begins to read these ranges, each when it is asked for: in a [`RecordStream`] they have the
    /// numbers of this order.
    ///
    /// # Errors
    /// [`Broker`](crate::base::error::Error::Broker) when they can't be read.
    pub fn read_apart(&mut self, ranges: &[OffsetRange]) -> Result<()> {
        self.seek(ranges, true)
    }

    fn seek(&mut self, ranges: &[OffsetRange], is_apart: bool) -> Result<()> {
        self.places.clear();
        for (place, range) in ranges.iter().enumerate() {
            let partition = usize::try_from(range.partition).unwrap_or(0);
            if self.places.len() <= partition {
                self.places.resize(partition + 1, None);
            }
            self.places[partition] = Some(place);
        }
        self.left = ranges.to_vec();
        self.open = ranges.iter().filter(|range| is_open(range)).count();
        let starts: Vec<_> = ranges.iter().map(|range| (range.partition, range.from)).collect();
        self.log.seek(&starts, is_apart)
    }

    /// What is left to read.
    pub fn left(&self) -> impl Iterator<Item = &OffsetRange> {
        self.left.iter().filter(|range| is_open(range))
    }

    /// Calls `each` with the partition of up to `max` records, waiting at most `wait` for the
    /// first; says how many there were.
    ///
    /// # Errors
    /// [`Broker`](crate::base::error::Error::Broker) when the topic can't be read any further.
    pub fn poll(
        &mut self,
        max: usize,
        wait: Duration,
        each: &mut dyn FnMut(i32, &RecordRef<'_>),
    ) -> Result<usize> {
        let (mut count, mut wait) = (0, wait);
        while count < max && self.open > 0 {
            let Self { log, left, places, .. } = self;
            let mut ended = None;
            let step = log.next(None, wait, &mut |partition, record| {
                let Some(range) = range_of(left, places, partition).filter(|it| is_open(it)) else {
                    return;
                };
                if record.offset + 1 >= range.until {
                    ended = Some(partition);
                }
                if record.offset >= range.from && record.offset < range.until {
                    // The last one is taken off when its partition is.
                    range.from = (record.offset + 1).min(range.until - 1);
                    count += 1;
                    each(partition, record);
                }
            })?;
            match step {
                LogStep::Record => wait = Duration::ZERO,
                LogStep::End(partition) => ended = Some(partition),
                LogStep::Nothing => break,
            }
            if let Some(partition) = ended {
                self.end(partition)?;
            }
        }
        Ok(count)
    }

    fn end(&mut self, partition: i32) -> Result<()> {
        let range = range_of(&mut self.left, &self.places, partition);
        let Some(range) = range.filter(|range| is_open(range)) else { return Ok(()) };
        range.from = range.until;
        self.open -= 1;
        self.log.stop(partition)
    }
}

fn is_open(range: &OffsetRange) -> bool {
    range.from < range.until
}

fn range_of<'r>(
    left: &'r mut [OffsetRange],
    places: &[Option<usize>],
    partition: i32,
) -> Option<&'r mut OffsetRange> {
    let place = *places.get(usize::try_from(partition).ok()?)?;
    left.get_mut(place?)
}

impl RecordStream for TopicReader {
    fn partitions(&self) -> usize {
        self.left.len()
    }

    fn next(
        &mut self,
        partition: usize,
        wait: Duration,
        each: &mut dyn FnMut(&RecordRef<'_>),
    ) -> Result<NextRecord> {
        let Some(range) = self.left.get_mut(partition).filter(|range| is_open(range)) else {
            return Ok(NextRecord::End);
        };
        let mut next = NextRecord::Nothing;
        let step = self.log.next(Some(partition), wait, &mut |_, record| {
            if record.offset < range.from {
                return;
            }
            range.from = record.offset + 1;
            next = NextRecord::End;
            if record.offset < range.until {
                next = NextRecord::Record;
                each(record);
            }
        })?;
        if matches!(step, LogStep::End(_)) {
            range.from = range.until;
            next = NextRecord::End;
        }
        Ok(next)
    }
}

#[cfg(test)]
mod tests;
