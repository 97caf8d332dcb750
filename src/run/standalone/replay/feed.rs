//! Where a replay's records come from: as fast as they are there, or at the times of their events.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use crate::base::clock::{Clock, wall_clock_us};
use crate::base::error::Result;
use crate::client::topic_reader::TopicReader;
use crate::event::codec::{Codec, EventRestamper};
use crate::workers::produce::{NextRecord, RecordRef, RecordStream, time_us};

/// How far ahead of the clock an event's time may be; one beyond comes with the event before it.
const AHEAD_MAX_US: i64 = 3_600_000_000;

/// What one look for records brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Polled {
    /// So many.
    Records(usize),
    /// None came in time.
    Nothing,
    /// The next one is there and due in so many nanoseconds.
    Waiting(u64),
    /// There are no more.
    End,
}

/// Records of several partitions, each partition's in the order of its offsets.
pub(super) trait RecordFeed {
    /// Calls `each` with the partition of up to `max` records; takes about `wait` at most.
    fn poll(
        &mut self,
        max: usize,
        wait: Duration,
        each: &mut dyn FnMut(i32, &RecordRef<'_>),
    ) -> Result<Polled>;

    /// The partitions of which something is left to read.
    fn left(&self) -> Vec<i32>;

    /// How late the latest record was, where records have a time at which they are due.
    fn late_max_ns(&self) -> Option<u64> {
        None
    }
}

impl RecordFeed for TopicReader {
    fn poll(
        &mut self,
        max: usize,
        wait: Duration,
        each: &mut dyn FnMut(i32, &RecordRef<'_>),
    ) -> Result<Polled> {
        let count = TopicReader::poll(self, max, wait, each)?;
        Ok(match count {
            0 if TopicReader::left(self).next().is_none() => Polled::End,
            0 => Polled::Nothing,
            count => Polled::Records(count),
        })
    }

    fn left(&self) -> Vec<i32> {
        TopicReader::left(self).map(|range| range.partition).collect()
    }
}

/// All partitions in the order of their events' times, and each record when it is due. The first
/// event is due at once.
///
/// A record without a time (a probe, or what is not an event) comes right behind the one before it
/// in its partition. Within a partition time never goes back.
pub(super) struct Paced {
    tape: Box<dyn RecordStream>,
    clock: Arc<dyn Clock>,
    times: f64,
    lanes: Vec<FeedPartition>,
    order: BinaryHeap<Reverse<(i64, usize)>>,
    /// Lanes whose next record has to be read before anything goes on.
    wanted: Vec<usize>,
    /// The first event's time, and when it came.
    origin: Option<(i64, u64)>,
    late_max_ns: u64,
    codec: &'static dyn Codec,
    restamper: Box<dyn EventRestamper>,
    last_us: i64,
}

struct FeedPartition {
    partition: i32,
    ended: bool,
    newest_us: i64,
    held: HeldRecord,
}

/// A record that waits for its time.
#[derive(Default)]
struct HeldRecord {
    offset: i64,
    key: Option<Vec<u8>>,
    header: Option<Vec<u8>>,
    payload: Option<Vec<u8>>,
    at_us: Option<i64>,
}

impl Paced {
    /// `partitions` are the numbers of the tape's, `times` how many times as fast as recorded.
    pub(super) fn new(
        tape: Box<dyn RecordStream>,
        partitions: &[i32],
        times: f64,
        codec: &'static dyn Codec,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let lane = |&partition: &i32| FeedPartition {
            partition,
            ended: false,
            newest_us: i64::MIN,
            held: HeldRecord::default(),
        };
        Self {
            tape,
            clock,
            times,
            lanes: partitions.iter().map(lane).collect(),
            order: BinaryHeap::new(),
            wanted: (0..partitions.len()).collect(),
            origin: None,
            late_max_ns: 0,
            codec,
            restamper: codec.restamper(),
            last_us: wall_clock_us().saturating_add(AHEAD_MAX_US),
        }
    }

    /// Reads the next record of each lane that has none. Says whether all have one, or ended.
    fn fill(&mut self, wait: Duration) -> Result<bool> {
        while let Some(&place) = self.wanted.last() {
            let Self { tape, lanes, codec, restamper, last_us, .. } = self;
            let lane = &mut lanes[place];
            let step = tape.next(place, wait, &mut |record| {
                let at_us = time_us(record, *codec, &mut **restamper);
                if let Some(at_us) = at_us.filter(|at_us| at_us <= last_us) {
                    lane.newest_us = lane.newest_us.max(at_us);
                }
                lane.held = HeldRecord {
                    offset: record.offset,
                    key: record.key.map(<[u8]>::to_vec),
                    header: record.header.map(<[u8]>::to_vec),
                    payload: record.payload.map(<[u8]>::to_vec),
                    at_us: record.at_us,
                };
            })?;
            match step {
                NextRecord::Record => self.order.push(Reverse((lane.newest_us, place))),
                NextRecord::End => lane.ended = true,
                NextRecord::Nothing => return Ok(false),
            }
            self.wanted.pop();
        }
        Ok(true)
    }

    /// When a record of that time is due; one without a time is due at once.
    fn due_ns(&mut self, at_us: i64, now_ns: u64) -> u64 {
        if at_us == i64::MIN {
            return now_ns;
        }
        let &mut (first_us, first_ns) = self.origin.get_or_insert((at_us, now_ns));
        let since_us = at_us.saturating_sub(first_us).max(0) as f64;
        first_ns.saturating_add((since_us * 1_000.0 / self.times) as u64)
    }
}

impl RecordFeed for Paced {
    fn poll(
        &mut self,
        max: usize,
        wait: Duration,
        each: &mut dyn FnMut(i32, &RecordRef<'_>),
    ) -> Result<Polled> {
        let wait_ns = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        let mut count = 0;
        let so_far = |count, otherwise| if count > 0 { Polled::Records(count) } else { otherwise };
        while count < max {
            if !self.fill(wait)? {
                return Ok(so_far(count, Polled::Nothing));
            }
            let Some(&Reverse((at_us, place))) = self.order.peek() else {
                return Ok(so_far(count, Polled::End));
            };
            let mut now_ns = self.clock.now_ns();
            let due_ns = self.due_ns(at_us, now_ns);
            if due_ns > now_ns {
                if count > 0 {
                    break;
                }
                self.clock.sleep_until_ns(due_ns.min(now_ns.saturating_add(wait_ns)));
                now_ns = self.clock.now_ns();
                if due_ns > now_ns {
                    return Ok(Polled::Waiting(due_ns - now_ns));
                }
            }
            self.late_max_ns = self.late_max_ns.max(now_ns - due_ns);
            self.order.pop();
            let FeedPartition { partition, held, .. } = &self.lanes[place];
            let record = RecordRef {
                offset: held.offset,
                key: held.key.as_deref(),
                header: held.header.as_deref(),
                payload: held.payload.as_deref(),
                at_us: held.at_us,
            };
            each(*partition, &record);
            self.wanted.push(place);
            count += 1;
        }
        Ok(Polled::Records(count))
    }

    fn left(&self) -> Vec<i32> {
        self.lanes.iter().filter(|lane| !lane.ended).map(|lane| lane.partition).collect()
    }

    fn late_max_ns(&self) -> Option<u64> {
        Some(self.late_max_ns)
    }
}

#[cfg(test)]
mod tests;
