//! A sweep's answer in words.

use std::collections::BTreeSet;

use super::limit::Limit;
use super::points::{PointSummary, Spread, compare_values};
use super::table::ns;
use crate::plan::sweep::shown;
use crate::result::count;

/// A further step along an axis that changes a figure by less than this share is not worth it.
const WORTH: f64 = 0.10;

/// What the points say, a sentence each, the most telling first. Points whose every run was
/// limited by the harness say nothing about Kafka: they are named, and otherwise left out.
#[must_use]
pub fn conclusions(points: &[PointSummary]) -> Vec<String> {
    let counted: Vec<&PointSummary> = points.iter().filter(|point| point.counts).collect();
    let mut said = Vec::new();
    if points.is_empty() {
        return vec!["No trial has run.".to_owned()];
    }
    kept_up(&counted, points.len() - counted.len(), &mut said);
    best(&counted, &mut said);
    for key in keys(&counted) {
        along(&key, &counted, &mut said);
    }
    scaling(&counted, &mut said);
    for point in counted.iter().filter(|point| point.idle_workers > 0) {
        said.push(format!(
            "{}: {} workers have no partition: each costs a thread and a client, and does nothing.",
            shown(&point.settings),
            point.idle_workers
        ));
    }
    let silent: Vec<String> =
        points.iter().filter(|point| !point.counts).map(|point| shown(&point.settings)).collect();
    if !silent.is_empty() {
        said.push(format!(
            "Left out, because no run of theirs is free of a limit of the harness: {}.",
            silent.join("; ")
        ));
    }
    said
}

fn kept_up(points: &[&PointSummary], silent: usize, said: &mut Vec<String>) {
    let is_known = |point: &&&PointSummary| point.limit != Limit::TooShort;
    let unknown: Vec<String> = points
        .iter()
        .filter(|point| !is_known(point))
        .map(|point| shown(&point.settings))
        .collect();
    let behind: Vec<String> = points
        .iter()
        .filter(|point| is_known(point) && point.limit != Limit::None)
        .map(|point| format!("{} (limit: {})", shown(&point.settings), point.limit))
        .collect();
    let kept = points.len() - behind.len() - unknown.len();
    let that_count = if silent == 0 { "" } else { " that count" };
    if points.is_empty() {
        said.push("No point has a run that counts.".to_owned());
    } else if unknown.len() == points.len() {
        said.push(
            "The runs are too short to tell which point kept up with what was offered: measure \
             longer."
                .to_owned(),
        );
    } else if kept == points.len() {
        said.push(format!("All {kept} points{that_count} kept up with what was offered."));
    } else {
        let mut text =
            format!("{kept} of {} points{that_count} kept up with what was offered", points.len());
        for (what, names) in [("behind", behind), ("too short to tell", unknown)] {
            if !names.is_empty() {
                text.push_str(&format!("; {what}: {}", names.join("; ")));
            }
        }
        said.push(format!("{text}."));
    }
}

fn worst_p99(point: &PointSummary) -> Option<Spread> {
    point.worst(|app| app.p99_ns)
}

