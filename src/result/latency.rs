//! A latency distribution as the result keeps it: percentiles to read, the histogram to merge.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::base::text::duration;
use crate::measure::latency::{Footing, Latency, Reading, samples_needed};
use crate::plan::metric::Statistic;

/// The percentiles that rest on few samples.
const TAIL: [Statistic; 3] = [Statistic::P99, Statistic::P99_9, Statistic::P99_99];

/// One stage's latencies, in nanoseconds. A percentile without enough samples is `null`, and so is
/// one whose rank is that of an event that was never delivered: it has no end.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LatencySummary {
    /// All samples: everything that was offered in the measured part, for ack, arrival and end to
    /// end; what came that far, for the others.
    pub count: u64,
    /// Of these, never delivered: samples without end, behind all others.
    #[serde(default)]
    pub never_delivered: u64,
    /// What each of these exceeds, in nanoseconds: the time that was waited for them in the drain,
    /// or the longest that was delivered, whichever is more; `None` where there are none.
    #[serde(default)]
    pub endless_ns: Option<i64>,
    /// Of these, at or below zero: no place in the histogram.
    pub zero_or_negative: u64,
    /// Of these, above an hour: no place in the histogram.
    pub over_range: u64,
    /// The least sample in nanoseconds, exact.
    pub min_ns: Option<i64>,
    /// The mean in nanoseconds, exact; `None` where a sample has no end.
    pub mean_ns: Option<f64>,
    /// The median in nanoseconds; within 0.1 %, as all percentiles.
    pub p50_ns: Option<i64>,
    /// The 90th percentile in nanoseconds; `None` with fewer than 36 samples.
    pub p90_ns: Option<i64>,
    /// The 99th percentile in nanoseconds; `None` with fewer than 368 samples.
    pub p99_ns: Option<i64>,
    /// On how many separate slow episodes p99 rests; `None` where the stage is not kept by
    /// interval, or the run is too short to tell.
    #[serde(default)]
    pub p99_rests_on: Option<Footing>,
    /// The 99.9th percentile in nanoseconds; `None` with fewer than 3,688 samples.
    pub p99_9_ns: Option<i64>,
    /// On how many separate slow episodes p99.9 rests; `None` as of p99.
    #[serde(default)]
    pub p99_9_rests_on: Option<Footing>,
    /// The 99.99th percentile in nanoseconds; `None` with fewer than 36,887 samples.
    pub p99_99_ns: Option<i64>,
    /// On how many separate slow episodes p99.99 rests; `None` as of p99.
    #[serde(default)]
    pub p99_99_rests_on: Option<Footing>,
    /// The greatest sample in nanoseconds, exact; `None` where a sample has no end.
    pub max_ns: Option<i64>,
    /// The figures of what was delivered alone, blind to the rest: to be read beside the others,
    /// never instead of them. `None` where all was delivered.
    #[serde(default)]
    pub delivered: Option<Delivered>,
    /// The whole histogram: HdrHistogram's V2 encoding, deflated, in base64.
    pub histogram: String,
}

/// The figures of what was delivered, in nanoseconds, where something was not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Delivered {
    /// All samples that have an end.
    pub count: u64,
    /// Their mean in nanoseconds.
    pub mean_ns: Option<f64>,
    /// Their median in nanoseconds.
    pub p50_ns: Option<i64>,
    /// Their 90th percentile in nanoseconds.
    pub p90_ns: Option<i64>,
    /// Their 99th percentile in nanoseconds.
    pub p99_ns: Option<i64>,
    /// Their 99.9th percentile in nanoseconds.
    pub p99_9_ns: Option<i64>,
    /// Their 99.99th percentile in nanoseconds.
    pub p99_99_ns: Option<i64>,
    /// The greatest of them in nanoseconds.
    pub max_ns: Option<i64>,
}

