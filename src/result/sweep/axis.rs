//! What a sweep says along each of its axes: the figures at each value, and the knee.

use std::collections::BTreeSet;

use super::points::{PointSummary, Spread, compare_values, p99s, worst_p99};
use crate::base::text::{count, ns};
use crate::result::compare::gate::change as shown_change;
use crate::result::compare::panel::Panel;
use crate::result::compare::stats::ALPHA;

/// A further step along an axis that changes a figure by less than this share is not worth it.
const WORTH: f64 = 0.10;

/// A sentence for each axis.
pub(crate) fn all(points: &[&PointSummary]) -> Vec<String> {
    let keys = keys(points);
    let steps = steps_together(&keys, points);
    let mut said = Vec::new();
    for key in &keys {
        along(key, points, steps, &mut said);
    }
    said
}

/// The values of a key among the points, in their order.
pub(crate) fn values<'p>(key: &str, points: &[&'p PointSummary]) -> Vec<&'p String> {
    let mut values: Vec<&String> = points.iter().filter_map(|p| p.settings.get(key)).collect();
    values.sort_by(|one, other| compare_values(one, other));
    values.dedup();
    values
}

/// The keys that differ among the points.
fn keys(points: &[&PointSummary]) -> Vec<String> {
    let Some(first) = points.first() else {
        return Vec::new();
    };
    let differs =
        |key: &&String| points.iter().any(|p| p.settings.get(*key) != first.settings.get(*key));
    first.settings.keys().filter(differs).cloned().collect()
}

/// The points whose other settings are there with every value of the key: without these, a value
/// would be compared with other company, not with another value.
fn matched<'p>(key: &str, points: &[&'p PointSummary]) -> Vec<&'p PointSummary> {
    let others = |point: &PointSummary| {
        let mut settings = point.settings.clone();
        settings.remove(key);
        settings
    };
    let values: BTreeSet<_> = points.iter().filter_map(|point| point.settings.get(key)).collect();
    let company = |point: &&&PointSummary| {
        let same = points.iter().filter(|other| others(other) == others(point)).count();
        same == values.len()
    };
    points.iter().filter(company).copied().collect()
}

