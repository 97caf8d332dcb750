//! What a verdict rests on.

use super::slope::median;
use crate::result::{Interval, RunResult};

/// The share of the offered rate that may be left over.
pub(super) const LIMIT_SHARE: f64 = 0.005;

/// How often an interval may miss the truth, over the applications and the broker of a run.
pub(super) const ALPHA: f64 = 0.05;

/// Fewest intervals that a verdict rests on.
pub(super) const INTERVALS_MIN: usize = 10;

/// Shortest measured part that a verdict rests on: the longest cycle of a client by itself, that
/// of its commits, in seconds.
pub(super) const SPAN_MIN_S: f64 = 5.0;

/// A rate is constant where each interval's lies so near their median: this share of it, and so
/// many standard deviations of arrivals by chance.
pub(super) const LEVEL_SHARE: f64 = 0.1;

pub(super) const LEVEL_DEVIATIONS: f64 = 5.0;

/// The intervals that lie wholly within the measured part, as far as it came.
pub(super) fn measured(result: &RunResult) -> &[Interval] {
    let warm = result.phases.iter().filter(|phase| phase.warmup).map(|phase| phase.to_s);
    let (from_s, to_s) = (warm.fold(0.0, f64::max), result.schedule_end_s());
    let interval_s = result.interval_s();
    let end = result.series.partition_point(|row| row.from_s + interval_s <= to_s + 1e-6);
    let start = result.series.partition_point(|row| row.from_s < from_s - 1e-6).min(end);
    &result.series[start..end]
}

pub(super) fn is_level(offered: &[f64]) -> bool {
    let middle = median(offered);
    let reach = LEVEL_SHARE * middle + LEVEL_DEVIATIONS * middle.sqrt();
    offered.iter().all(|count| (count - middle).abs() <= reach)
}
