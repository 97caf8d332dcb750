//! What a sweep says, and what comparing two sweeps says, held against points whose truth is known.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;

use super::axis::{knee, steps_together, values};
use super::figures::RunFigures;
use super::limit::Bottleneck;
use super::points::{PointSummary, p99s};
use crate::base::text::percent;
use crate::result::compare::panel::Panel;
use crate::result::compare::power::experiment::normal;
use crate::result::compare::stats::{ALPHA, Call, Estimate, call, holm};

/// Standard deviation of a p99's logarithm from run to run.
const SPREAD: f64 = 0.08;

const MIN_EFFECT: f64 = 0.05;

/// Metrics of a point that nobody had to ask for.
const METRICS: usize = 11;

/// The sweeps that kbench ships: name, values of each axis, repeats; and one with more of these.
const SHIPPED: [(&str, &[usize], u32); 3] = [
    ("sweep-partitions-consumers", &[4, 3], 3),
    ("sweep-producer", &[2, 3, 3], 3),
    ("sweep-producer, 10 repeats", &[2, 3, 3], 10),
];

/// A sweep whose truth is known.
struct Truth<'t> {
    axes: &'t [usize],
    repeats: u32,
    /// What each point's p99 is, by the places of its values.
    p99: &'t dyn Fn(&[usize]) -> f64,
    /// Each point's spread as a multiple of [`SPREAD`].
    spread: &'t dyn Fn(usize) -> f64,
    /// How far all drifts from the first to the last run, in units of the spread.
    drift: f64,
}

impl Truth<'_> {
    fn places(&self) -> Vec<Vec<usize>> {
        let mut places = vec![Vec::new()];
        for &axis in self.axes {
            let longer = |place: &Vec<usize>| {
                (0..axis).map(|value| [place.as_slice(), &[value]].concat()).collect::<Vec<_>>()
            };
            places = places.iter().flat_map(longer).collect();
        }
        places
    }

    /// One sweep, its runs in the order in which a sweep takes them.
    fn draw(&self, rng: &mut Pcg64Mcg) -> Vec<PointSummary> {
        let places = self.places();
        let mut points: Vec<PointSummary> = places.iter().map(|place| bare(place)).collect();
        let mut order: Vec<usize> = (0..points.len()).collect();
        let all = points.len() * self.repeats as usize;
        let mut turn = 0;
        for repeat in 0..self.repeats {
            if repeat % 2 == 0 {
                order.shuffle(rng);
            } else {
                order.reverse();
            }
            for &point in &order {
                let drift = self.drift * f64::from(turn) / (all - 1) as f64;
                let log = SPREAD * ((self.spread)(point) * normal(rng) + drift);
                points[point].runs.push(RunFigures {
                    repeat,
                    acked_per_s: 10_000.0 * (0.001 * normal(rng)).exp(),
                    p99_ns: Some(1e6 * (self.p99)(&places[point]) * log.exp()),
                    endless: false,
                });
                turn += 1;
            }
        }
        points
    }
}

/// A point without runs: axis 0 has the values 1, 2, ...
fn bare(place: &[usize]) -> PointSummary {
    let setting = |(axis, value): (usize, &usize)| (format!("axis{axis}"), (value + 1).to_string());
    PointSummary {
        settings: place.iter().enumerate().map(setting).collect(),
        counts: true,
        left_out: Vec::new(),
        limit: Bottleneck::None,
        idle_workers: 0,
        offered_per_s: None,
        acked_per_s: None,
        cpu_us_per_event: None,
        lag_at_end_s: None,
        apps: Vec::new(),
        metrics: BTreeMap::new(),
        runs: Vec::new(),
    }
}

/// How often some point of two sweeps of the same is called different: corrected over points and
/// metrics, and over the metrics of each point only.
fn false_alarms(points: usize, repeats: u32, times: u32, seed: u64) -> (f64, f64) {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let (mut over_all, mut per_point) = (0_u32, 0_u32);
    for _ in 0..times {
        let mut figures = || (0..repeats).map(|_| (SPREAD * normal(&mut rng)).exp()).collect();
        let estimates: Vec<Estimate> = (0..points * METRICS)
            .filter_map(|_| {
                let (base, other): (Vec<f64>, Vec<f64>) = (figures(), figures());
                Estimate::of(&base, &other)
            })
            .collect();
        let is_called = |estimates: &[Estimate]| {
            let p: Vec<f64> = estimates.iter().map(|estimate| estimate.p).collect();
            let called = |(it, p): (&Estimate, f64)| {
                p <= ALPHA && matches!(call(it, p, MIN_EFFECT, true), Call::Better | Call::Worse)
            };
            estimates.iter().zip(holm(&p)).any(called)
        };
        over_all += u32::from(is_called(&estimates));
        per_point += u32::from(estimates.chunks(METRICS).any(is_called));
    }
    let share = |count: u32| f64::from(count) / f64::from(times);
    (share(over_all), share(per_point))
}

/// Of many sweeps: how often some point was said to be above another, and how often the first
/// point was among those that may be the best, and was it alone.
fn best(truth: &Truth<'_>, times: u32, seed: u64) -> [f64; 3] {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut counts = [0_u32; 3];
    for _ in 0..times {
        let points = truth.draw(&mut rng);
        let panel = Panel::of(&points.iter().map(p99s).collect::<Vec<_>>());
        let Some(found) = panel.as_ref().and_then(Panel::best) else { continue };
        let is_split = found.may_be.len() < points.len();
        let is_in = found.may_be.contains(&0);
        for (count, is_so) in
            counts.iter_mut().zip([is_split, is_in, is_in && found.may_be.len() == 1])
        {
            *count += u32::from(is_so);
        }
    }
    counts.map(|count| f64::from(count) / f64::from(times))
}

