//! One latency distribution: an HDR histogram, with what a histogram can't say beside it.

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};
use serde::{Deserialize, Serialize};

use super::stored::Stored;

/// Longest latency with a place in the histogram: one hour.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// Three significant digits: an error of at most 0.1 %.
const DIGITS: u8 = 3;

/// Samples of one stage.
///
/// Nothing is dropped and nothing is clipped: what lies at or below zero, or above one hour, is
/// counted apart and takes part in every rank. Minimum, maximum and sum are exact.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(into = "Stored", try_from = "Stored")]
pub struct Latency {
    pub(super) histogram: Histogram<u64>,
    pub(super) zero_or_negative: u64,
    pub(super) over_range: u64,
    pub(super) min_ns: i64,
    pub(super) max_ns: i64,
    pub(super) sum_ns: i128,
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            histogram: empty(),
            zero_or_negative: 0,
            over_range: 0,
            min_ns: i64::MAX,
            max_ns: i64::MIN,
            sum_ns: 0,
        }
    }
}

#[expect(clippy::expect_used, reason = "the bounds are constants, and legal")]
pub(super) fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_NS, DIGITS).expect("legal bounds")
}

impl Latency {
    /// Counts one sample, in nanoseconds.
    pub fn record(&mut self, value_ns: i64) {
        self.min_ns = self.min_ns.min(value_ns);
        self.max_ns = self.max_ns.max(value_ns);
        self.sum_ns += i128::from(value_ns);
        match u64::try_from(value_ns) {
            Ok(0) | Err(_) => self.zero_or_negative += 1,
            // By our own limit: the histogram has places up to the next power of two, and what is
            // above an hour must not depend on that.
            Ok(value_ns) if value_ns <= LONGEST_NS && self.histogram.record(value_ns).is_ok() => {}
            Ok(_) => self.over_range += 1,
        }
    }

    /// Takes in another's samples: the result is as if all had been recorded here.
    pub fn merge(&mut self, other: &Self) {
        // Same bounds, so it can't fail; were it to, the count would tell.
        let _ = self.histogram.add(&other.histogram);
        self.zero_or_negative += other.zero_or_negative;
        self.over_range += other.over_range;
        self.min_ns = self.min_ns.min(other.min_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
        self.sum_ns += other.sum_ns;
    }

    /// The histogram in HdrHistogram's V2 encoding, deflated.
    #[must_use]
    pub fn encoded(&self) -> Vec<u8> {
        let mut encoded = Vec::new();
        // Writing into memory fails for no histogram with legal bounds.
        let _ = V2DeflateSerializer::new().serialize(&self.histogram, &mut encoded);
        encoded
    }

    /// All samples, those without a place in the histogram too.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.histogram.len() + self.zero_or_negative + self.over_range
    }

    /// Samples at or below zero.
    #[must_use]
    pub fn zero_or_negative(&self) -> u64 {
        self.zero_or_negative
    }

    /// Samples above one hour.
    #[must_use]
    pub fn over_range(&self) -> u64 {
        self.over_range
    }

    /// The least sample in ns, exactly; `None` without samples.
    #[must_use]
    pub fn min(&self) -> Option<i64> {
        (self.count() > 0).then_some(self.min_ns)
    }

    /// The greatest sample in ns, exactly; `None` without samples.
    #[must_use]
    pub fn max(&self) -> Option<i64> {
        (self.count() > 0).then_some(self.max_ns)
    }

    /// The mean in ns; `None` without samples.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.sum_ns as f64 / self.count() as f64)
    }

    /// The value in ns that a share `quantile` of the samples does not exceed, within 0.1 %;
    /// `None` when there are fewer than [`samples_needed`].
    #[must_use]
    pub fn percentile(&self, quantile: f64) -> Option<i64> {
        (self.count() >= samples_needed(quantile))
            .then(|| self.at_rank(Self::rank_of(quantile, self.count())))
    }

    /// The rank of a percentile among so many sorted samples, from 1.
    pub(super) fn rank_of(quantile: f64, count: u64) -> u64 {
        ((quantile * count as f64).ceil() as u64).clamp(1, count.max(1))
    }

    /// The sample at a rank, from 1 to the count, within 0.1 %.
    fn at_rank(&self, rank: u64) -> i64 {
        let within = rank.saturating_sub(self.zero_or_negative);
        if within == 0 {
            // Among those at or below zero no order was kept; the least bounds them.
            return self.min_ns.min(0);
        }
        if within > self.histogram.len() {
            return self.max_ns;
        }
        // Half a rank below, so that rounding can't push it over to the next one.
        let share = (within as f64 - 0.5) / self.histogram.len() as f64;
        let value_ns = self.histogram.value_at_quantile(share);
        let value_ns = i64::try_from(value_ns).unwrap_or(i64::MAX);
        value_ns.clamp(self.min_ns, self.max_ns)
    }

    /// Samples above `limit_ns`, within the histogram's 0.1 %.
    #[must_use]
    pub fn count_above(&self, limit_ns: u64) -> u64 {
        let at_most = self.histogram.count_between(1, limit_ns);
        self.histogram.len() - at_most + self.over_range
    }

    /// The samples with a place in it.
    #[must_use]
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.histogram
    }
}

