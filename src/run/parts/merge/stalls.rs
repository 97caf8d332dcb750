//! The hosts' stalls, as every process has seen them: how much of one event's way they were no
//! process knows by itself, so they are held against the percentiles.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::result::flag::Flag;
use crate::result::{Interval, RunResult};
use crate::run::parts::part::{ConsumerPart, ProducerPart};

/// Lays the consumers' stalls on the producer's intervals: of each interval the longest.
pub(super) fn fill(result: &mut RunResult, producer: &ProducerPart, consumers: &[&ConsumerPart]) {
    for part in consumers {
        lay(&mut result.series, producer.start_interval, &part.stalls_ns);
    }
    if let (Some(hiccups), Some((longest_ns, at_s))) =
        (&mut result.hiccups, longest(&result.series, &producer.measured))
        && longest_ns > hiccups.longest_ns
    {
        (hiccups.longest_ns, hiccups.longest_at_s) = (longest_ns, at_s);
    }
}

/// Lays stalls by interval since 1970 on a schedule whose first interval is `first`.
fn lay(series: &mut [Interval], first: u64, stalls_ns: &BTreeMap<u64, u64>) {
    for (at, row) in (first..).zip(series) {
        row.host_stall_ns = row.host_stall_ns.max(stalls_ns.get(&at).copied());
    }
}

/// The longest stall of the measured intervals, and when its interval begins, in seconds.
fn longest(series: &[Interval], measured: &Range<u64>) -> Option<(u64, f64)> {
    let inside = (0..).zip(series).filter(|(at, _)| measured.contains(at));
    let stalls = inside.filter_map(|(_, row)| Some((row.host_stall_ns?, row.from_s)));
    stalls.max_by_key(|(stall_ns, _)| *stall_ns)
}

/// What has to stand above the numbers: stalls that fill a fifth of a printed percentile. What a
/// stall of 75 ms does to events that come all the time is what it does to time: one in 75 of its
/// moments waits for more than 74 ms.
pub(super) fn flag(result: &RunResult, producer: &ProducerPart) -> Option<Flag> {
    let measured = producer.measured.clone();
    let inside = (0..).zip(&result.series).filter(|(at, _)| measured.contains(at));
    let stalls: Vec<u64> = inside.filter_map(|(_, row)| row.host_stall_ns).collect();
    let measured_ns = measured.count() as f64 * producer.interval_ns as f64;
    result.stall_flag(&stalls, measured_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_has_the_longest_stall_of_any_process() {
        let row = |at: u32, host_stall_ns| Interval {
            from_s: f64::from(at),
            host_stall_ns,
            ..Interval::default()
        };
        let mut series = vec![row(0, Some(90)), row(1, Some(5)), row(2, None), row(3, Some(1))];
        lay(&mut series, 1_000, &BTreeMap::from([(999, 800), (1_001, 7), (1_002, 6)]));
        lay(&mut series, 1_000, &BTreeMap::from([(1_000, 2), (1_003, 70), (1_004, 900)]));
        let found: Vec<_> = series.iter().map(|row| row.host_stall_ns).collect();
        assert_eq!(found, [Some(90), Some(7), Some(6), Some(70)]);
        assert_eq!(longest(&series, &(1..3)), Some((7, 1.0)), "the warm-up's do not count");
        assert_eq!(longest(&series, &(1..4)), Some((70, 3.0)));
    }
}
