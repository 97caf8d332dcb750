//! Notes and times what an application by itself reads, so that it can be put together with what
//! the producer and the other applications have recorded.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::ReadCounts;
use super::membership::{AssignmentHistory, Membership};
use crate::apps::Summary;
use crate::base::clock::{Clock, SystemClock};
use crate::event::Arrival;
use crate::event::codec::Codec;
use crate::measure::latency::IntervalSamples;
use crate::measure::ledger::{Observations, Observed};

/// Watches one application in one process.
#[derive(Debug)]
pub struct ObservationRecorder {
    clock: Arc<SystemClock>,
    codec: &'static dyn Codec,
    interval_ns: u64,
    notes: Observations,
    diaries: BTreeMap<u32, IntervalSamples>,
    last: Option<(Summary, ReadCounts)>,
    assignments: AssignmentHistory,
}

/// What a [`ObservationRecorder`] leaves.
#[derive(Debug)]
pub struct Testimony {
    /// For the ledger.
    pub notes: Observations,
    /// By run: the pages of its [`IntervalSamples`], as JSON.
    pub pages: BTreeMap<u32, Vec<Box<RawValue>>>,
    /// What the application found and read; `None` when it did not come to its end.
    pub last: Option<(Summary, ReadCounts)>,
    /// How the member's partitions changed, likewise.
    pub assignments: AssignmentHistory,
}

impl ObservationRecorder {
    /// One that has seen nothing yet of this codec's events. The clock's dates are what latency
    /// counts from; its intervals are of so many ns.
    #[must_use]
    pub fn new(clock: Arc<SystemClock>, codec: &'static dyn Codec, interval_ns: u64) -> Self {
        let (notes, diaries) = Default::default();
        let (last, assignments) = Default::default();
        Self { clock, codec, interval_ns, notes, diaries, last, assignments }
    }

    /// Nanoseconds since 1970, by the date that the clock began with.
    #[must_use]
    pub fn now_ns(&self) -> i64 {
        let now_ns = i64::try_from(self.clock.now_ns()).unwrap_or(i64::MAX);
        self.clock.origin_wall_us().saturating_mul(1_000).saturating_add(now_ns)
    }

    /// Takes down a record that was polled at `polled_ns`, and has just been processed;
    /// `observed` says whether the application took it for an event.
    pub fn saw(&mut self, arrival: &Arrival<'_>, observed: bool, polled_ns: i64) {
        let stamp = self.codec.stamp(arrival.header, arrival.payload);
        let noted = self.notes.tick(arrival.partition, arrival.offset, stamp.as_ref());
        match (noted, stamp) {
            (Observed::First | Observed::Duplicate, Some(stamp)) => {
                if !observed {
                    self.notes.corrupt(stamp.run, arrival.partition, arrival.offset);
                }
                if noted == Observed::First {
                    let processed_ns = self.now_ns();
                    let interval_ns = self.interval_ns;
                    let diary = self
                        .diaries
                        .entry(stamp.run)
                        .or_insert_with(|| IntervalSamples::new(interval_ns));
                    let due_ns = stamp.due_wall_us.saturating_mul(1_000);
                    diary.consumed(due_ns, polled_ns, processed_ns);
                }
            }
            (Observed::Other, None) if !observed => self.notes.garbage += 1,
            _ => {}
        }
    }

    /// Takes down how the partitions of the member that read for it have changed, in ns since 1970.
    pub fn belonged(&mut self, membership: &Membership) {
        self.assignments = membership.history(self.now_ns());
    }

    /// Takes down what the application found at its end.
    pub fn finish(&mut self, summary: Summary, read: ReadCounts) {
        self.last = Some((summary, read));
    }

    /// All that was seen.
    #[must_use]
    pub fn testify(&mut self) -> Testimony {
        let diaries = std::mem::take(&mut self.diaries);
        Testimony {
            notes: std::mem::take(&mut self.notes),
            pages: diaries.into_iter().map(|(run, diary)| (run, diary.into_pages())).collect(),
            last: self.last.take(),
            assignments: std::mem::take(&mut self.assignments),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{arrival, stamped};
    use super::*;
    use crate::event::Stamp;
    use crate::event::format::JSON;
    use crate::measure::latency::SampleCell;

    #[test]
    fn its_time_is_that_of_its_clock_since_1970() {
        let clock = Arc::new(SystemClock::start());
        let witness = ObservationRecorder::new(clock.clone(), JSON, 1_000_000_000);
        let since_1970_ns = || clock.origin_wall_us() * 1_000 + clock.now_ns().cast_signed();
        let (before, now, after) = (since_1970_ns(), witness.now_ns(), since_1970_ns());
        assert!((before..=after).contains(&now), "{before} {now} {after}");
    }

    #[test]
    fn each_event_is_timed_once_and_what_the_application_could_not_read_is_noted() {
        let clock = Arc::new(SystemClock::start());
        let mut witness = ObservationRecorder::new(clock, JSON, 1_000_000_000);
        let stamp = |seq| Stamp { run: 4, shard: 0, seq, due_wall_us: 2_000_000 };
        let events = [0, 1, 2].map(|seq| stamped(&stamp(seq)));
        let [first, second, third] = events.each_ref().map(Vec::as_slice);
        let mut probe = Vec::new();
        JSON.probe(&stamp(0), &mut probe);
        let records: [(&[u8], bool); 8] = [
            (first, true),
            (second, false),
            (first, true),
            (first, true),
            (third, true),
            (b"{}", false),
            (&probe, false),
            (b"", false),
        ];
        for (offset, (payload, observed)) in (0..).zip(records) {
            let arrival = arrival(0, offset, None, Some(payload));
            witness.saw(&arrival, observed, 5_000_000_000);
        }
        let foreign = arrival(0, 8, None, Some(b"event"));
        witness.saw(&foreign, true, 5_000_000_000);
        let read = ReadCounts { events: 4, ..ReadCounts::default() };
        let (kind, plan) = super::super::tests::app("analytics");
        let summary = (kind.new)(&plan).summary();
        witness.finish(summary.clone(), read);
        let testimony = witness.testify();
        assert_eq!(testimony.last, Some((summary, read)));
        let (notes, run) = (&testimony.notes, &testimony.notes.runs[&4]);
        assert_eq!((run.corrupt.count(), run.doubles.count()), (1, 2));
        assert_eq!((notes.garbage, notes.foreign.count()), (2, 3));
        let pages = &testimony.pages[&4];
        let page: SampleCell = serde_json::from_str(pages[0].get()).unwrap();
        assert_eq!((pages.len(), page.due, page.processed.values().sum::<u64>()), (1, 2, 3));
        assert_eq!((page.arrival.count(), page.arrival.max()), (3, Some(3_000_000_000)));
    }
}
