//! Many configurations, each run several times in turns: which of them may be the best, and what a
//! step from one to another is worth.
//!
//! A repeat is a block: every point is run once in it, so what drifts from repeat to repeat falls
//! out of the difference of two points. The spread is that of all points together, after points
//! and repeats are taken out (the residual of a randomized complete block design; R. A. Fisher,
//! "The Design of Experiments", 1935), or that of the two points themselves where it is more:
//! points of one sweep need not spread alike. All pairs of points are looked at, with Holm's
//! correction (S. Holm, "A simple sequentially rejective multiple test procedure", 1979), so a set
//! of points that differ from none is never split in more than 5 % of all sweeps.

use std::collections::{BTreeMap, BTreeSet};

use super::stats::{ALPHA, VARIANCE_MIN, holm, p_of, quantile};

/// Rounds of taking out points and repeats in turn: enough for tables with holes.
const ROUNDS: usize = 100;

/// The figures of one metric: by point, each with the number of its repeat.
#[derive(Debug, Clone)]
pub struct Panel {
    /// Logarithms, by repeat.
    points: Vec<BTreeMap<u32, f64>>,
    /// Of one figure, all points together.
    variance: f64,
    freedom: f64,
}

/// How much a figure changes from one point, or several, to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PointStep {
    /// Logarithm of the ratio.
    pub log_ratio: f64,
    error: f64,
    freedom: f64,
    /// Two-sided: how often chance would do as much.
    pub p: f64,
}

impl PointStep {
    /// The interval of the ratio that misses it in this share of cases.
    #[must_use]
    pub fn interval(&self, level: f64) -> (f64, f64) {
        let half = quantile(1.0 - level / 2.0, self.freedom) * self.error;
        ((self.log_ratio - half).exp(), (self.log_ratio + half).exp())
    }
}

/// Which points may have the least figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Best {
    /// The point with the least mean.
    pub least: usize,
    /// Points that no other one is shown to be below; the least among them, in their order.
    pub may_be: Vec<usize>,
}

impl Panel {
    /// Of positive figures (repeat, figure) of each point. `None` where a figure has no logarithm,
    /// or where no point was repeated, so that nothing is known of chance.
    #[must_use]
    pub fn of(points: &[Vec<(u32, f64)>]) -> Option<Self> {
        let is_fine = |figure: f64| figure > 0.0 && figure.is_finite();
        if !points.iter().flatten().all(|(_, figure)| is_fine(*figure)) {
            return None;
        }
        let logs = |figures: &Vec<(u32, f64)>| {
            figures.iter().map(|&(repeat, figure)| (repeat, figure.ln())).collect()
        };
        let points: Vec<BTreeMap<u32, f64>> = points.iter().map(logs).collect();
        let repeats: BTreeSet<u32> = points.iter().flat_map(BTreeMap::keys).copied().collect();
        let figures: usize = points.iter().map(BTreeMap::len).sum();
        let filled = points.iter().filter(|point| !point.is_empty()).count();
        let freedom = (figures + 1) as f64 - (filled + repeats.len()) as f64;
        if freedom < 1.0 {
            return None;
        }
        let variance = (residual_squares(&points) / freedom).max(VARIANCE_MIN);
        Some(Self { points, variance, freedom })
    }

    /// The step over pairs (from, to), such as one along an axis in each company of the others.
    /// `None` where a pair has no repeat in common.
    #[must_use]
    pub fn step(&self, pairs: &[(usize, usize)]) -> Option<PointStep> {
        let (mut sum, mut variance, mut squares, mut squares_freedom) = (0.0, 0.0, 0.0, 0.0);
        for &(from, to) in pairs {
            let (from, to) = (self.points.get(from)?, self.points.get(to)?);
            let changes: Vec<f64> =
                from.iter().filter_map(|(repeat, log)| Some(to.get(repeat)? - log)).collect();
            let n = changes.len() as f64;
            let mean = changes.iter().sum::<f64>() / n;
            if changes.is_empty() {
                return None;
            }
            sum += mean;
            variance += 1.0 / n;
            squares += changes.iter().map(|change| (change - mean).powi(2)).sum::<f64>();
            squares_freedom += n - 1.0;
        }
        let companies = pairs.len() as f64;
        if pairs.is_empty() {
            return None;
        }
        let own = if squares_freedom > 0.0 { squares / squares_freedom } else { 0.0 };
        let of_change = own.max(2.0 * self.variance);
        let error = (of_change * variance).sqrt() / companies;
        let log_ratio = sum / companies;
        let p = p_of(log_ratio / error, self.freedom)?;
        Some(PointStep { log_ratio, error, freedom: self.freedom, p })
    }