/// How many independent samples a percentile needs before it has a finite 95 % upper bound: the
/// least n with 1 − qⁿ ≥ 0.975 (order statistics). 368 for p99, 3,688 for p99.9, 36,888 for
/// p99.99.
#[must_use]
pub fn samples_needed(quantile: f64) -> u64 {
    if quantile <= 0.0 || quantile >= 1.0 {
        return 1;
    }
    (libm::log(0.025) / libm::log(quantile)).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[i64]) -> Latency {
        let mut latency = Latency::default();
        for &value in values {
            latency.record(value);
        }
        latency
    }

    #[test]
    fn extremes_and_sum_are_exact() {
        let latency = of(&[1_000_000_000, 3, 1_000_000_000]);
        assert_eq!(latency.max(), Some(1_000_000_000));
        assert_eq!(latency.min(), Some(3));
        assert!((latency.mean().unwrap() - 2_000_000_003.0 / 3.0).abs() < 1e-3);
    }

    #[test]
    fn what_has_no_place_in_the_histogram_is_counted_and_shown() {
        let two_hours = 7_200_000_000_000;
        let latency = of(&[-5, 0, 10, two_hours]);
        assert_eq!(latency.count(), 4);
        assert_eq!((latency.zero_or_negative(), latency.over_range()), (2, 1));
        assert_eq!((latency.min(), latency.max()), (Some(-5), Some(two_hours)));
    }

    #[test]
    fn a_percentile_without_enough_samples_is_none() {
        let few = of(&vec![5; 367]);
        assert_eq!(few.percentile(0.99), None);
        assert_eq!(of(&vec![5; 368]).percentile(0.99), Some(5));
        assert_eq!(of(&vec![5; 3_000]).percentile(0.999), None);
        assert_eq!(Latency::default().percentile(0.5), None);
        assert_eq!(Latency::default().max(), None);
    }

    #[test]
    fn threads_are_pooled_and_not_averaged() {
        let mut pooled = of(&vec![1_000_000; 9_800]);
        pooled.merge(&of(&vec![100_000_000; 200]));
        let p99 = pooled.percentile(0.99).unwrap();
        assert!((99_900_000..=100_100_000).contains(&p99), "{p99}");
        assert_eq!(pooled.percentile(0.98), Some(1_000_447));
    }

    #[test]
    fn counting_above_a_limit_takes_in_what_is_over_range() {
        let latency = of(&[50, 150_000, 250_000, i64::MAX]);
        assert_eq!(latency.count_above(100_000), 3);
    }

    proptest! {
        #[test]
        fn percentiles_are_within_a_thousandth_of_the_sorted_samples(
            mut values in prop::collection::vec(1_i64..10_000_000_000, 400..2_000),
            quantile in 0.01_f64..0.99,
        ) {
            let latency = of(&values);
            values.sort_unstable();
            let rank = ((quantile * values.len() as f64).ceil() as usize).clamp(1, values.len());
            let exact = values[rank - 1] as f64;
            let found = latency.percentile(quantile).unwrap() as f64;
            prop_assert!((found - exact).abs() <= exact * 0.001 + 1.0, "{found} for {exact}");
        }

        /// Rule 8: however many threads there were, the figures are those of the sorted samples.
        #[test]
        fn threads_merged_have_the_percentiles_of_all_their_samples_sorted(
            threads in prop::collection::vec(
                prop::collection::vec(-1_000_i64..3_600_000_000_000, 1..300), 2..8,
            ),
            quantile in 0.05_f64..0.95,
        ) {
            let mut merged = Latency::default();
            threads.iter().for_each(|values| merged.merge(&of(values)));
            let mut sorted: Vec<i64> = threads.concat();
            sorted.sort_unstable();
            prop_assert_eq!(merged.min(), sorted.first().copied());
            prop_assert_eq!(merged.max(), sorted.last().copied());
            let sum: i128 = sorted.iter().map(|&value| i128::from(value)).sum();
            prop_assert_eq!(merged.mean(), Some(sum as f64 / sorted.len() as f64));
            let below = sorted.iter().filter(|&&value| value <= 0).count();
            prop_assert_eq!(merged.zero_or_negative(), below as u64);
            let rank = ((quantile * sorted.len() as f64).ceil() as usize).max(1);
            match merged.percentile(quantile) {
                None => prop_assert!((sorted.len() as u64) < samples_needed(quantile)),
                Some(found) if rank <= below => prop_assert_eq!(found, sorted[0]),
                Some(found) => {
                    let exact = sorted[rank - 1] as f64;
                    prop_assert!((found as f64 - exact).abs() <= exact * 0.001 + 1.0);
                }
            }
        }

        #[test]
        fn merged_parts_are_the_whole(
            values in prop::collection::vec(-10_i64..4_000_000_000_000, 1..500),
            cut in 0_usize..500,
        ) {
            let cut = cut.min(values.len());
            let whole = of(&values);
            let mut merged = of(&values[..cut]);
            merged.merge(&of(&values[cut..]));
            prop_assert_eq!(merged.count(), values.len() as u64);
            prop_assert_eq!(merged.zero_or_negative(), whole.zero_or_negative());
            prop_assert_eq!(merged.over_range(), whole.over_range());
            prop_assert_eq!((merged.min(), merged.max()), (whole.min(), whole.max()));
            prop_assert_eq!(merged.mean(), whole.mean());
            prop_assert_eq!(merged.histogram(), whole.histogram());
        }
    }
}
