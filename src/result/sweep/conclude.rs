//! A sweep's answer in words.

use super::axis;
use super::limit::Bottleneck;
use super::points::{PointSummary, Spread, p99s, worst_p99};
use crate::base::text::ns;
use crate::plan::sweep::shown;
use crate::result::compare::panel::Panel;

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
    said.extend(axis::all(&counted));
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
    let is_known = |point: &&&PointSummary| point.limit != Bottleneck::TooShort;
    let unknown: Vec<String> = points
        .iter()
        .filter(|point| !is_known(point))
        .map(|point| shown(&point.settings))
        .collect();
    let behind: Vec<String> = points
        .iter()
        .filter(|point| is_known(point) && point.limit != Bottleneck::None)
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

/// The point with the lowest p99 among those that kept up, and which points may be it all the same.
fn best(points: &[&PointSummary], said: &mut Vec<String>) {
    let (endless, finite): (Vec<&PointSummary>, Vec<&PointSummary>) = points
        .iter()
        .filter(|it| it.limit == Bottleneck::None)
        .partition(|point| is_endless(point));
    let mut ranked: Vec<(&PointSummary, Spread)> =
        finite.into_iter().filter_map(|point| Some((point, worst_p99(point)?))).collect();
    ranked.sort_by(|one, other| one.1.median.total_cmp(&other.1.median));
    if ranked.len() > 1 {
        said.push(lowest(&ranked));
    }
    if !endless.is_empty() && ranked.is_empty() {
        said.push("p99 has no end at any point: too much was never delivered.".to_owned());
    } else if !endless.is_empty() {
        let names: Vec<String> = endless.iter().map(|point| shown(&point.settings)).collect();
        said.push(format!(
            "p99 without end in some runs, because too much was never delivered: {}.",
            names.join("; ")
        ));
    }
}

/// Of points by their median, each with figures that have an end.
fn lowest(ranked: &[(&PointSummary, Spread)]) -> String {
    let panel = Panel::of(&ranked.iter().map(|(point, _)| p99s(point)).collect::<Vec<_>>());
    let found = panel.as_ref().and_then(Panel::best);
    let least = found.as_ref().map_or(0, |found| found.least);
    let ((best, low), (last, high)) = (&ranked[least], &ranked[ranked.len() - 1]);
    let mut text = format!(
        "Lowest p99 of the slowest application: {} at {}; highest: {} at {} ({:.1}×).",
        ns(low.median),
        shown(&best.settings),
        ns(high.median),
        shown(&last.settings),
        high.median / low.median
    );
    match found {
        None => text
            .push_str(" One run of each point can't tell a difference from chance: repeat them."),
        Some(found) if found.may_be.len() == ranked.len() => {
            text.push_str(" No point is shown to be above another: any of them may be the best.");
        }
        Some(found) if found.may_be.len() == 1 => {
            text.push_str(" Every other point is shown to be above it.");
        }
        Some(found) => {
            let names: Vec<String> =
                found.may_be.iter().map(|place| shown(&ranked[*place].0.settings)).collect();
            text.push_str(&format!(" The best may be any of: {}.", names.join("; ")));
        }
    }
    text
}