/// One axis: throughput, p99 and CPU at each value, the median over the other axes; and the knee.
fn along(key: &str, all: &[&PointSummary], steps: usize, said: &mut Vec<String>) {
    let points = matched(key, all);
    if points.is_empty() {
        said.push(format!(
            "{key}: no setting of the others counts with every value of it, so its values can't \
             be compared."
        ));
        return;
    }
    let values = values(key, &points);
    let at = |value: &str, pick: &dyn Fn(&PointSummary) -> Option<f64>| {
        let here = points.iter().filter(|p| p.settings.get(key).is_some_and(|v| v == value));
        Spread::of(here.filter_map(|point| pick(point))).map(|spread| spread.median)
    };
    let figures: Vec<(&str, [Option<f64>; 3])> = values
        .iter()
        .map(|value| {
            let p99 = at(value, &|point| worst_p99(point).map(|p99| p99.median));
            let acked = at(value, &|point| point.acked_per_s.map(|acked| acked.median));
            let cpu = at(value, &|point| point.cpu_us_per_event.map(|cpu| cpu.median));
            (value.as_str(), [acked, p99, cpu])
        })
        .collect();
    let list = |place: usize, form: &dyn Fn(f64) -> String| -> String {
        let one = |(value, all): &(&str, [Option<f64>; 3])| {
            format!("{} at {value}", all[place].map_or_else(|| "n/a".to_owned(), form))
        };
        figures.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    let company = points.len() / values.len().max(1);
    let over =
        if company > 1 { format!(" (medians over {company} points each)") } else { String::new() };
    let mut text = format!(
        "{key}{over}: acknowledged {}; p99 of the slowest application {}; CPU per event {}.",
        list(0, &|rate| format!("{}/s", count(rate.round() as u64))),
        list(1, &ns),
        list(2, &|us| format!("{us:.1} µs")),
    );
    if let Some(knee) = knee(&values, &points, key, steps) {
        text.push_str(&knee.words(&values));
    }
    said.push(text);
}

/// How many steps are looked at together: every pair of values of every axis that has a knee to
/// find, by p99 and by rate.
pub(crate) fn steps_together(keys: &[String], points: &[&PointSummary]) -> usize {
    let of_key = |key: &String| {
        let values = values(key, points);
        if has_knee(&values) { values.len() * (values.len() - 1) } else { 0 }
    };
    keys.iter().map(of_key).sum()
}

/// Numbers, more than two of them.
fn has_knee(values: &[&String]) -> bool {
    values.len() > 2 && values.iter().all(|value| value.parse::<f64>().is_ok())
}

/// The change of p99 and of the acknowledged rate from one value to another, whatever company.
struct Change {
    p99: (f64, f64),
    rate: (f64, f64),
    /// The best estimates.
    p99_ratio: f64,
    rate_ratio: f64,
}

impl Change {
    /// Whether the runs show that it is no improvement that is worth it.
    fn is_worthless(&self) -> bool {
        self.p99.0 >= 1.0 - WORTH && self.rate.1 <= 1.0 + WORTH
    }

    /// Whether the runs show an improvement, and it is one that is worth it.
    fn is_better(&self) -> bool {
        (self.p99.1 < 1.0 && self.p99_ratio < 1.0 - WORTH)
            || (self.rate.0 > 1.0 && self.rate_ratio > 1.0 + WORTH)
    }
}

/// Where more no longer helps.
pub(crate) struct Knee {
    /// The place of the value beyond which nothing improves any more.
    pub(crate) place: usize,
    /// The step to it, where it is not the first.
    before: Option<Change>,
}

impl Knee {
    fn words(&self, values: &[&String]) -> String {
        let Self { place, before } = self;
        let Some(before) = before else {
            return format!(
                " No later value is better than {} by {:.0} % (95 % over all steps).",
                values[*place],
                WORTH * 100.0
            );
        };
        format!(
            " Knee: beyond {} neither improves by {:.0} % (95 % over all steps); the step to it, \
             from {}, changes p99 by {} ({} … {}) and the rate by {} ({} … {}).",
            values[*place],
            WORTH * 100.0,
            values[place - 1],
            shown_change(before.p99_ratio),
            shown_change(before.p99.0),
            shown_change(before.p99.1),
            shown_change(before.rate_ratio),
            shown_change(before.rate.0),
            shown_change(before.rate.1),
        )
    }
}

/// The value beyond which nothing improves any more, where the intervals of the steps say so.
pub(crate) fn knee(
    values: &[&String],
    points: &[&PointSummary],
    key: &str,
    steps: usize,
) -> Option<Knee> {
    if !has_knee(values) || points.iter().any(|point| point.runs.iter().any(|run| run.endless)) {
        return None;
    }
    let p99 = Panel::of(&points.iter().map(|point| p99s(point)).collect::<Vec<_>>())?;
    let rates = |point: &&PointSummary| {
        point.runs.iter().map(|run| (run.repeat, run.acked_per_s)).collect()
    };
    let rate = Panel::of(&points.iter().map(rates).collect::<Vec<_>>())?;
    let level = ALPHA / steps.max(1) as f64;
    let change = |from: usize, to: usize| {
        let pairs = company(values[from], values[to], points, key);
        let (p99, rate) = (p99.step(&pairs)?, rate.step(&pairs)?);
        Some(Change {
            p99: p99.interval(level),
            rate: rate.interval(level),
            p99_ratio: p99.log_ratio.exp(),
            rate_ratio: rate.log_ratio.exp(),
        })
    };
    let is_last_that_helps = |&here: &usize| {
        let mut later = here + 1..values.len();
        later.all(|later| change(here, later).is_some_and(|change| change.is_worthless()))
    };
    let place = (0..values.len() - 1).find(is_last_that_helps)?;
    if place == 0 {
        return Some(Knee { place, before: None });
    }
    let before = change(place - 1, place).filter(Change::is_better)?;
    Some(Knee { place, before: Some(before) })
}

/// The points at one value beside those at another, in the same company of other settings.
fn company(from: &str, to: &str, points: &[&PointSummary], key: &str) -> Vec<(usize, usize)> {
    let others = |place: usize| {
        let mut settings = points[place].settings.clone();
        settings.remove(key);
        settings
    };
    let at = |value: &str| -> Vec<usize> {
        let is_here =
            |place: &usize| points[*place].settings.get(key).is_some_and(|it| it == value);
        (0..points.len()).filter(is_here).collect()
    };
    let ends = at(to);
    let partner = |from: usize| {
        ends.iter().copied().find(|to| others(*to) == others(from)).map(|to| (from, to))
    };
    at(from).into_iter().filter_map(partner).collect()
}
