//! A latency distribution as the result keeps it: percentiles to read, the histogram to merge.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::record::{Footing, Latency};

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
    /// On how many separate slow episodes p99 rests; `None` where the stage is not kept by interval,
    /// or the run is too short to tell.
    #[serde(default)]
    pub p99_rests_on: Option<Footing>,
    /// The 99.9th percentile in nanoseconds; `None` with fewer than 3,688 samples.
    pub p99_9_ns: Option<i64>,
    /// The same of p99.9.
    #[serde(default)]
    pub p99_9_rests_on: Option<Footing>,
    /// The 99.99th percentile in nanoseconds; `None` with fewer than 36,888 samples.
    pub p99_99_ns: Option<i64>,
    /// The same of p99.99.
    #[serde(default)]
    pub p99_99_rests_on: Option<Footing>,
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
        Self {
            count: latency.count(),
            zero_or_negative: latency.zero_or_negative(),
            over_range: latency.over_range(),
            min_ns: latency.min(),
            mean_ns: latency.mean(),
            p50_ns: latency.percentile(0.5),
            p90_ns: latency.percentile(0.9),
            p99_ns: latency.percentile(0.99),
            p99_9_ns: latency.percentile(0.999),
            p99_99_ns: latency.percentile(0.9999),
            max_ns: latency.max(),
            histogram: STANDARD.encode(latency.encoded()),
            ..Self::default()
        }
    }

    /// With what each percentile that has a value rests on, as `footing` says of a quantile.
    #[must_use]
    pub fn resting(mut self, mut footing: impl FnMut(f64) -> Option<Footing>) -> Self {
        self.p99_rests_on = self.p99_ns.and_then(|_| footing(0.99));
        self.p99_9_rests_on = self.p99_9_ns.and_then(|_| footing(0.999));
        self.p99_99_rests_on = self.p99_99_ns.and_then(|_| footing(0.9999));
        self
    }

    /// p99, p99.9 and p99.99, each with its name, its value and what it rests on.
    #[must_use]
    pub fn tail(&self) -> [(&'static str, Option<i64>, Option<&Footing>); 3] {
        [
            ("p99", self.p99_ns, self.p99_rests_on.as_ref()),
            ("p99.9", self.p99_9_ns, self.p99_9_rests_on.as_ref()),
            ("p99.99", self.p99_99_ns, self.p99_99_rests_on.as_ref()),
        ]
    }
}

/// The episodes that a percentile rests on, where they are too few to know it by: `1 episode`.
#[must_use]
pub fn episodes(footing: Option<&Footing>) -> Option<String> {
    let footing = footing.filter(|footing| !footing.is_enough)?;
    // Three and a half are not four.
    Some(match footing.episodes.floor() {
        few if few < 2.0 => "1 episode".to_owned(),
        few => format!("{few:.0} episodes"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::serialization::Deserializer;

    /// Rule 9 of honest measuring: with 3,000 samples there is a p99 and no p99.9.
    #[test]
    fn a_percentile_without_enough_samples_is_left_out_with_what_it_would_rest_on() {
        let mut latency = Latency::default();
        (1..=3_000).for_each(|value| latency.record(value * 1_000));
        let footing = Footing { above: 30, episodes: 1.9, independent: 190.0, is_enough: false };
        let summary = LatencySummary::of(Some(&latency)).resting(|_| Some(footing));
        assert!(summary.p99_ns.is_some());
        assert_eq!((summary.p99_9_ns, summary.p99_99_ns), (None, None));
        assert_eq!(summary.p99_rests_on, Some(footing));
        assert_eq!((summary.p99_9_rests_on, summary.p99_99_rests_on), (None, None));
        assert_eq!(episodes(summary.p99_rests_on.as_ref()).as_deref(), Some("1 episode"));
        let some = Footing { episodes: 3.6, independent: 360.0, ..footing };
        assert_eq!(episodes(Some(&some)).as_deref(), Some("3 episodes"));
        let enough = Footing { is_enough: true, ..some };
        assert_eq!((episodes(Some(&enough)), episodes(None)), (None, None));
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
