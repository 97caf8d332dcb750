//! One latency distribution: an HDR histogram, with what a histogram can't say beside it.

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};
use serde::{Deserialize, Serialize};

use super::form::StoredLatency;

/// Longest latency with a place in the histogram: one hour.
pub(super) const LONGEST_NS: u64 = 3_600_000_000_000;

/// Three significant digits: an error of at most 0.1 %.
const DIGITS: u8 = 3;

/// Samples of one stage.
///
/// Nothing is dropped and nothing is clipped: what lies at or below zero, or above one hour, is
/// counted apart and takes part in every rank. Minimum, maximum and sum are exact.
///
/// What was offered and never delivered is a sample without end: it takes part in every rank,
/// behind all others. Were it left out, a client that refuses most of the load would look fast.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(into = "StoredLatency", try_from = "StoredLatency")]
pub struct Latency {
    pub(super) histogram: Histogram<u64>,
    pub(super) zero_or_negative: u64,
    pub(super) over_range: u64,
    pub(super) min_ns: i64,
    pub(super) max_ns: i64,
    pub(super) sum_ns: i128,
    pub(super) never_delivered: u64,
    /// What those that were never delivered surely took longer than.
    pub(super) waited_ns: i64,
}

/// What a figure of a distribution comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Too few samples for it.
    TooFew,
    /// This, in nanoseconds.
    Value(i64),
    /// Its rank is that of an event that was never delivered: more than this, in nanoseconds.
    Endless(i64),
}

impl Reading {
    /// The value in ns, where it has one.
    #[must_use]
    pub const fn value_ns(self) -> Option<i64> {
        match self {
            Self::Value(value_ns) => Some(value_ns),
            Self::TooFew | Self::Endless(_) => None,
        }
    }
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
            never_delivered: 0,
            waited_ns: 0,
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

    /// Counts events that were offered and never delivered, and that somebody would have waited
    /// for so long, in nanoseconds.
    pub fn never(&mut self, events: u64, waited_ns: i64) {
        if events > 0 {
            // Of several waits the shortest is what all of them exceed.
            let before = if self.never_delivered > 0 { self.waited_ns } else { i64::MAX };
            self.waited_ns = before.min(waited_ns);
            self.never_delivered += events;
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
        self.never(other.never_delivered, other.waited_ns);
    }

    /// The histogram in HdrHistogram's V2 encoding, deflated.
    #[must_use]
    pub fn encoded(&self) -> Vec<u8> {
        let mut encoded = Vec::new();
        // Writing into memory fails for no histogram with legal bounds.
        let _ = V2DeflateSerializer::new().serialize(&self.histogram, &mut encoded);
        encoded
    }

    /// All samples, those without a place in the histogram and those without end too.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.delivered_count() + self.never_delivered
    }

    /// The samples that have an end.
    fn delivered_count(&self) -> u64 {
        self.histogram.len() + self.zero_or_negative + self.over_range
    }

    /// Events that were offered and never delivered.
    #[must_use]
    pub fn never_delivered(&self) -> u64 {
        self.never_delivered
    }

    /// What every event that was never delivered exceeds, in ns: the time that somebody would have
    /// waited for it, or the longest that was delivered, whichever is more; `None` where all were.
    #[must_use]
    pub fn endless_ns(&self) -> Option<i64> {
        (self.never_delivered > 0).then(|| self.waited_ns.max(self.max_ns))
    }

    /// The same without what was never delivered: blind to it, and to be labelled so.
    #[must_use]
    pub fn delivered(&self) -> Self {
        Self { never_delivered: 0, ..self.clone() }
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
        (self.delivered_count() > 0).then_some(self.min_ns)
    }

    /// The greatest sample in ns, exactly; `None` without samples, and where one has no end.
    #[must_use]
    pub fn max(&self) -> Option<i64> {
        (self.has_ends() && self.count() > 0).then_some(self.max_ns)
    }

    /// The mean in ns; `None` without samples, and where one has no end.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.has_ends() && self.count() > 0).then(|| self.sum_ns as f64 / self.count() as f64)
    }

    fn has_ends(&self) -> bool {
        self.never_delivered == 0
    }

    /// The value in ns that a share `quantile` of the samples does not exceed, within 0.1 %;
    /// `None` when there are fewer than [`samples_needed`], and where it has no end.
    #[must_use]
    pub fn percentile(&self, quantile: f64) -> Option<i64> {
        self.reading(quantile).value_ns()
    }

    /// The same with the reason why there is no value.
    #[must_use]
    pub fn reading(&self, quantile: f64) -> Reading {
        if self.count() < samples_needed(quantile) {
            return Reading::TooFew;
        }
        self.at_rank(Self::rank_of(quantile, self.count()))
    }

    /// The rank of a percentile among so many sorted samples, from 1.
    pub(super) fn rank_of(quantile: f64, count: u64) -> u64 {
        ((quantile * count as f64).ceil() as u64).clamp(1, count.max(1))
    }

    /// The sample at a rank, from 1 to the count, within 0.1 %.
    fn at_rank(&self, rank: u64) -> Reading {
        if rank > self.delivered_count() {
            return Reading::Endless(self.waited_ns.max(self.max_ns));
        }
        Reading::Value(self.delivered_at(rank))
    }

    fn delivered_at(&self, rank: u64) -> i64 {
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

    /// Samples above `limit_ns`, within the histogram's 0.1 %; those without end are.
    #[must_use]
    pub fn count_above(&self, limit_ns: u64) -> u64 {
        let at_most = self.histogram.count_between(1, limit_ns);
        self.histogram.len() - at_most + self.over_range + self.never_delivered
    }

    /// The samples with a place in it.
    #[must_use]
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.histogram
    }
}

/// How many independent samples a percentile needs before it has a finite 95 % upper bound: the
/// least n with 1 − qⁿ ≥ 0.975 (order statistics). 368 for p99, 3,688 for p99.9, 36,887 for
/// p99.99.
#[must_use]
pub fn samples_needed(quantile: f64) -> u64 {
    if quantile <= 0.0 || quantile >= 1.0 {
        return 1;
    }
    (libm::log(0.025) / libm::log(quantile)).ceil() as u64
}

#[cfg(test)]
mod tests;
