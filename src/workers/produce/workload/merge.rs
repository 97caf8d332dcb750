//! A recording's partitions as one stream of events in the order of their times.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use super::facts::facts;
use super::record_stream::{NextRecord, RecordRef, RecordStream};
use crate::base::error::Result;
use crate::event::PROBE_SHARD;
use crate::event::codec::{Codec, EventRestamper};
use crate::event::garbage::Garbage;
use crate::load::generate::EventFacts;

/// Most records without an event that are passed over before the caller gets its say.
const SKIP_MAX: usize = 1_024;

/// Recorded events in the order of their times, with one event of each partition in memory.
///
/// An event's time is its own `timestamp`, else Kafka's for the record; within a partition it
/// never goes back, since the order of a partition is what its readers rely on.
#[allow(missing_debug_implementations, reason = "holds a client")]
pub struct Merge {
    tape: Box<dyn RecordStream>,
    codec: &'static dyn Codec,
    restamper: Box<dyn EventRestamper>,
    /// Times beyond this one are not believed.
    last_us: i64,
    /// The next event of each partition.
    heads: Vec<Option<Head>>,
    order: BinaryHeap<Reverse<(i64, usize)>>,
    /// Partitions whose next event has to be read before the stream goes on.
    wanted: Vec<usize>,
    /// The last event's time, by partition.
    newest_us: Vec<i64>,
    counts: RecordingCounts,
}

/// What was found while reading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordingCounts {
    /// Records.
    pub records: u64,
    /// Those of kbench's own that only ask whether somebody reads.
    pub probes: u64,
    /// Records that are no events of the schema, by the reason.
    pub skipped: BTreeMap<String, u64>,
    /// Events whose record has another key than their `user_id`.
    pub other_keys: u64,
    /// Events with a time beyond the recording's end: due with the event before.
    pub disbelieved: u64,
}

impl RecordingCounts {
    /// How many events there were.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.records - self.probes - self.skipped.values().sum::<u64>()
    }
}

/// An event that is to be sent again.
#[derive(Debug)]
pub(super) struct Head {
    /// Microseconds since 1970.
    pub(super) at_us: i64,
    pub(super) facts: EventFacts,
    /// The key, and behind it the event without its stamp.
    pub(super) bytes: Box<[u8]>,
    pub(super) key_len: usize,
}

impl Merge {
    /// The stream of a tape of this codec's events, the last of them from `last_us` (microseconds
    /// since 1970).
    #[must_use]
    pub fn new(tape: Box<dyn RecordStream>, codec: &'static dyn Codec, last_us: i64) -> Self {
        let partitions = tape.partitions();
        Self {
            tape,
            codec,
            restamper: codec.restamper(),
            last_us,
            heads: (0..partitions).map(|_| None).collect(),
            order: BinaryHeap::new(),
            wanted: (0..partitions).rev().collect(),
            newest_us: vec![i64::MIN; partitions],
            counts: RecordingCounts::default(),
        }
    }

    /// Reads until the next event of the stream is known, waiting at most `wait` for a record;
    /// false when that was too short, or took many records that are no events.
    ///
    /// # Errors
    /// When the recording can't be read any further.
    pub fn ready(&mut self, wait: Duration) -> Result<bool> {
        for _ in 0..SKIP_MAX {
            let Some(&partition) = self.wanted.last() else {
                return Ok(true);
            };
            match self.read(partition, wait)? {
                NextRecord::Nothing => return Ok(false),
                NextRecord::End => drop(self.wanted.pop()),
                NextRecord::Record => {
                    if let Some(head) = &self.heads[partition] {
                        self.order.push(Reverse((head.at_us, partition)));
                        self.wanted.pop();
                    }
                }
            }
        }
        Ok(self.wanted.is_empty())
    }

    /// The time of the next event, once [`Merge::ready`]; `None` at the end.
    #[must_use]
    pub fn next_us(&self) -> Option<i64> {
        self.order.peek().map(|Reverse((at_us, _))| *at_us)
    }

    /// What the events are written by.
    pub(super) fn codec(&self) -> &'static dyn Codec {
        self.codec
    }

    /// What was found so far.
    #[must_use]
    pub fn counts(&self) -> &RecordingCounts {
        &self.counts
    }

    /// The next event, once [`Merge::ready`]; `None` at the end.
    pub(super) fn take(&mut self) -> Option<Head> {
        let Reverse((_, partition)) = self.order.pop()?;
        self.wanted.push(partition);
        self.heads[partition].take()
    }

    fn read(&mut self, partition: usize, wait: Duration) -> Result<NextRecord> {
        let Self { tape, codec, restamper, last_us, heads, newest_us, counts, .. } = self;
        tape.next(partition, wait, &mut |record| {
            counts.records += 1;
            if is_probe(record, *codec) {
                counts.probes += 1;
                return;
            }
            match head(record, &mut **restamper, counts) {
                Ok((mut head, at_us)) => {
                    let newest_us = &mut newest_us[partition];
                    match at_us {
                        Some(at_us) if at_us > *last_us => counts.disbelieved += 1,
                        Some(at_us) => *newest_us = at_us.max(*newest_us),
                        None => {}
                    }
                    head.at_us = *newest_us;
                    heads[partition] = Some(head);
                }
                Err(reason) => *counts.skipped.entry(reason).or_default() += 1,
            }
        })
    }
}

/// The event of a record and its time, or why it has none that can be sent.
fn head(
    record: &RecordRef<'_>,
    restamper: &mut dyn EventRestamper,
    counts: &mut RecordingCounts,
) -> Result<(Head, Option<i64>), String> {
    let payload = record.payload.ok_or("no payload")?;
    let recorded = restamper.take(record.header, payload).map_err(|garbage| match garbage {
        // Without the size: that would make a reason of each.
        Garbage::TooLarge(_) => "payload is too large".to_owned(),
        other => other.to_string(),
    })?;
    let event = &recorded.event;
    let user = event.user_id.as_bytes();
    let key = record.key.unwrap_or(user);
    counts.other_keys += u64::from(key != user);
    let mut bytes = Vec::with_capacity(key.len() + recorded.tail.len());
    bytes.extend_from_slice(key);
    bytes.extend_from_slice(recorded.tail);
    let head =
        Head { at_us: i64::MIN, facts: facts(event), bytes: bytes.into(), key_len: key.len() };
    Ok((head, recorded.at_us.or(record.at_us)))
}

/// The time of a record's event, in microseconds since 1970; `None` where it holds none that can
/// be sent, or no time.
#[must_use]
pub fn time_us(
    record: &RecordRef<'_>,
    codec: &dyn Codec,
    restamper: &mut dyn EventRestamper,
) -> Option<i64> {
    let recorded = record.payload.filter(|_| !is_probe(record, codec))?;
    restamper.take(record.header, recorded).ok()?.at_us.or(record.at_us)
}

fn is_probe(record: &RecordRef<'_>, codec: &dyn Codec) -> bool {
    codec.stamp(record.header, record.payload).is_some_and(|own| own.shard == PROBE_SHARD)
}
