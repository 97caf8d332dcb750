//! The hosts' stalls, as every process has seen them: how much of one event's way they were no
//! process knows by itself, so they are held against the percentiles.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::result::RunResult;
use crate::result::flag::Flag;
use crate::run::merge::SendingPart;
use crate::run::parts::part::{ConsumerPart, ProducerPart};

/// Adds the consumers' stalls to the producer's: of each interval the longest.
pub(super) fn fill(sent: &mut SendingPart, producer: &ProducerPart, consumers: &[&ConsumerPart]) {
    for part in consumers {
        add(&mut sent.stalls_ns, producer.start_interval, &part.stalls_ns);
    }
    let longest = longest(&sent.stalls_ns, &producer.measured);
    if let (Some(hiccups), Some((longest_ns, at))) = (&mut sent.result.hiccups, longest)
        && longest_ns > hiccups.longest_ns
    {
        let at_s = at as f64 * producer.interval_ns as f64 / 1e9;
        (hiccups.longest_ns, hiccups.longest_at_s) = (longest_ns, at_s);
    }
}

/// Adds stalls by interval since 1970 to those of a schedule whose first interval is `first`.
fn add(own: &mut BTreeMap<u64, u64>, first: u64, stalls_ns: &BTreeMap<u64, u64>) {
    for (at, &stall_ns) in stalls_ns.range(first..) {
        let longest = own.entry(at - first).or_default();
        *longest = stall_ns.max(*longest);
    }
}

/// The longest stall of the measured intervals, and in which it was.
fn longest(stalls_ns: &BTreeMap<u64, u64>, measured: &Range<u64>) -> Option<(u64, u64)> {
    let inside = stalls_ns.range(measured.clone());
    inside.map(|(&at, &stall_ns)| (stall_ns, at)).max_by_key(|(stall_ns, _)| *stall_ns)
}

/// What the producer's own stalls did to its acknowledgements.
pub(super) fn of_sender(producer: &ProducerPart) -> Option<Flag> {
    producer.result.hiccups.as_ref()?.flag(&producer.result.stacks())
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
        let mut stalls = BTreeMap::from([(0, 90), (1, 5), (3, 1)]);
        add(&mut stalls, 1_000, &BTreeMap::from([(999, 800), (1_001, 7), (1_002, 6)]));
        add(&mut stalls, 1_000, &BTreeMap::from([(1_000, 2), (1_003, 70)]));
        assert_eq!(stalls, BTreeMap::from([(0, 90), (1, 7), (2, 6), (3, 70)]));
        assert_eq!(longest(&stalls, &(1..3)), Some((7, 1)), "the warm-up's do not count");
        assert_eq!(longest(&stalls, &(1..4)), Some((70, 3)));
    }
}
