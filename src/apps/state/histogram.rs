//! How values spread: a histogram that merges exactly.
//!
//! Mean and maximum are exact. A percentile is the greatest value that the histogram can't tell
//! from the true one: never below it, and above it by less than 1 %.

use hdrhistogram::Histogram;

use crate::apps::summary::{Section, Value};

/// A histogram of whole numbers, right to 1 %.
#[derive(Debug, Clone)]
pub(crate) struct ValueHistogram {
    histogram: Histogram<u64>,
    sum: u64,
    max: u64,
}

impl Default for ValueHistogram {
    fn default() -> Self {
        Self::new()
    }
}

impl ValueHistogram {
    #[expect(clippy::expect_used, reason = "two digits is a legal precision of the histogram")]
    pub(crate) fn new() -> Self {
        Self { histogram: Histogram::new(2).expect("two digits"), sum: 0, max: 0 }
    }

    pub(crate) fn record(&mut self, value: u64) {
        // It grows as needed, so recording can't fail for want of range.
        let _ = self.histogram.record(value);
        self.sum = self.sum.saturating_add(value);
        self.max = self.max.max(value);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        let _ = self.histogram.add(&other.histogram);
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
    }

    /// Appends mean, median, tail and maximum to a section, each value shown by `unit`.
    pub(crate) fn rows(&self, section: Section, unit: fn(u64) -> Value) -> Section {
        let count = self.histogram.len();
        if count == 0 {
            return section;
        }
        // The histogram answers with the end of a bucket, which may lie beyond the greatest value.
        let quantile = |q| unit(self.histogram.value_at_quantile(q).min(self.max));
        section
            .row("mean", unit(self.sum / count))
            .row("p50", quantile(0.5))
            .row("p90", quantile(0.9))
            .row("p99", quantile(0.99))
            .row("max", unit(self.max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_halves_equal_the_whole() {
        let (mut whole, mut halves) =
            (ValueHistogram::new(), [ValueHistogram::new(), ValueHistogram::new()]);
        for value in (0..10_000_u64).map(|n| n * n) {
            whole.record(value);
            halves[(value % 2) as usize].record(value);
        }
        let [mut merged, other] = halves;
        merged.merge(&other);
        let rows = |spread: &ValueHistogram| spread.rows(Section::new("x"), Value::Count);
        assert_eq!(rows(&merged), rows(&whole));
        let Value::Count(median) = rows(&whole).rows[1].value else { panic!("a count") };
        assert!(median.abs_diff(25_000_000) <= 250_000, "{median}");
    }

    #[test]
    fn nothing_recorded_shows_nothing() {
        assert!(ValueHistogram::new().rows(Section::new("x"), Value::Ms).rows.is_empty());
    }
}
