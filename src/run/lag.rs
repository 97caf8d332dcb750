//! Lag in seconds, from the history of where each partition ended and when.
//!
//! A group that has read a partition up to offset `o` is as late as that partition's end has been
//! beyond `o`: the time since its position was the log's end, which is the age of the oldest
//! acknowledged record that it has not processed. The group's lag is that of its latest
//! partition. Rates play no part in it, so it is true through bursts, pauses and after the end.
//!
//! "The end" is the last acknowledged offset, at the time when the receipt came; where the run
//! looked at two times, the records between them are taken to have come evenly.

use std::collections::VecDeque;

use super::workers::Workers;
use crate::result::end_lag::EndLag;

/// Most points that are kept of a partition; beyond them every second one goes, and what lies
/// between is interpolated. A group must lag by minutes to get there.
const POINTS_MAX: usize = 8_192;

/// Where every partition ended, and when.
#[derive(Debug, Default)]
pub(super) struct PartitionEnds {
    partitions: Vec<EndHistory>,
}

/// One partition: times and ends, both rising.
#[derive(Debug, Default)]
struct EndHistory {
    points: VecDeque<(u64, i64)>,
}

impl PartitionEnds {
    /// Notes where the partitions end at a time; times must not fall.
    pub(super) fn note(&mut self, now_ns: u64, ends: &[i64]) {
        if self.partitions.len() < ends.len() {
            self.partitions.resize_with(ends.len(), EndHistory::default);
        }
        for (line, end) in self.partitions.iter_mut().zip(ends) {
            line.note(now_ns, *end);
        }
    }

    /// How late a group is that has read so far: in seconds, of its latest partition.
    pub(super) fn lag_s(&self, now_ns: u64, positions: &[i64]) -> f64 {
        let late = self.partitions.iter().zip(positions);
        let late_ns = late.map(|(line, position)| line.late_ns(now_ns, *position)).max();
        late_ns.unwrap_or(0) as f64 / 1e9
    }

    /// Forgets what no group can be late by any more: `floors` are the positions of the latest.
    pub(super) fn forget(&mut self, floors: &[i64]) {
        for (line, floor) in self.partitions.iter_mut().zip(floors) {
            while line.points.get(1).is_some_and(|(_, end)| end <= floor) {
                line.points.pop_front();
            }
        }
    }
}

impl EndHistory {
    fn note(&mut self, now_ns: u64, end: i64) {
        let count = self.points.len();
        if let Some(&(_, last)) = self.points.back()
            && last == end
            && count >= 2
            && self.points[count - 2].1 == end
        {
            // It stands still: only the last time at which it did is of interest.
            self.points[count - 1].0 = now_ns;
            return;
        }
        self.points.push_back((now_ns, end));
        if self.points.len() > POINTS_MAX {
            let mut place = 0;
            let last = self.points.len() - 1;
            self.points.retain(|_| {
                place += 1;
                (place - 1) % 2 == 0 || place - 1 == last
            });
        }
    }

    fn late_ns(&self, now_ns: u64, position: i64) -> u64 {
        // The first look that found the end beyond the position.
        let place = self.points.partition_point(|(_, end)| *end <= position);
        let Some(&(to_ns, to)) = self.points.get(place) else {
            return 0;
        };
        let came_ns = match place.checked_sub(1).and_then(|before| self.points.get(before)) {
            Some(&(from_ns, from)) => {
                let share = (position + 1 - from) as f64 / (to - from) as f64;
                from_ns + ((to_ns - from_ns) as f64 * share) as u64
            }
            None => to_ns,
        };
        now_ns.saturating_sub(came_ns)
    }
}

