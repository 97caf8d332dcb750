//! The hosts' stalls, as every process has seen them: how much of one event's way they were no
//! process knows by itself, so they are held against the percentiles.

use crate::harness::part::{ConsumerPart, ProducerPart};
use crate::result::RunResult;

/// Lays the consumers' stalls on the producer's intervals: of each interval the longest.
pub(super) fn fill(result: &mut RunResult, producer: &ProducerPart, consumers: &[&ConsumerPart]) {
    for part in consumers {
        for (at, stall_ns) in part.stalls_ns.range(producer.start_interval..) {
            let place = usize::try_from(at - producer.start_interval).unwrap_or(usize::MAX);
            if let Some(row) = result.series.get_mut(place) {
                row.host_stall_ns = row.host_stall_ns.max(Some(*stall_ns));
            }
        }
    }
    let Some(hiccups) = &mut result.hiccups else { return };
    let measured = (0..).zip(&result.series).filter(|(at, _)| producer.measured.contains(at));
    for (_, row) in measured {
        let stall_ns = row.host_stall_ns.unwrap_or(0);
        if stall_ns > hiccups.longest_ns {
            (hiccups.longest_ns, hiccups.longest_at_s) = (stall_ns, row.from_s);
        }
    }
}

/// What has to stand above the numbers: stalls that fill a fifth of a printed percentile. What a
/// stall of 75 ms does to events that come all the time is what it does to time: one in 75 of its
/// moments waits for more than 74 ms.
pub(super) fn flag(result: &RunResult, producer: &ProducerPart) -> Option<String> {
    let measured = producer.measured.clone();
    let inside = (0..).zip(&result.series).filter(|(at, _)| measured.contains(at));
    let stalls: Vec<u64> = inside.filter_map(|(_, row)| row.host_stall_ns).collect();
    let measured_ns = measured.count() as f64 * producer.interval_ns as f64;
    result.stall_flag(&stalls, measured_ns)
}