impl Delivered {
    fn of(latency: &Latency) -> Self {
        let latency = latency.delivered();
        Self {
            count: latency.count(),
            mean_ns: latency.mean(),
            p50_ns: latency.percentile(0.5),
            p90_ns: latency.percentile(0.9),
            p99_ns: latency.percentile(0.99),
            p99_9_ns: latency.percentile(0.999),
            p99_99_ns: latency.percentile(0.9999),
            max_ns: latency.max(),
        }
    }

    /// One of its figures in ns; `None` without enough samples.
    #[must_use]
    pub fn value_ns(&self, statistic: Statistic) -> Option<i64> {
        match statistic {
            Statistic::P50 => self.p50_ns,
            Statistic::P90 => self.p90_ns,
            Statistic::P99 => self.p99_ns,
            Statistic::P99_9 => self.p99_9_ns,
            Statistic::P99_99 => self.p99_99_ns,
            Statistic::Max => self.max_ns,
            Statistic::Mean => self.mean_ns.map(|ns| ns.round() as i64),
        }
    }
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
            never_delivered: latency.never_delivered(),
            endless_ns: latency.endless_ns(),
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
            delivered: (latency.never_delivered() > 0).then(|| Delivered::of(latency)),
            histogram: STANDARD.encode(latency.encoded()),
            ..Self::default()
        }
    }

    /// With what the percentiles of [`TAIL`](crate::measure::latency::TAIL) rest on; of those that
    /// are told.
    #[must_use]
    pub fn resting(mut self, footings: [Option<Footing>; 3]) -> Self {
        let told = TAIL.map(|statistic| self.reading(statistic) != Reading::TooFew);
        let [p99, p99_9, p99_99] = footings;
        self.p99_rests_on = p99.filter(|_| told[0]);
        self.p99_9_rests_on = p99_9.filter(|_| told[1]);
        self.p99_99_rests_on = p99_99.filter(|_| told[2]);
        self
    }

    /// What a percentile rests on; `None` where that is not known, or many episodes by its nature.
    #[must_use]
    pub fn rests_on(&self, statistic: Statistic) -> Option<&Footing> {
        match statistic {
            Statistic::P99 => self.p99_rests_on.as_ref(),
            Statistic::P99_9 => self.p99_9_rests_on.as_ref(),
            Statistic::P99_99 => self.p99_99_rests_on.as_ref(),
            _ => None,
        }
    }

    /// One of its figures in words, with the episodes where they are too few:
    /// `35.1 ms (1 episode)`.
    #[must_use]
    pub fn with_episodes(&self, statistic: Statistic, mut text: String) -> String {
        if let Some(few) = episodes(self.rests_on(statistic)) {
            text.push_str(&format!(" ({few})"));
        }
        text
    }

    /// What one of its figures comes to.
    #[must_use]
    pub fn reading(&self, statistic: Statistic) -> Reading {
        let value_ns = match statistic {
            Statistic::P50 => self.p50_ns,
            Statistic::P90 => self.p90_ns,
            Statistic::P99 => self.p99_ns,
            Statistic::P99_9 => self.p99_9_ns,
            Statistic::P99_99 => self.p99_99_ns,
            Statistic::Max => self.max_ns,
            Statistic::Mean => self.mean_ns.map(|ns| ns.round() as i64),
        };
        let is_told = statistic.quantile().is_none_or(|share| self.count >= samples_needed(share));
        match (value_ns, self.endless_ns) {
            (Some(value_ns), _) => Reading::Value(value_ns),
            (None, Some(endless_ns)) if is_told => Reading::Endless(endless_ns),
            (None, _) => Reading::TooFew,
        }
    }

    /// One of its figures in ns, for arithmetic: infinite where it has no end; `None` without
    /// enough samples.
    #[must_use]
    pub fn figure_ns(&self, statistic: Statistic) -> Option<f64> {
        match (self.reading(statistic), statistic) {
            (Reading::TooFew, _) => None,
            (Reading::Endless(_), _) => Some(f64::INFINITY),
            (Reading::Value(_), Statistic::Mean) => self.mean_ns,
            (Reading::Value(value_ns), _) => Some(value_ns as f64),
        }
    }

    /// One of its figures in words, with `form` for those that have an end: `> 30.0 s`.
    #[must_use]
    pub fn shown(&self, statistic: Statistic, form: impl Fn(Option<i64>) -> String) -> String {
        match self.reading(statistic) {
            Reading::Endless(ns) => format!("> {}", duration(Some(ns))),
            reading => form(reading.value_ns()),
        }
    }

    /// The share of what was offered that was never delivered, in words: `9.5 % never delivered`;
    /// `None` where all was delivered.
    #[must_use]
    pub fn never_delivered_shown(&self) -> Option<String> {
        let percent = self.never_delivered as f64 * 100.0 / self.count.max(1) as f64;
        let digits = match percent {
            percent if percent >= 1.0 => 1,
            percent if percent >= 0.01 => 2,
            _ => 4,
        };
        (self.never_delivered > 0).then(|| format!("{percent:.digits$} % never delivered"))
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
        let summary = LatencySummary::of(Some(&latency)).resting([Some(footing); 3]);
        assert!(summary.p99_ns.is_some());
        assert_eq!((summary.p99_9_ns, summary.p99_99_ns), (None, None));
        assert_eq!(summary.p99_rests_on, Some(footing));
        assert_eq!((summary.p99_9_rests_on, summary.p99_99_rests_on), (None, None));
        assert_eq!(episodes(summary.p99_rests_on.as_ref()).as_deref(), Some("1 episode"));
        let shown =
            |statistic| summary.with_episodes(statistic, summary.shown(statistic, duration));
        assert_eq!(shown(Statistic::P99), "2.97 ms (1 episode)");
        assert_eq!(
            (shown(Statistic::P50), shown(Statistic::P99_9)),
            ("1.50 ms".into(), "n/a".into())
        );
        let some = Footing { episodes: 3.6, independent: 360.0, ..footing };
        assert_eq!(episodes(Some(&some)).as_deref(), Some("3 episodes"));
        let enough = Footing { is_enough: true, ..some };
        assert_eq!((episodes(Some(&enough)), episodes(None)), (None, None));
    }

    /// Law 2: a percentile is one of three things, and what was never delivered can't be quick.
    #[test]
    fn a_figure_is_a_value_or_without_end_or_not_known() {
        let mut latency = Latency::default();
        (1..=1_810).for_each(|value| latency.record(value * 1_000_000));
        latency.never(190, 30_000_000_000);
        let summary = LatencySummary::of(Some(&latency));
        let shown = |statistic| summary.shown(statistic, duration);
        assert_eq!(shown(Statistic::P50), "1.00 s");
        assert_eq!(shown(Statistic::P90), "1.80 s");
        for statistic in [Statistic::P99, Statistic::Max, Statistic::Mean] {
            assert_eq!(summary.reading(statistic), Reading::Endless(30_000_000_000));
            assert_eq!(summary.figure_ns(statistic), Some(f64::INFINITY));
            assert_eq!(shown(statistic), "> 30.0 s");
        }
        assert_eq!(
            (shown(Statistic::P99_9), summary.figure_ns(Statistic::P99_9)),
            ("n/a".into(), None)
        );
        assert_eq!(summary.never_delivered_shown().as_deref(), Some("9.5 % never delivered"));
        let delivered = summary.delivered.as_ref().unwrap();
        assert_eq!((delivered.count, delivered.max_ns), (1_810, Some(1_810_000_000)));
        assert!(delivered.p99_ns.unwrap() < 1_800_000_000);
        // By way of the file.
        let text = serde_json::to_string(&summary).unwrap();
        assert_eq!(serde_json::from_str::<LatencySummary>(&text).unwrap(), summary);
        (1..=188_190).for_each(|value| latency.record(value));
        let summary = LatencySummary::of(Some(&latency));
        assert_eq!(summary.never_delivered_shown().as_deref(), Some("0.10 % never delivered"));
        assert!(summary.p99_9_ns.is_some() && summary.p99_99_ns.is_none());
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
