//! A latency distribution as the result keeps it: percentiles to read, the histogram to merge.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::record::Latency;

/// One stage's latencies, in nanoseconds. A percentile without enough samples is `null`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LatencySummary {
    /// All samples.
    pub count: u64,
    /// Of these, at or below zero: no place in the histogram.
    pub zero_or_negative: u64,
    /// Of these, above an hour: no place in the histogram.
    pub over_range: u64,
    /// The least sample in nanoseconds, exact.
    pub min_ns: Option<i64>,
    /// The mean in nanoseconds, exact.
    pub mean_ns: Option<f64>,
    /// The median in nanoseconds; within 0.1 %, as all percentiles.
    pub p50_ns: Option<i64>,
    /// The 90th percentile in nanoseconds; `None` with fewer than 36 samples.
    pub p90_ns: Option<i64>,
    /// The 99th percentile in nanoseconds; `None` with fewer than 368 samples.
    pub p99_ns: Option<i64>,
    /// Below this, in nanoseconds, p99 lies in at most 2.5 of 100 cases: a bound by order
    /// statistics, as if the samples were independent. Those of a stall are not: runs are
    /// compared by repeating them, not by this.
    #[serde(default)]
    pub p99_low_ns: Option<i64>,
    /// Above this, in nanoseconds, p99 lies in at most 2.5 of 100 cases.
    #[serde(default)]
    pub p99_high_ns: Option<i64>,
    /// The 99.9th percentile in nanoseconds; `None` with fewer than 3,688 samples.
    pub p99_9_ns: Option<i64>,
    /// Below this, in nanoseconds, p99.9 lies in at most 2.5 of 100 cases.
    #[serde(default)]
    pub p99_9_low_ns: Option<i64>,
    /// Above this, in nanoseconds, p99.9 lies in at most 2.5 of 100 cases.
    #[serde(default)]
    pub p99_9_high_ns: Option<i64>,
    /// The 99.99th percentile in nanoseconds; `None` with fewer than 36,888 samples.
    pub p99_99_ns: Option<i64>,
    /// The greatest sample in nanoseconds, exact.
    pub max_ns: Option<i64>,
    /// The whole histogram: HdrHistogram's V2 encoding, deflated, in base64.
    pub histogram: String,
}

impl LatencySummary {
    /// Sums a distribution up; nothing measured makes an empty summary.
    #[must_use]
    pub fn of(latency: Option<&Latency>) -> Self {
        let Some(latency) = latency else {
            return Self::default();
        };
        let p99 = latency.interval(0.99);
        let p99_9 = latency.interval(0.999);
        Self {
            count: latency.count(),
            zero_or_negative: latency.zero_or_negative(),
            over_range: latency.over_range(),
            min_ns: latency.min(),
            mean_ns: latency.mean(),
            p50_ns: latency.percentile(0.5),
            p90_ns: latency.percentile(0.9),
            p99_ns: latency.percentile(0.99),
            p99_low_ns: p99.map(|(low, _)| low),
            p99_high_ns: p99.map(|(_, high)| high),
            p99_9_ns: latency.percentile(0.999),
            p99_9_low_ns: p99_9.map(|(low, _)| low),
            p99_9_high_ns: p99_9.map(|(_, high)| high),
            p99_99_ns: latency.percentile(0.9999),
            max_ns: latency.max(),
            histogram: STANDARD.encode(latency.encoded()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::serialization::Deserializer;

    /// Rule 9 of honest measuring: with 3,000 samples there is a p99 with its bounds, no p99.9.
    #[test]
    fn a_percentile_comes_with_its_bounds_or_not_at_all() {
        let mut latency = Latency::default();
        (1..=3_000).for_each(|value| latency.record(value * 1_000));
        let summary = LatencySummary::of(Some(&latency));
        let (low, p99) = (summary.p99_low_ns.unwrap(), summary.p99_ns.unwrap());
        let high = summary.p99_high_ns.unwrap();
        assert!(2_950_000 < low && low < p99 && p99 < high && high < 2_990_000, "{low} {high}");
        assert_eq!(
            (summary.p99_9_ns, summary.p99_9_high_ns, summary.p99_99_ns),
            (None, None, None)
        );
    }

    #[test]
    fn the_histogram_comes_back_whole() {
        let mut latency = Latency::default();
        for value in 1..=5_000 {
            latency.record(value * 1_000);
        }
        let summary = LatencySummary::of(Some(&latency));
        let bytes = STANDARD.decode(&summary.histogram).unwrap();
        let back: hdrhistogram::Histogram<u64> =
            Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
        assert_eq!(&back, latency.histogram());
        assert_eq!((summary.count, summary.max_ns), (5_000, Some(5_000_000)));
        assert_eq!(summary.p99_99_ns, None, "5,000 samples are too few");
    }
}
