//! Percentiles from histograms, and the stages near them.

use serde::Deserialize;
use serde_json::Value;

use super::Audit;
use super::histogram::NonZeroCounts;
use crate::result::{LatencySummary, RunResult, StackedPercentile};

/// The longest latency with a place in a histogram, in ns.
const LONGEST_NS: i64 = 3_600_000_000_000;

/// Percentiles, as parts of a whole.
const P50: (u64, u64) = (1, 2);
const P90: (u64, u64) = (9, 10);
const P99: (u64, u64) = (99, 100);
const P99_9: (u64, u64) = (999, 1_000);
const P99_99: (u64, u64) = (9_999, 10_000);

/// How far the mean of rounded samples may lie from that of the places they were put into.
const ROUNDING: f64 = 1e-9;

/// Every distribution of a result with its name, wherever it stands: what has a histogram is one.
fn distributions<'v>(value: &'v Value, path: &str, out: &mut Vec<(String, &'v Value)>) {
    let below = |name: &str| {
        if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
    };
    match value {
        Value::Object(members) if members.get("histogram").is_some_and(Value::is_string) => {
            out.push((path.to_owned(), value));
        }
        Value::Object(members) => {
            members.iter().for_each(|(name, inner)| distributions(inner, &below(name), out));
        }
        Value::Array(items) => {
            for (place, inner) in items.iter().enumerate() {
                let name = inner["name"].as_str().map_or(place.to_string(), str::to_owned);
                distributions(inner, &below(&name), out);
            }
        }
        _ => {}
    }
}

/// Recomputes every stage.
pub(super) fn check(value: &Value, result: &RunResult, audit: &mut Audit) {
    let mut all = Vec::new();
    distributions(value, "", &mut all);
    for (name, raw) in &all {
        let Ok(stage) = LatencySummary::deserialize(*raw) else {
            audit.fault(name, "something with a histogram", "a distribution");
            continue;
        };
        match NonZeroCounts::read(&stage.histogram) {
            Ok(counts) => StageFigures { name, raw, stage: &stage, counts: &counts }.check(audit),
            Err(what) => audit.fault(format!("{name}.histogram"), what, "a V2 histogram"),
        }
    }
    for slice in &result.ack_stack {
        let name = format!("ack_stack.{}.end_to_end_ns", slice.percentile);
        audit.near(name, slice.end_to_end_ns, sum_of(slice));
    }
    for app in &result.apps {
        let Ok(counts) = NonZeroCounts::read(&app.end_to_end.histogram) else { continue };
        for slice in &app.stack {
            let name = format!("apps.{}.stack.{}", app.name, slice.percentile);
            stacked(&name, slice, &app.end_to_end, &counts, audit);
        }
    }
}

struct StageFigures<'a> {
    name: &'a str,
    /// As it was written: an older kbench may have known more.
    raw: &'a Value,
    stage: &'a LatencySummary,
    counts: &'a NonZeroCounts,
}

