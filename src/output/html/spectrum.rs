//! A latency distribution by percentile, from the histogram that a result keeps.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;

use crate::measure::latency;
use crate::result::LatencySummary;

/// Points for each halving of the distance to 100 %.
const POINTS_PER_HALVING: u32 = 4;

/// Where the curve goes: `1 / (1 - p)` and the latency in ms there. The last point is that of the
/// greatest sample, at the number of samples; where some were never delivered, at the share that
/// was. Empty without samples.
pub(super) fn spectrum(latency: &LatencySummary) -> Vec<[f64; 2]> {
    let Some(histogram) = decoded(&latency.histogram) else {
        return Vec::new();
    };
    let all = latency.count as f64;
    let mut points: Vec<[f64; 2]> = Vec::new();
    for value in histogram.iter_quantiles(POINTS_PER_HALVING) {
        // Samples at or below zero have no place in the histogram, and a rank all the same.
        let below = histogram.len() as f64 * value.quantile();
        let share = (below + latency.zero_or_negative as f64) / all;
        let at = if share >= 1.0 { all } else { (1.0 / (1.0 - share)).min(all) };
        let point = [at, value.value_iterated_to() as f64 / 1e6];
        if points.last().is_none_or(|last| last[0] < point[0]) {
            points.push(point);
        }
    }
    if let (Some(last), Some(max_ns)) = (points.last_mut(), latency.max_ns) {
        *last = [all.max(last[0]), max_ns as f64 / 1e6];
    }
    points
}

fn decoded(text: &str) -> Option<Histogram<u64>> {
    let bytes = STANDARD.decode(text).ok()?;
    latency::decoded(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::latency::Latency;

    #[test]
    fn the_curve_rises_to_the_greatest_sample() {
        let mut latency = Latency::default();
        for value in 1..=10_000 {
            latency.record(value * 1_000);
        }
        let points = spectrum(&LatencySummary::of(Some(&latency)));
        assert!(points.len() > 30 && points.is_sorted_by(|one, other| one[0] < other[0]));
        assert!(points.is_sorted_by(|one, other| one[1] <= other[1]));
        let at = |x: f64| points.iter().find(|point| point[0] >= x).unwrap()[1];
        assert!((at(2.0) - 5.0).abs() < 0.3, "the median is 5 ms: {}", at(2.0));
        assert!((at(100.0) - 9.9).abs() < 0.1, "p99 is 9.9 ms: {}", at(100.0));
        assert_eq!(points.last(), Some(&[10_000.0, 10.0]));
        assert_eq!(spectrum(&LatencySummary::default()), Vec::<[f64; 2]>::new());
        // A tenth was never delivered: the curve ends at p90 of what was offered.
        latency.never(1_111, 30_000_000_000);
        let points = spectrum(&LatencySummary::of(Some(&latency)));
        let [at, ms] = *points.last().unwrap();
        assert!((at - 10.0).abs() < 0.01 && (ms - 10.0).abs() < 0.02, "{at} {ms}");
    }
}