/// Of many sweeps: how often a knee along the first axis is said to lie at the second value, and
/// how often anywhere else.
fn knees(truth: &Truth<'_>, times: u32, seed: u64) -> [f64; 2] {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut counts = [0_u32; 2];
    for _ in 0..times {
        let drawn = truth.draw(&mut rng);
        let points: Vec<&PointSummary> = drawn.iter().collect();
        let keys: Vec<String> = drawn[0].settings.keys().cloned().collect();
        let steps = steps_together(&keys, &points);
        let found = knee(&values("axis0", &points), &points, "axis0", steps);
        match found.map(|knee| knee.place) {
            Some(1) => counts[0] += 1,
            // None is worth a step: that is not said to be a knee.
            Some(2..) => counts[1] += 1,
            Some(0) | None => {}
        }
    }
    counts.map(|count| f64::from(count) / f64::from(times))
}

/// The tables of `docs/compare.md` on sweeps, in Markdown.
#[must_use]
pub fn simulated(times: u32, seed: u64) -> String {
    let mut out = format!("\n{times} simulated sweeps a row, {METRICS} metrics, seed {seed}\n\n");
    out.push_str(
        "| a sweep against itself | points | repeats | some call, Holm over points and metrics | \
         over the metrics of a point |\n|---|--:|--:|--:|--:|\n",
    );
    for (name, axes, repeats) in SHIPPED {
        let points: usize = axes.iter().product();
        let (over_all, per_point) = false_alarms(points, repeats, times, seed);
        let shares = [over_all, per_point].map(|share| percent(Some(share))).join(" | ");
        out.push_str(&format!("| {name} | {points} | {repeats} | {shares} |\n"));
    }
    out.push_str(
        "\n| points that may be the best | equal points: some left out | half of them spread three \
         times as much | drift of 8 sd | the first 30 % lower: among them | alone |\n\
         |---|--:|--:|--:|--:|--:|\n",
    );
    for (name, axes, repeats) in SHIPPED {
        let first = |place: &[usize]| if place.iter().all(|value| *value == 0) { 0.7 } else { 1.0 };
        let truth = Truth { axes, repeats, p99: &|_| 1.0, spread: &|_| 1.0, drift: 0.0 };
        let wild = |point: usize| if point.is_multiple_of(2) { 3.0 } else { 1.0 };
        let [equal, ..] = best(&truth, times, seed);
        let [unequal, ..] = best(&Truth { spread: &wild, ..truth }, times, seed);
        let [drifting, ..] = best(&Truth { drift: 8.0, ..truth }, times, seed);
        let [_, among, alone] = best(&Truth { p99: &first, ..truth }, times, seed);
        let shares =
            [equal, unequal, drifting, among, alone].map(|share| percent(Some(share))).join(" | ");
        out.push_str(&format!("| {name} | {shares} |\n"));
    }
    out.push_str(
        "\n| knee of 4 values in the company of 3, p99 of each | repeats | said at the second | \
         elsewhere |\n|---|--:|--:|--:|\n",
    );
    for (p99, repeats) in [
        ([1.0; 4], 3),
        ([2.0, 1.0, 1.0, 1.0], 3),
        ([2.0, 1.0, 1.0, 1.0], 10),
        ([4.0, 3.0, 2.0, 1.0], 3),
    ] {
        let by_first = |place: &[usize]| p99[place[0]];
        let truth = Truth { axes: &[4, 3], repeats, p99: &by_first, spread: &|_| 1.0, drift: 0.0 };
        let shares = knees(&truth, times, seed).map(|share| percent(Some(share))).join(" | ");
        let p99 = p99.map(|p99: f64| format!("{p99:.0} ms")).join(", ");
        out.push_str(&format!("| {p99} | {repeats} | {shares} |\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: u32 = 500;

    #[test]
    fn two_sweeps_of_the_same_are_rarely_called_different_at_any_point() {
        let (over_all, per_point) = false_alarms(12, 3, TIMES, 1);
        assert!(over_all <= 0.06, "{over_all}");
        assert!(per_point > 0.2, "what it would be: {per_point}");
    }

    #[test]
    fn equal_points_are_rarely_split_and_a_lower_one_is_kept() {
        let truth =
            Truth { axes: &[4, 3], repeats: 3, p99: &|_| 1.0, spread: &|_| 1.0, drift: 0.0 };
        let [equal, ..] = best(&truth, TIMES, 1);
        assert!(equal <= 0.06, "{equal}");
        let [drifting, ..] = best(&Truth { drift: 8.0, ..truth }, TIMES, 2);
        assert!(drifting <= 0.06, "{drifting}");
        let first = |place: &[usize]| if place == [0, 0] { 0.6 } else { 1.0 };
        let [split, among, alone] = best(&Truth { p99: &first, ..truth }, TIMES, 3);
        assert!(split > 0.95 && among > 0.99 && alone > 0.5, "{split} {among} {alone}");
    }

    #[test]
    fn a_knee_is_said_where_it_is_and_hardly_anywhere_else() {
        let at = |p99: [f64; 4], repeats: u32| {
            let by_first = move |place: &[usize]| p99[place[0]];
            let truth =
                Truth { axes: &[4, 3], repeats, p99: &by_first, spread: &|_| 0.5, drift: 0.0 };
            knees(&truth, TIMES / 2, 4)
        };
        let [right, wrong] = at([2.0, 1.0, 1.0, 1.0], 10);
        assert!(right > 0.8 && wrong <= 0.05, "{right} {wrong}");
        assert!(at([1.0; 4], 3).iter().sum::<f64>() <= 0.05);
        assert!(at([4.0, 3.0, 2.0, 1.0], 3).iter().sum::<f64>() <= 0.05);
    }
}