/// Asks the broker where the partitions end, by `ask` with their number; `None` where nobody
/// answers, and where the receipts have no offsets (`acks=0`).
pub(super) fn at_end(
    crew: &Workers,
    ask: &mut dyn FnMut(usize) -> Option<Vec<i64>>,
) -> Option<EndLag> {
    let receipts = crew.receipts();
    let (mut acked_ends, records) = (receipts.ends(), receipts.records());
    if acked_ends.iter().zip(&records).any(|(end, count)| *count > 0 && *end <= 0) {
        return None;
    }
    let broker_ends = ask(acked_ends.len())?;
    for ((acked, broker), count) in acked_ends.iter_mut().zip(&broker_ends).zip(records) {
        if count == 0 {
            // It holds our probes, and on a topic that is used again what was there before.
            *acked = *broker;
        }
    }
    let behind = |ends: &[i64]| -> Vec<u64> {
        let lag = |positions: Vec<i64>| {
            let left = ends.iter().zip(positions).map(|(end, at)| u64::try_from(end - at));
            left.map(|left| left.unwrap_or(0)).sum()
        };
        crew.groups().iter().map(|group| lag(group.positions())).collect()
    };
    let (by_receipts, by_broker) = (behind(&acked_ends), behind(&broker_ends));
    let outstanding = crew.outstanding();
    Some(EndLag { by_receipts, by_broker, acked_ends, broker_ends, outstanding })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn it_is_the_age_of_the_oldest_unread_record() {
        let mut ends = PartitionEnds::default();
        for second in 0..=10 {
            ends.note(second * S, &[i64::try_from(second).unwrap() * 100]);
        }
        // Record 400 came with the hundred that came between 4 s and 5 s, as its first.
        assert!((ends.lag_s(10 * S, &[400]) - 5.99).abs() < 1e-6);
        assert!((ends.lag_s(10 * S, &[449]) - 5.50).abs() < 1e-6);
        assert!((ends.lag_s(12 * S, &[999]) - 2.0).abs() < 1e-6);
        assert!(ends.lag_s(10 * S, &[1_000]) <= 0.0);
        // A group may read what the producer has no receipt for yet.
        assert!(ends.lag_s(10 * S, &[1_020]) <= 0.0);
    }

    #[test]
    fn a_pause_of_the_load_does_not_age_what_came_after_it() {
        let mut ends = PartitionEnds::default();
        for tick in 0..=50 {
            ends.note(tick * S, &[100]);
        }
        ends.note(51 * S, &[200]);
        assert!((ends.lag_s(52 * S, &[100]) - 1.99).abs() < 1e-6);
        assert_eq!(ends.partitions[0].points.len(), 3);
        // By the rate of the second before it would be one second, by the mean 26.
        assert!((ends.lag_s(100 * S, &[0]) - 100.0).abs() < 1e-6);
    }

    #[test]
    fn the_latest_partition_decides() {
        let mut ends = PartitionEnds::default();
        ends.note(0, &[0, 0]);
        ends.note(S, &[1_000_000, 1]);
        ends.note(9 * S, &[1_000_000, 1]);
        // One record that nobody reads is later than none of a million.
        assert!((ends.lag_s(9 * S, &[1_000_000, 0]) - 8.0).abs() < 1e-6);
    }

    #[test]
    fn what_was_read_is_forgotten_and_a_long_history_is_thinned() {
        let mut ends = PartitionEnds::default();
        for tick in 0..40_000_u64 {
            ends.note(tick * S / 50, &[i64::try_from(tick).unwrap() * 20]);
        }
        assert!(ends.partitions[0].points.len() <= POINTS_MAX);
        let lag_s = ends.lag_s(39_999 * S / 50, &[20 * 5_000]);
        assert!((lag_s - 700.0).abs() < 0.2, "{lag_s}");
        ends.forget(&[20 * 39_990]);
        assert!(ends.partitions[0].points.len() < 20);
        let lag_s = ends.lag_s(39_999 * S / 50, &[20 * 39_990]);
        assert!((lag_s - 0.18).abs() < 0.1, "{lag_s}");
    }

    proptest! {
        /// Against the ages of the records themselves: off by one look at most.
        #[test]
        fn it_is_never_off_by_more_than_a_look(
            arrivals in prop::collection::vec(0_u64..50, 1..200),
            read in 0_usize..250,
        ) {
            let mut ends = PartitionEnds::default();
            let mut came = Vec::new();
            for (look, count) in (0_u64..).zip(&arrivals) {
                came.extend((0..*count).map(|_| look * S));
                ends.note(look * S, &[i64::try_from(came.len()).unwrap()]);
            }
            let now_ns = (arrivals.len() as u64 - 1) * S;
            let expected = came.get(read).map_or(0.0, |at| (now_ns - at) as f64 / 1e9);
            let found = ends.lag_s(now_ns, &[i64::try_from(read).unwrap()]);
            prop_assert!((found - expected).abs() <= 1.0, "{} for {}", found, expected);
        }
    }

    fn end_lag(acked: &[i64], broker: &[i64]) -> EndLag {
        let (acked_ends, broker_ends) = (acked.to_vec(), broker.to_vec());
        EndLag { acked_ends, broker_ends, ..EndLag::default() }
    }

    #[test]
    fn two_clerks_that_agree_say_nothing() {
        let lag = end_lag(&[10, 20], &[10, 20]);
        assert!(lag.faults().is_empty() && lag.flag(0).is_none());
        // What timed out and was written explains as many.
        assert!(end_lag(&[10, 20], &[12, 20]).flag(2).is_none());
    }

    #[test]
    fn a_stranger_s_records_are_flagged_and_a_broker_that_forgot_is_a_fault() {
        let flag = end_lag(&[10, 20], &[15, 20]).flag(1).unwrap().to_string();
        assert!(flag.starts_with("the broker holds 5 records behind"), "{flag}");
        let faults = end_lag(&[10, 20], &[15, 18]).faults();
        assert!(faults[0].starts_with("partition 1 ends at 18") && faults.len() == 1, "{faults:?}");
    }
}
