//! What should stay as it is while the load does: latencies, memory, the wall clock.

use std::ops::Range;

use crate::measure::drift::{POINTS_MIN, trend};
use crate::measure::latency::Reading;
use crate::plan::metric::Statistic;
use crate::plan::{LoadPlan, Shape};
use crate::result::Interval;
use crate::result::self_watch::{Drift, Growth};

/// How often an interval may miss the truth, over all applications of a run together.
const ALPHA: f64 = 0.05;

/// Shortest stretch that is looked at: a shorter one is about how a run begins.
const STRETCH_MIN_NS: u64 = 20_000_000_000;

/// The drift of every application over every stretch in which the rate is constant; `series` are
/// the run's intervals, `names` the applications.
pub(in crate::run) fn drifts(
    steady: &[Range<u64>],
    interval_ns: u64,
    series: &[Interval],
    names: &[String],
) -> Vec<Drift> {
    let alpha = ALPHA / (steady.len() * names.len()).max(1) as f64;
    let interval_ns = interval_ns.max(1);
    let mut found = Vec::new();
    for stretch in steady {
        let rows = stretch.start.div_ceil(interval_ns)..stretch.end / interval_ns;
        let rows = usize::try_from(rows.start).unwrap_or(usize::MAX)
            ..usize::try_from(rows.end).unwrap_or(usize::MAX).min(series.len());
        for (place, app) in names.iter().enumerate() {
            let point = |row: &Interval| {
                let p50_ns = match row.apps.get(place)?.reading(Statistic::P50) {
                    Reading::TooFew => return None,
                    // At least that, and left out it would look as if nothing had changed.
                    Reading::Value(ns) | Reading::Endless(ns) => ns,
                };
                Some((row.from_s, p50_ns as f64))
            };
            let rows = series.get(rows.clone()).unwrap_or_default();
            let points: Vec<_> = rows.iter().filter_map(point).collect();
            let trend = (points.len() >= POINTS_MIN).then(|| trend(&points, alpha)).flatten();
            let Some(trend) = trend.filter(|trend| trend.middle > 0.0) else {
                continue;
            };
            let percent = |slope: f64| slope * 60.0 / trend.middle * 100.0;
            found.push(Drift {
                app: app.clone(),
                from_s: stretch.start as f64 / 1e9,
                to_s: stretch.end as f64 / 1e9,
                percent_per_min: percent(trend.slope),
                low_percent_per_min: percent(trend.low),
                high_percent_per_min: percent(trend.high),
            });
        }
    }
    found
}

/// The stretches of the measured part in which the rate is constant and not 0, long enough.
pub(in crate::run) fn steady(load: &LoadPlan) -> Vec<Range<u64>> {
    let mut found: Vec<(f64, Range<u64>)> = Vec::new();
    let mut at_ns = 0;
    for phase in &load.phases {
        for segment in &phase.segments {
            let from_ns = at_ns;
            at_ns += segment.duration_ns;
            let Shape::Linear { from_per_s, to_per_s } = segment.shape else { continue };
            let is_constant = from_per_s.total_cmp(&to_per_s).is_eq() && from_per_s > 0.0;
            if phase.warmup || !is_constant {
                continue;
            }
            match found.last_mut() {
                Some((rate, range))
                    if range.end == from_ns && rate.total_cmp(&from_per_s).is_eq() =>
                {
                    range.end = at_ns;
                }
                _ => found.push((from_per_s, from_ns..at_ns)),
            }
        }
    }
    let long = |range: &Range<u64>| range.end - range.start >= STRETCH_MIN_NS;
    found.into_iter().map(|(_, range)| range).filter(long).collect()
}

/// The growth of (seconds, bytes), with a look each second; `None` in a short run.
pub(super) fn growth(memory: &[(f64, f64)], left_bytes: u64) -> Option<Growth> {
    let half = &memory[memory.len() / 2..];
    let trend = (half.len() >= POINTS_MIN).then(|| trend(half, ALPHA)).flatten()?;
    Some(Growth { bytes_per_s: trend.slope, low_bytes_per_s: trend.low, left_bytes })
}

/// Steps of the wall clock, by looks at how far it is from the monotonic one.
#[derive(Debug, Default)]
pub(super) struct Steps {
    last_us: Option<i64>,
    worst_us: i64,
}

impl Steps {
    /// One look: how far the wall clock lies from where the monotonic one says, in µs.
    pub(super) fn look(&mut self, off_us: i64) {
        let step_us = off_us - self.last_us.replace(off_us).unwrap_or(off_us);
        if step_us.abs() > self.worst_us.abs() {
            self.worst_us = step_us;
        }
    }

    /// The greatest change between two looks, in µs.
    pub(super) const fn worst_us(&self) -> i64 {
        self.worst_us
    }
}

#[cfg(test)]
mod tests;