fn is_endless(point: &PointSummary) -> bool {
    point.runs.iter().any(|run| run.endless)
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
    if several && !alone.is_empty() && alone.iter().all(|point| point.limit == Bottleneck::None) {
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
    use crate::result::sweep::figures::RunFigures;
    use crate::result::sweep::points::AppPoint;
    use std::collections::BTreeMap;

    /// A point with one application, and as many runs as figures.
    fn point(
        settings: &[(&str, &str)],
        p99_ms: &[f64],
        acked: f64,
        limit: Bottleneck,
    ) -> PointSummary {
        let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let workers = settings.iter().find(|(key, _)| *key == "workers");
        PointSummary {
            settings: settings.iter().map(pair).collect(),
            counts: limit != Bottleneck::Harness,
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
                metrics: BTreeMap::new(),
            }],
            metrics: BTreeMap::new(),
            runs: (0..)
                .zip(p99_ms)
                .map(|(repeat, ms)| RunFigures {
                    repeat,
                    acked_per_s: acked,
                    p99_ns: ms.is_finite().then_some(ms * 1e6),
                    endless: ms.is_infinite(),
                })
                .collect(),
        }
    }

    /// Points along one axis, three runs each, a few percent apart.
    fn steps(key: &str, values: &[(&str, f64)], spread: f64) -> Vec<PointSummary> {
        let noise = [[1.0, -0.6, 0.2], [-0.8, 0.9, -0.1], [0.3, 0.4, -1.0], [-0.2, -0.7, 0.9]];
        let runs = |place: usize, p99: f64| noise[place % 4].map(|by| p99 * (1.0 + spread * by));
        let one = |(place, (value, p99)): (usize, &(&str, f64))| {
            point(&[(key, value)], &runs(place, *p99), 100.0, Bottleneck::None)
        };
        values.iter().enumerate().map(one).collect()
    }

    #[test]
    fn the_knee_is_where_more_no_longer_helps_if_the_runs_show_it() {
        let values = [("1", 9.0), ("3", 5.0), ("6", 4.9), ("12", 4.8)];
        let said = conclusions(&steps("partitions", &values, 0.005)).join("\n");
        assert!(said.starts_with("All 4 points kept up"), "{said}");
        assert!(said.contains("Knee: beyond 3 neither improves by 10 %"), "{said}");
        assert!(said.contains("the step to it, from 1, changes p99 by -44."), "{said}");
        // The same medians, but runs that are further apart than the steps.
        let said = conclusions(&steps("partitions", &values, 0.25)).join("\n");
        assert!(!said.contains("Knee"), "the runs don't show it: {said}");
        // The step to 3 is plain, but not that the later ones are worth nothing: only by their
        // estimates, or if there were no other step to be looked at.
        let said = conclusions(&steps("partitions", &values, 0.03)).join("\n");
        assert!(!said.contains("Knee"), "{said}");
        let falling = [("1", 9.0), ("3", 5.0), ("6", 3.0)];
        let said = conclusions(&steps("partitions", &falling, 0.005)).join("\n");
        assert!(!said.contains("Knee"), "it lies beyond the sweep: {said}");
        let flat = [("1", 5.0), ("3", 5.0), ("6", 5.0)];
        let said = conclusions(&steps("partitions", &flat, 0.005)).join("\n");
        assert!(!said.contains("Knee"), "{said}");
        assert!(said.contains("No later value is better than 1 by 10 %"), "{said}");
        let once: Vec<PointSummary> = values
            .map(|(value, p99)| point(&[("partitions", value)], &[p99], 100.0, Bottleneck::None))
            .to_vec();
        let said = conclusions(&once).join("\n");
        assert!(!said.contains("Knee") && said.contains("can't tell a difference from chance"));
    }

    #[test]
    fn what_the_harness_limited_is_named_and_left_out() {
        let points = [
            point(&[("acks", "1")], &[5.0, 6.0], 100.0, Bottleneck::None),
            point(&[("acks", "all")], &[1.0, 1.0], 100.0, Bottleneck::Harness),
            point(&[("acks", "0")], &[5.5, 7.0], 90.0, Bottleneck::Broker),
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
        let short = point(&[("acks", "1")], &[1.0, 1.0], 100.0, Bottleneck::TooShort);
        let long = point(&[("acks", "all")], &[5.0, 6.0], 100.0, Bottleneck::None);
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
            point(&[("acks", "1"), ("linger.ms", "0")], &[2.0], 100.0, Bottleneck::None),
            point(&[("acks", "1"), ("linger.ms", "20")], &[22.0], 100.0, Bottleneck::None),
            point(&[("acks", "all"), ("linger.ms", "0")], &[3.0], 100.0, Bottleneck::None),
            point(&[("acks", "all"), ("linger.ms", "20")], &[9.0], 100.0, Bottleneck::Harness),
        ];
        let said = conclusions(&points);
        let acks = said.iter().find(|line| line.starts_with("acks")).unwrap();
        assert!(acks.contains("application 2.00 ms at 1, 3.00 ms at all"), "{acks}");
        let linger = said.iter().find(|line| line.starts_with("linger.ms")).unwrap();
        assert!(linger.contains("application 2.00 ms at 0, 22.0 ms at 20"), "{linger}");
        assert!(said[0].starts_with("All 3 points that count kept up"), "{said:?}");
        let apart = [
            point(&[("acks", "1"), ("linger.ms", "0")], &[2.0], 100.0, Bottleneck::None),
            point(&[("acks", "all"), ("linger.ms", "20")], &[22.0], 100.0, Bottleneck::None),
        ];
        assert!(conclusions(&apart).join("\n").contains("acks: no setting of the others counts"));
    }

    #[test]
    fn the_points_that_may_be_the_best_are_named_and_no_other() {
        let points = [
            point(&[("linger.ms", "0")], &[5.0, 6.0, 5.6], 100.0, Bottleneck::None),
            point(&[("linger.ms", "5")], &[5.5, 7.0, 5.4], 100.0, Bottleneck::None),
            point(&[("linger.ms", "50")], &[55.0, 57.0, 58.0], 100.0, Bottleneck::None),
        ];
        let said = conclusions(&points).join("\n");
        assert!(said.contains("The best may be any of: linger.ms=5; linger.ms=0."), "{said}");
        let same = [points[0].clone(), points[1].clone()];
        let said = conclusions(&same).join("\n");
        assert!(said.contains("No point is shown to be above another"), "{said}");
        let apart = [points[0].clone(), points[2].clone()];
        let said = conclusions(&apart).join("\n");
        assert!(said.contains("Every other point is shown to be above it."), "{said}");
        // Every run below every run of the other, but no further apart than runs are: chance does
        // so in one of ten sweeps of two points, and in most of twenty.
        let close = [
            point(&[("linger.ms", "0")], &[5.4, 5.0, 5.2], 100.0, Bottleneck::None),
            point(&[("linger.ms", "5")], &[5.5, 6.2, 5.6], 100.0, Bottleneck::None),
        ];
        let said = conclusions(&close).join("\n");
        assert!(said.contains("No point is shown to be above another"), "{said}");
        assert!(conclusions(&[]).join("").contains("No trial"));
    }

    #[test]
    fn a_p99_without_end_is_named_and_never_the_best() {
        let points = [
            point(&[("acks", "1")], &[1.0, f64::INFINITY, 1.0], 100.0, Bottleneck::None),
            point(&[("acks", "all")], &[5.0, 5.1, 5.2], 100.0, Bottleneck::None),
            point(&[("acks", "0")], &[5.5, 5.2, 5.3], 100.0, Bottleneck::None),
        ];
        let said = conclusions(&points).join("\n");
        assert!(
            said.contains("p99 without end in some runs") && said.contains("acks=1."),
            "{said}"
        );
        assert!(said.contains("5.10 ms at acks=all; highest: 5.30 ms at acks=0"), "{said}");
    }
}