impl StageFigures<'_> {
    fn check(&self, audit: &mut Audit) {
        let (stage, name) = (self.stage, self.name);
        audit.same(format!("{name}.count"), stage.count, self.ended() + stage.never_delivered);
        for (figure, says, share) in [
            ("p50_ns", stage.p50_ns, P50),
            ("p90_ns", stage.p90_ns, P90),
            ("p99_ns", stage.p99_ns, P99),
            ("p99_9_ns", stage.p99_9_ns, P99_9),
            ("p99_99_ns", stage.p99_99_ns, P99_99),
        ] {
            let is = self.percentile(share, stage.count);
            audit.same(format!("{name}.{figure}"), says, is);
        }
        for (figure, percentile) in [("p99", stage.p99_ns), ("p99_9", stage.p99_9_ns)] {
            self.bounds(figure, percentile, audit);
        }
        self.endless(audit);
        self.extremes(audit);
        self.mean(audit);
    }

    /// The samples that have an end.
    fn ended(&self) -> u64 {
        self.counts.total() + self.stage.zero_or_negative + self.stage.over_range
    }

    /// The greatest of those.
    fn longest_ns(&self) -> Option<i64> {
        let delivered = self.stage.delivered.as_ref();
        delivered.map_or(self.stage.max_ns, |delivered| delivered.max_ns)
    }

    /// What was never delivered is behind all others: no percentile, no greatest, no mean. Beside
    /// them stand those of the rest.
    fn endless(&self, audit: &mut Audit) {
        let (stage, name) = (self.stage, self.name);
        let has_never = stage.never_delivered > 0;
        audit.same(format!("{name}.delivered"), stage.delivered.is_some(), has_never);
        audit.same(format!("{name}.endless_ns"), stage.endless_ns.is_some(), has_never);
        let Some(delivered) = &stage.delivered else { return };
        audit.same(format!("{name}.max_ns"), (stage.max_ns, stage.mean_ns), (None, None));
        if let Some((endless_ns, longest_ns)) = stage.endless_ns.zip(delivered.max_ns) {
            let least = format!("{longest_ns} at least, the longest that was delivered");
            let name = format!("{name}.endless_ns");
            audit.require(name, endless_ns >= longest_ns, endless_ns, least);
        }
        audit.same(format!("{name}.delivered.count"), delivered.count, self.ended());
        for (figure, says, share) in [
            ("p50_ns", delivered.p50_ns, P50),
            ("p90_ns", delivered.p90_ns, P90),
            ("p99_ns", delivered.p99_ns, P99),
            ("p99_9_ns", delivered.p99_9_ns, P99_9),
            ("p99_99_ns", delivered.p99_99_ns, P99_99),
        ] {
            let is = self.percentile(share, delivered.count);
            audit.same(format!("{name}.delivered.{figure}"), says, is);
        }
    }

    /// By walking over the counts; `None` where it has no end, and where there are too few
    /// samples: fewer than give it a finite upper bound of 97.5 %, n with 1 − qⁿ ≥ 0.975.
    fn percentile(&self, (part, whole): (u64, u64), count: u64) -> Option<i64> {
        let quantile = part as f64 / whole as f64;
        let enough = quantile.powf(count as f64) <= 0.025;
        let rank = (u128::from(count) * u128::from(part)).div_ceil(u128::from(whole));
        let rank = u64::try_from(rank).ok().filter(|rank| *rank <= self.ended());
        enough.then(|| self.at(rank?))?
    }

    fn at(&self, rank: u64) -> Option<i64> {
        let (min_ns, max_ns) = (self.stage.min_ns?, self.longest_ns()?);
        // Those at or below zero come first, in no order; those above an hour last.
        let Some(within) = rank.checked_sub(self.stage.zero_or_negative).filter(|rank| *rank > 0)
        else {
            return Some(min_ns.min(0));
        };
        let value = self.counts.at(within).map(|(_, high)| i64::try_from(high).unwrap_or(i64::MAX));
        Some(value.map_or(max_ns, |value| value.max(min_ns).min(max_ns)))
    }

    /// Bounds, where there are any, hold their percentile, and are values of the histogram.
    fn bounds(&self, figure: &str, percentile: Option<i64>, audit: &mut Audit) {
        let stage = self.stage;
        let is_value = |ns: i64| {
            Some(ns) == stage.min_ns
                || Some(ns) == stage.max_ns
                || ns <= 0
                || u64::try_from(ns).is_ok_and(|ns| self.counts.has_end(ns))
        };
        for (side, is_lower) in [("low", true), ("high", false)] {
            let bound = self.raw[format!("{figure}_{side}_ns")].as_i64();
            let Some((bound, percentile)) = bound.zip(percentile) else { continue };
            let is_beyond = if is_lower { bound <= percentile } else { bound >= percentile };
            audit.require(
                format!("{}.{figure}_{side}_ns", self.name),
                is_beyond && is_value(bound),
                bound,
                "a value of the histogram on its side of the percentile",
            );
        }
    }

    /// The exact extremes lie in the outermost places.
    fn extremes(&self, audit: &mut Audit) {
        let (stage, max_ns) = (self.stage, self.longest_ns());
        let place = |rank| self.counts.at(rank);
        let inside = |value: Option<i64>, place: Option<(u64, u64)>| match (value, place) {
            (None, None) => true,
            (Some(value), Some((low, high))) => {
                u64::try_from(value).is_ok_and(|value| low <= value && value <= high)
            }
            _ => false,
        };
        let least = if stage.zero_or_negative > 0 {
            stage.min_ns.is_some_and(|ns| ns <= 0)
        } else if self.counts.total() == 0 && stage.over_range > 0 {
            stage.min_ns.is_some_and(|ns| ns > LONGEST_NS)
        } else {
            inside(stage.min_ns, place(1))
        };
        let greatest = if stage.over_range > 0 {
            max_ns.is_some_and(|ns| ns > LONGEST_NS)
        } else if self.counts.total() == 0 && stage.zero_or_negative > 0 {
            max_ns.is_some_and(|ns| ns <= 0)
        } else {
            inside(max_ns, place(self.counts.total()))
        };
        let expected = |place: Option<(u64, u64)>| match place {
            Some((low, high)) => format!("{low} to {high}, where the histogram ends"),
            None => "none, as the histogram".to_owned(),
        };
        let name = self.name;
        let shown = |value: Option<i64>| value.map_or("null".to_owned(), |ns| ns.to_string());
        audit.require(format!("{name}.min_ns"), least, shown(stage.min_ns), expected(place(1)));
        let last = place(self.counts.total());
        audit.require(format!("{name}.max_ns"), greatest, shown(max_ns), expected(last));
    }

    /// The mean lies where the places let it: within 0.1 %.
    fn mean(&self, audit: &mut Audit) {
        let stage = self.stage;
        let delivered = stage.delivered.as_ref();
        let says = delivered.map_or(stage.mean_ns, |delivered| delivered.mean_ns);
        let name = format!("{}.mean_ns", self.name);
        let (Some(mean), Some(min), Some(max)) = (says, stage.min_ns, self.longest_ns()) else {
            audit.same(name, says.is_some(), self.ended() > 0);
            return;
        };
        let (mut low, mut high) = self.counts.sums();
        let (zero, over) = (stage.zero_or_negative as f64, stage.over_range as f64);
        low += zero * min.min(0) as f64 + over * LONGEST_NS as f64;
        high += over * max as f64;
        let count = self.ended().max(1) as f64;
        let (low, high) = (low / count, high / count);
        let slack = ROUNDING * high.abs().max(1.0);
        let holds = mean >= low - slack && mean <= high + slack;
        audit.require(name, holds, mean, format!("{low} to {high}, by the histogram"));
    }
}