    /// Which points may be those with the least figure; `None` without any.
    #[must_use]
    pub fn best(&self) -> Option<Best> {
        let filled: Vec<usize> =
            (0..self.points.len()).filter(|&place| !self.points[place].is_empty()).collect();
        let mut steps = Vec::new();
        for (place, &from) in filled.iter().enumerate() {
            for &to in &filled[place + 1..] {
                if let Some(step) = self.step(&[(from, to)]) {
                    steps.push((from, to, step));
                }
            }
        }
        let p: Vec<f64> = steps.iter().map(|(_, _, step)| step.p).collect();
        let mut higher = BTreeSet::new();
        for ((from, to, step), p) in steps.iter().zip(holm(&p)) {
            if p <= ALPHA {
                higher.insert(if step.log_ratio > 0.0 { *to } else { *from });
            }
        }
        let mean = |place: usize| {
            let logs = &self.points[place];
            logs.values().sum::<f64>() / logs.len() as f64
        };
        let least = filled.iter().copied().min_by(|&a, &b| mean(a).total_cmp(&mean(b)))?;
        let may_be: Vec<usize> = filled.into_iter().filter(|p| !higher.contains(p)).collect();
        // With holes the least mean may be that of a point that ran in the better repeats only.
        let least = if may_be.contains(&least) { least } else { *may_be.first()? };
        Some(Best { least, may_be })
    }
}