/// The point with the lowest p99 among those that kept up, and whether the runs bear it out.
fn best(points: &[&PointSummary], said: &mut Vec<String>) {
    let mut ranked: Vec<(&PointSummary, Spread)> = points
        .iter()
        .filter(|point| point.limit == Limit::None)
        .filter_map(|point| Some((*point, worst_p99(point)?)))
        .collect();
    ranked.sort_by(|one, other| one.1.median.total_cmp(&other.1.median));
    let (Some((best, low)), Some((last, high))) = (ranked.first(), ranked.last()) else {
        return;
    };
    if ranked.len() < 2 {
        return;
    }
    if low.median.is_infinite() {
        said.push("p99 has no end at any point: too much was never delivered.".to_owned());
        return;
    }
    let equals: Vec<String> = ranked[1..]
        .iter()
        .filter(|(_, p99)| !low.is_below(p99))
        .map(|(point, _)| shown(&point.settings))
        .collect();
    let mut text = format!(
        "Lowest p99 of the slowest application: {} at {}; highest: {} at {}{}.",
        ns(low.median),
        shown(&best.settings),
        ns(high.median),
        shown(&last.settings),
        if high.median.is_finite() {
            format!(" ({:.1}×)", high.median / low.median)
        } else {
            String::new()
        }
    );
    if ranked.iter().all(|(_, p99)| p99.runs < 2) {
        text.push_str(" One run of each point can't tell a difference from chance: repeat them.");
    } else if low.runs < 2 {
        text.push_str(" The lowest has one run that counts, which may be chance.");
    } else if !equals.is_empty() {
        text.push_str(&format!(" Its runs overlap with those of {}.", equals.join("; ")));
    }
    said.push(text);
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
fn along(key: &str, all: &[&PointSummary], said: &mut Vec<String>) {
    let points = matched(key, all);
    if points.is_empty() {
        said.push(format!(
            "{key}: no setting of the others counts with every value of it, so its values can't \
             be compared."
        ));
        return;
    }
    let mut values: Vec<&String> = points.iter().filter_map(|p| p.settings.get(key)).collect();
    values.sort_by(|one, other| compare_values(one, other));
    values.dedup();
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
    let numeric = values.iter().all(|value| value.parse::<f64>().is_ok());
    if numeric && values.len() > 2 {
        let (acked, p99): (Vec<_>, Vec<_>) =
            figures.iter().map(|(_, all)| (all[0], all[1])).unzip();
        let by_p99 = knee(&p99, |later, here| later < here * (1.0 - WORTH));
        let by_rate = knee(&acked, |later, here| later > here * (1.0 + WORTH));
        if let Some(place) = by_p99.zip(by_rate).map(|(p99, rate)| p99.max(rate)) {
            text.push_str(&format!(
                " Knee: beyond {} neither improves by {:.0} % any more.",
                figures[place].0,
                WORTH * 100.0
            ));
        }
    }
    said.push(text);
}

/// The first value that no later one improves on; `None` where one has no figure, or where it is
/// the last, which only shows that the knee lies beyond.
fn knee(figures: &[Option<f64>], improves: impl Fn(f64, f64) -> bool) -> Option<usize> {
    let figures: Vec<f64> = figures.iter().copied().collect::<Option<_>>()?;
    let place = (0..figures.len())
        .find(|&here| !figures[here + 1..].iter().any(|&later| improves(later, figures[here])))?;
    (place + 1 < figures.len()).then_some(place)
}

fn scaling(points: &[&PointSummary], said: &mut Vec<String>) {
    for point in points {
        let shared: Vec<String> = point
            .apps
            .iter()
            .filter_map(|app| {
                let share = app.efficiency? * 100.0;
                Some(format!("{} {share:.0} % with {} workers", app.name, app.workers))
            })
            .collect();
        if !shared.is_empty() {
            let place = shown(&point.settings);
            said.push(format!("Scaling against one worker, {place}: {}.", shared.join(", ")));
        }
    }
    let single = |point: &&&PointSummary| point.apps.iter().all(|app| app.workers == 1);
    let several = points.iter().any(|point| point.apps.iter().any(|app| app.workers > 1));
    let alone: Vec<_> = points.iter().filter(single).collect();
    if several && !alone.is_empty() && alone.iter().all(|point| point.limit == Limit::None) {
        said.push(
            "One worker for each application kept up wherever it was tried: there was nothing for \
             more to share. A higher rate shows how they scale."
                .to_owned(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::AppPoint;

    /// A point with one application, and as many runs as figures.
    fn point(settings: &[(&str, &str)], p99_ms: &[f64], acked: f64, limit: Limit) -> PointSummary {
        let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let workers = settings.iter().find(|(key, _)| *key == "workers");
        PointSummary {
            settings: settings.iter().map(pair).collect(),
            counts: limit != Limit::Harness,
            left_out: Vec::new(),
            limit,
            idle_workers: 0,
            offered_per_s: Spread::of([acked]),
            acked_per_s: Spread::of([acked]),
            cpu_us_per_event: Spread::of([7.0]),
            lag_at_end_s: Spread::of([0.0]),
            apps: vec![AppPoint {
                name: "fraud".to_owned(),
                workers: workers.map_or(1, |(_, count)| count.parse().unwrap()),
                consumed_per_s: Spread::of([acked]),
                p50_ns: None,
                p99_ns: Spread::of(p99_ms.iter().map(|ms| ms * 1e6)),
                p99_9_ns: None,
                efficiency: None,
            }],
        }
    }

    #[test]
    fn the_knee_is_where_more_no_longer_helps() {
        let points: Vec<PointSummary> = [("1", 9.0), ("3", 5.0), ("6", 4.9), ("12", 4.8)]
            .map(|(value, p99)| point(&[("partitions", value)], &[p99, p99], 100.0, Limit::None))
            .to_vec();
        let said = conclusions(&points).join("\n");
        assert!(said.starts_with("All 4 points kept up"), "{said}");
        assert!(said.contains("Lowest p99 of the slowest application: 4.80 ms at partitions=12"));
        assert!(said.contains("Knee: beyond 3 neither improves by 10 % any more."), "{said}");
        let falling: Vec<PointSummary> = [("1", 9.0), ("3", 5.0), ("6", 3.0)]
            .map(|(value, p99)| point(&[("partitions", value)], &[p99], 100.0, Limit::None))
            .to_vec();
        let said = conclusions(&falling).join("\n");
        assert!(!said.contains("Knee"), "it lies beyond the sweep: {said}");
        assert!(said.contains("can't tell a difference from chance"), "{said}");
    }

    #[test]
    fn what_the_harness_limited_is_named_and_left_out() {
        let points = [
            point(&[("acks", "1")], &[5.0, 6.0], 100.0, Limit::None),
            point(&[("acks", "all")], &[1.0, 1.0], 100.0, Limit::Harness),
            point(&[("acks", "0")], &[5.5, 7.0], 90.0, Limit::Broker),
        ];
        let said = conclusions(&points).join("\n");
        assert!(
            said.contains(
                "1 of 2 points that count kept up with what was offered; behind: acks=0 (limit: \
                 broker)"
            ),
            "{said}"
        );
        assert!(said.contains("free of a limit of the harness: acks=all"), "{said}");
        assert!(!said.contains("1.00 ms"), "{said}");
    }

    #[test]
    fn a_point_that_is_too_short_to_tell_has_not_kept_up() {
        let short = point(&[("acks", "1")], &[1.0, 1.0], 100.0, Limit::TooShort);
        let long = point(&[("acks", "all")], &[5.0, 6.0], 100.0, Limit::None);
        let said = conclusions(&[short.clone(), long.clone(), long]).join("\n");
        let words = "2 of 3 points kept up with what was offered; too short to tell: acks=1.";
        assert!(said.contains(words), "{said}");
        assert!(!said.contains("1.00 ms at acks=1;"), "it is not the best: {said}");
        let said = conclusions(&[short.clone(), short]).join("\n");
        assert!(said.starts_with("The runs are too short to tell which point kept up"), "{said}");
    }

    #[test]
    fn values_are_compared_in_the_same_company_only() {
        let points = [
            point(&[("acks", "1"), ("linger.ms", "0")], &[2.0], 100.0, Limit::None),
            point(&[("acks", "1"), ("linger.ms", "20")], &[22.0], 100.0, Limit::None),
            point(&[("acks", "all"), ("linger.ms", "0")], &[3.0], 100.0, Limit::None),
            point(&[("acks", "all"), ("linger.ms", "20")], &[9.0], 100.0, Limit::Harness),
        ];
        let said = conclusions(&points);
        let acks = said.iter().find(|line| line.starts_with("acks")).unwrap();
        assert!(acks.contains("application 2.00 ms at 1, 3.00 ms at all"), "{acks}");
        let linger = said.iter().find(|line| line.starts_with("linger.ms")).unwrap();
        assert!(linger.contains("application 2.00 ms at 0, 22.0 ms at 20"), "{linger}");
        assert!(said[0].starts_with("All 3 points that count kept up"), "{said:?}");
        let apart = [
            point(&[("acks", "1"), ("linger.ms", "0")], &[2.0], 100.0, Limit::None),
            point(&[("acks", "all"), ("linger.ms", "20")], &[22.0], 100.0, Limit::None),
        ];
        assert!(conclusions(&apart).join("\n").contains("acks: no setting of the others counts"));
    }

    #[test]
    fn overlapping_runs_are_no_difference() {
        let points = [
            point(&[("linger.ms", "0")], &[5.0, 6.0], 100.0, Limit::None),
            point(&[("linger.ms", "5")], &[5.5, 7.0], 100.0, Limit::None),
            point(&[("linger.ms", "50")], &[55.0, 57.0], 100.0, Limit::None),
        ];
        let said = conclusions(&points).join("\n");
        assert!(said.contains("Its runs overlap with those of linger.ms=5."), "{said}");
        assert!(conclusions(&[]).join("").contains("No trial"));
    }
}