fn sum_of(slice: &StackedPercentile) -> f64 {
    slice.send_delay_ns.unwrap_or(0.0) + slice.broker_ns + slice.service_ns
}

/// The stages near a percentile add up, and are those of as many events as the histogram has
/// there: places and stretches are both cut at powers of two.
fn stacked(
    name: &str,
    slice: &StackedPercentile,
    stage: &LatencySummary,
    counts: &NonZeroCounts,
    audit: &mut Audit,
) {
    audit.near(format!("{name}.end_to_end_ns"), slice.end_to_end_ns, sum_of(slice));
    if slice.percentile == "max" || slice.percentile == "max of the delivered" {
        audit.same(format!("{name}.events"), slice.events, 1);
        let delivered = stage.delivered.as_ref();
        let longest_ns = delivered.map_or(stage.max_ns, |delivered| delivered.max_ns);
        if let Some(max_ns) = longest_ns {
            audit.near(format!("{name}.end_to_end_ns"), slice.end_to_end_ns, max_ns as f64);
        }
        return;
    }
    let near_ns = match slice.percentile.as_str() {
        "p50" => stage.p50_ns,
        "p90" => stage.p90_ns,
        "p99" => stage.p99_ns,
        "p99.9" => stage.p99_9_ns,
        "p99.99" => stage.p99_99_ns,
        _ => {
            audit.fault(format!("{name}.percentile"), &slice.percentile, "p50 to p99.99, or max");
            return;
        }
    };
    let Some(near_ns) = near_ns.and_then(|ns| u64::try_from(ns).ok()).filter(|ns| *ns >= 8) else {
        return;
    };
    // An eighth of the power of two below it.
    let eighth = 1_u64 << near_ns.ilog2() >> 3;
    let low = near_ns / eighth * eighth;
    audit.same(format!("{name}.events"), slice.events, counts.between(low, low + eighth - 1));
    let mean = slice.end_to_end_ns;
    audit.require(
        format!("{name}.end_to_end_ns"),
        mean >= low as f64 && mean <= (low + eighth) as f64,
        mean,
        format!("{low} to {}, the eighth that holds the percentile", low + eighth),
    );
}