/// What is left of the figures when points and repeats are taken out.
fn residual_squares(points: &[BTreeMap<u32, f64>]) -> f64 {
    let mut left: Vec<BTreeMap<u32, f64>> = points.to_vec();
    for _ in 0..ROUNDS {
        for point in left.iter_mut().filter(|point| !point.is_empty()) {
            let mean = point.values().sum::<f64>() / point.len() as f64;
            point.values_mut().for_each(|log| *log -= mean);
        }
        let mut of_repeat: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
        for (repeat, log) in left.iter().flatten() {
            let (sum, count) = of_repeat.entry(*repeat).or_default();
            *sum += log;
            *count += 1.0;
        }
        let mut moved: f64 = 0.0;
        for (repeat, log) in left.iter_mut().flatten() {
            let (sum, count) = of_repeat.get(repeat).copied().unwrap_or((0.0, 1.0));
            let mean = sum / count;
            *log -= mean;
            moved = moved.max(mean.abs());
        }
        if moved < 1e-12 {
            break;
        }
    }
    left.iter().flat_map(BTreeMap::values).map(|log| log * log).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(points: &[&[f64]]) -> Panel {
        let numbered = |figures: &&[f64]| (0..).zip(figures.iter().copied()).collect();
        Panel::of(&points.iter().map(numbered).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_drift_from_repeat_to_repeat_is_no_spread() {
        // Each repeat is twice the one before; points differ by 1, 2 and 3 in the logarithm.
        let of = |point: f64| [1.0, 2.0, 4.0].map(|drift: f64| point.exp() * drift);
        let panel = panel(&[&of(1.0), &of(2.0), &of(3.0)]);
        assert_eq!((panel.variance, panel.freedom), (VARIANCE_MIN, 4.0));
        let step = panel.step(&[(0, 1)]).unwrap();
        assert!((step.log_ratio - 1.0).abs() < 1e-9 && step.p < 1e-6);
        assert_eq!(panel.best().unwrap(), Best { least: 0, may_be: vec![0] });
        let over = panel.step(&[(0, 1), (1, 2)]).unwrap();
        assert!((over.log_ratio - 1.0).abs() < 1e-9);
        let (low, high) = over.interval(0.05);
        assert!(low > 2.7 && low < high && high < 2.75, "{low} {high}");
    }

    #[test]
    fn the_residual_is_that_of_two_ways_with_holes_too() {
        // Additive but for one figure that is missing: nothing is left.
        let mut points: Vec<BTreeMap<u32, f64>> = (0..4)
            .map(|point| {
                (0..3)
                    .map(|repeat| (repeat, f64::from(point * 5 + repeat as i32 * repeat as i32)))
                    .collect()
            })
            .collect();
        points[2].remove(&1);
        assert!(residual_squares(&points) < 1e-12, "{}", residual_squares(&points));
        // A figure that is off by d in a full table of 4 x 3 leaves d² (1 - 1/4)(1 - 1/3).
        let mut full: Vec<BTreeMap<u32, f64>> = vec![(0..3).map(|r| (r, 0.0)).collect(); 4];
        full[1].insert(1, 2.0);
        assert!((residual_squares(&full) - 4.0 * 0.75 * 2.0 / 3.0).abs() < 1e-9);
    }

    fn near(left: f64, right: f64) {
        assert!((left - right).abs() < 1e-6, "{left} is not {right}");
    }

    /// Of logarithms by repeat, from 0.
    fn logs(points: &[&[f64]]) -> Vec<BTreeMap<u32, f64>> {
        points.iter().map(|logs| (0..).zip(logs.iter().copied()).collect()).collect()
    }

    #[test]
    fn a_step_between_two_points_is_the_t_of_their_differences() {
        // Differences of 1, 2 and 0: mean 1, variance 1, error 1/√3, 2 degrees; the variance of
        // one figure is half of that. For 2 degrees p is 1 − t/√(2 + t²), and 97.5 % lie below
        // 4.30265.
        let exp = |logs: [f64; 3]| logs.map(f64::exp);
        let panel = panel(&[&exp([0.0, 1.0, 2.0]), &exp([1.0, 3.0, 2.0])]);
        near(panel.variance, 0.5);
        near(panel.freedom, 2.0);
        let step = panel.step(&[(0, 1)]).unwrap();
        near(step.log_ratio, 1.0);
        near(step.p, 1.0 - (3.0_f64 / 5.0).sqrt());
        let (low, high) = step.interval(0.05);
        near(low.ln(), 1.0 - 4.302_653 / 3.0_f64.sqrt());
        near(high.ln(), 1.0 + 4.302_653 / 3.0_f64.sqrt());
    }

    #[test]
    fn a_step_over_several_pairs_is_their_mean_with_the_larger_of_both_spreads() {
        // From the first point: 1, 1, 3, 3 (mean 2, squares 4) and 5, 7 (mean 6, squares 2).
        let points = logs(&[&[0.0; 4], &[1.0, 1.0, 3.0, 3.0], &[5.0, 7.0]]);
        let of = |variance: f64| {
            let panel = Panel { points: points.clone(), variance, freedom: 5.0 };
            panel.step(&[(0, 1), (0, 2)]).unwrap()
        };
        // Their own: 6 squares with 4 degrees, times 1/4 + 1/2, over two pairs.
        let own = of(0.1);
        near(own.log_ratio, 4.0);
        near(own.error, (1.5_f64 * 0.75).sqrt() / 2.0);
        near(own.p, 0.000_648_98);
        // That of all points: of a difference twice 3.
        let common = of(3.0);
        near(common.error, (6.0_f64 * 0.75).sqrt() / 2.0);
        near(common.p, 0.013_006_39);
    }

    #[test]
    fn a_step_without_a_pair_or_without_a_repeat_in_common_is_none() {
        let points = vec![[(0, 0.0), (1, 0.0)].into(), [(2, 1.0), (3, 1.0)].into()];
        let panel = Panel { points, variance: 1.0, freedom: 1.0 };
        assert_eq!(panel.step(&[(0, 1)]), None);
        assert_eq!(panel.step(&[]), None);
        assert_eq!(panel.step(&[(0, 2)]), None, "no such point");
    }

    #[test]
    fn two_points_in_two_repeats_are_the_least_that_tells_something() {
        let panel = panel(&[&[1.0, 2.0], &[3.0, 5.0]]);
        near(panel.freedom, 1.0);
        assert!(Panel::of(&[vec![(0, 1.0), (1, 0.0)], vec![(0, 1.0), (1, 1.0)]]).is_none());
        assert!(Panel::of(&[]).is_some_and(|panel| panel.best().is_none()));
    }

    #[test]
    fn two_points_are_one_comparison() {
        // Differences of 0.7, 1 and 1.3: t = 5.77 with 2 degrees, p = 2.9 %. Twice that would be
        // too much.
        let exp = |logs: [f64; 3]| logs.map(f64::exp);
        let panel = panel(&[&exp([0.7, 1.0, 1.3]), &exp([0.0; 3])]);
        assert_eq!(panel.best(), Some(Best { least: 1, may_be: vec![1] }));
    }

    #[test]
    fn the_least_is_that_with_the_least_mean_however_often_it_ran() {
        // Sums of 2.0 and of 1.5, means of 0.5 and of 0.75.
        let points = logs(&[&[0.3, 0.7, 0.2, 0.8], &[0.9, 0.6]]);
        let panel = Panel { points, variance: 0.1, freedom: 3.0 };
        assert_eq!(panel.best(), Some(Best { least: 0, may_be: vec![0, 1] }));
    }

    #[test]
    fn points_that_overlap_stay_in_the_set_and_one_run_each_tells_nothing() {
        let panel = panel(&[&[5.0, 6.0, 5.5], &[5.4, 6.1, 5.2], &[55.0, 57.0, 58.0]]);
        assert_eq!(panel.best().unwrap().may_be, [0, 1]);
        assert!(Panel::of(&[vec![(0, 1.0)], vec![(0, 2.0)], vec![(0, 3.0)]]).is_none());
        assert!(
            Panel::of(&[vec![(0, 1.0), (1, f64::INFINITY)], vec![(0, 1.0), (1, 1.0)]]).is_none()
        );
    }

    #[test]
    fn a_pair_that_spreads_more_than_the_others_is_judged_by_its_own_spread() {
        let quiet = [1.0, 1.01, 0.99];
        let points: [&[f64]; 6] =
            [&[1.0, 1.9, 0.8], &[2.2, 1.4, 1.7], &quiet, &quiet, &quiet, &quiet];
        let panel = panel(&points);
        let (wild, calm) = (panel.step(&[(0, 1)]).unwrap(), panel.step(&[(2, 3)]).unwrap());
        assert!(wild.error > 1.5 * calm.error, "{wild:?} {calm:?}");
    }
}
