//! The statistics of two groups of runs: Welch's interval of a ratio, Holm's correction, and what
//! a comparison could have found. How many runs it takes is in [`repeats`](super::repeats).
//!
//! A sample is one figure of one whole run. Windows of a run are no samples: they depend on each
//! other, and a test on them sees differences where there are none.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::anytime;

/// How often a comparison may see a difference that is not there.
pub const ALPHA: f64 = 0.05;

/// How often a difference that is there should be found, for [`detectable`] and
/// [`repeats`](super::repeats).
pub const POWER: f64 = 0.8;

/// Fewer runs a side decide nothing.
pub const RUNS_MIN: usize = 3;

/// A figure is no finer than its histogram, 0.1 %: equal figures are not equal to the last bit.
const RESOLUTION: f64 = 0.001;

/// The variance of a figure's logarithm is at least that of its rounding.
pub(super) const VARIANCE_MIN: f64 = RESOLUTION * RESOLUTION / 12.0;

/// What a comparison says of one metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Changed for the worse.
    Worse,
    /// Changed for the better.
    Better,
    /// Nothing decided.
    Inconclusive,
    /// Any change is smaller than the smallest effect asked for.
    Same,
}

impl Call {
    /// As the user reads it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::Better => "better",
            Self::Inconclusive => "inconclusive",
            Self::Same => "same",
        }
    }
}

/// The ratio candidate : baseline of two groups of runs, on logarithms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Logarithm of the ratio of the geometric means.
    pub log_ratio: f64,
    /// Its standard error.
    pub error: f64,
    /// Degrees of freedom by Welch and Satterthwaite.
    pub freedom: f64,
    /// Sum of both sides' variances, of one run each; of pairs that of a pair's log ratio.
    pub variance: f64,
    /// Two-sided: how often runs of the same would differ this much.
    pub p: f64,
    /// How the runs of both sides belong together.
    pub design: Design,
    /// How often they are looked at.
    pub looks: Looks,
}

/// How the runs of two sides belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Design {
    /// Two groups by themselves: Welch's t.
    Apart,
    /// Pairs of runs, taken one after the other: the t of their log ratios.
    Paired,
}

/// How often runs are looked at before their number is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Looks {
    /// Once: their number was fixed before.
    Once,
    /// After each pair, and the look decides whether there is another.
    Always,
}

impl Estimate {
    /// Of positive figures, a run each; `None` with fewer than two runs a side, or where a
    /// logarithm does not exist.
    #[must_use]
    pub fn of(baseline: &[f64], candidate: &[f64]) -> Option<Self> {
        let (base_mean, base_variance) = moments(baseline)?;
        let (mean, variance) = moments(candidate)?;
        let (base_n, n) = (baseline.len() as f64, candidate.len() as f64);
        let (base_part, part) = (base_variance / base_n, variance / n);
        let error = (base_part + part).sqrt();
        let freedom = (base_part + part).powi(2)
            / (base_part.powi(2) / (base_n - 1.0) + part.powi(2) / (n - 1.0));
        let log_ratio = mean - base_mean;
        let t = log_ratio / error;
        let p = p_of(t, freedom)?;
        let variance = base_variance + variance;
        let (design, looks) = (Design::Apart, Looks::Once);
        Some(Self { log_ratio, error, freedom, variance, p, design, looks })
    }

    /// As if the spread of two groups were known exactly; `variance` is the sum of both.
    #[must_use]
    pub(super) const fn known(variance: f64) -> Self {
        let (design, looks) = (Design::Apart, Looks::Once);
        Self { log_ratio: 0.0, error: 1.0, freedom: 1e6, variance, p: 1.0, design, looks }
    }

    /// Candidate : baseline.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.log_ratio.exp()
    }

    /// The 95 % interval of the ratio.
    #[must_use]
    pub fn interval(&self) -> (f64, f64) {
        let half = self.critical(ALPHA) * self.error;
        ((self.log_ratio - half).exp(), (self.log_ratio + half).exp())
    }

    /// How many standard errors chance goes to either side, but for this share of cases.
    pub(super) fn critical(&self, level: f64) -> f64 {
        match self.looks {
            Looks::Once => quantile(1.0 - level / 2.0, self.freedom),
            Looks::Always => anytime::critical(level, self.freedom),
        }
    }
}

/// Mean and variance of the logarithms.
fn moments(figures: &[f64]) -> Option<(f64, f64)> {
    if figures.len() < 2 || figures.iter().any(|figure| *figure <= 0.0 || !figure.is_finite()) {
        return None;
    }
    let n = figures.len() as f64;
    let logs: Vec<f64> = figures.iter().map(|figure| figure.ln()).collect();
    let mean = logs.iter().sum::<f64>() / n;
    let squares: f64 = logs.iter().map(|log| (log - mean).powi(2)).sum();
    Some((mean, (squares / (n - 1.0)).max(VARIANCE_MIN)))
}

/// Two-sided: how often chance makes a t at least as large.
pub(super) fn p_of(t: f64, freedom: f64) -> Option<f64> {
    Some((2.0 * student(freedom)?.cdf(-t.abs())).min(1.0))
}

fn student(freedom: f64) -> Option<StudentsT> {
    StudentsT::new(0.0, 1.0, freedom).ok()
}

/// The quantile of Student's t.
pub(super) fn quantile(share: f64, freedom: f64) -> f64 {
    student(freedom).map_or(f64::INFINITY, |t| t.inverse_cdf(share))
}

/// Holm's correction: what each p becomes when all of them are looked at.
#[must_use]
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&left, &right| p[left].total_cmp(&p[right]));
    let mut adjusted = vec![1.0; p.len()];
    let mut greatest: f64 = 0.0;
    for (place, &index) in order.iter().enumerate() {
        greatest = greatest.max((p.len() - place) as f64 * p[index]).min(1.0);
        adjusted[index] = greatest;
    }
    adjusted
}

/// The call: a change that is no chance and large enough, or none that would matter. `less` says
/// that less is better; `p` is the corrected one.
#[must_use]
pub fn call(estimate: &Estimate, p: f64, min_effect: f64, less: bool) -> Call {
    let limit = min_effect.ln_1p();
    if p <= ALPHA && estimate.log_ratio.abs() > limit {
        return if (estimate.log_ratio < 0.0) == less { Call::Better } else { Call::Worse };
    }
    let (low, high) = estimate.interval();
    if low.ln() >= -limit && high.ln() <= limit { Call::Same } else { Call::Inconclusive }
}

/// The smallest increase that these runs would have called with [`POWER`], among so many metrics
/// looked at together; as a share, 0.1 for 10 %.
#[must_use]
pub fn detectable(estimate: &Estimate, metrics: usize, min_effect: f64) -> f64 {
    let found = quantile(POWER, estimate.freedom) * estimate.error;
    let chance = estimate.critical(level(metrics)) * estimate.error;
    (found + chance.max(min_effect.ln_1p())).exp_m1()
}

/// How often one of so many metrics looked at together may be called by chance.
pub(super) fn level(metrics: usize) -> f64 {
    ALPHA / metrics.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(left: f64, right: f64, by: f64) {
        assert!((left - right).abs() <= by, "{left} is not {right}");
    }

    #[test]
    fn quantiles_are_those_of_the_printed_tables() {
        near(quantile(0.975, 8.0), 2.306, 5e-4);
        near(quantile(0.975, 2.0), 4.303, 5e-4);
        near(quantile(0.995, 4.0), 4.604, 5e-4);
        near(quantile(0.8, 18.0), 0.862, 5e-4);
    }

    #[test]
    fn welch_gives_the_figures_worked_out_by_hand() {
        // Logs 0, 1, 2 (variance 1) against 2, 4, 6, 8 (variance 20/3).
        let exp = |logs: &[f64]| logs.iter().map(|log| log.exp()).collect::<Vec<_>>();
        let estimate = Estimate::of(&exp(&[0.0, 1.0, 2.0]), &exp(&[2.0, 4.0, 6.0, 8.0])).unwrap();
        near(estimate.log_ratio, 4.0, 1e-12);
        near(estimate.error, 2.0_f64.sqrt(), 1e-12);
        // (1/3 + 5/3)^2 / ((1/3)^2 / 2 + (5/3)^2 / 3) = 4 / (53/54).
        near(estimate.freedom, 216.0 / 53.0, 1e-9);
        // t = 2.828: between the 2 % and 5 % points for 4 degrees (3.747 and 2.776).
        assert!(estimate.p > 0.02 && estimate.p < 0.05, "{}", estimate.p);
        near(estimate.p, 0.046_407_21, 1e-7);
        near(estimate.variance, 1.0 + 20.0 / 3.0, 1e-12);
        assert_eq!((estimate.design, estimate.looks), (Design::Apart, Looks::Once));
        near(estimate.ratio(), 4.0_f64.exp(), 1e-9);
        // The 97.5 % point for 216/53 degrees is 2.75628.
        let (low, high) = estimate.interval();
        near(low.ln(), 4.0 - 2.756_285 * 2.0_f64.sqrt(), 1e-5);
        near(high.ln(), 4.0 + 2.756_285 * 2.0_f64.sqrt(), 1e-5);
    }

    #[test]
    fn two_runs_a_side_are_the_fewest_that_give_an_estimate() {
        // Logs 0, 2 and 5, 7: variance 2 each, error √2, 2 degrees, t = 5 / √2.
        let exp = |logs: [f64; 2]| logs.map(f64::exp);
        let estimate = Estimate::of(&exp([0.0, 2.0]), &exp([5.0, 7.0])).unwrap();
        near(estimate.error, 2.0_f64.sqrt(), 1e-9);
        near(estimate.freedom, 2.0, 1e-9);
        assert_eq!(Estimate::of(&[], &[1.0, 2.0]), None);
        assert_eq!(Estimate::of(&[1.0, 2.0], &[1.0, f64::INFINITY]), None);
        assert_eq!(Estimate::of(&[1.0, 2.0], &[1.0, -1.0]), None);
    }

    #[test]
    fn figures_that_are_all_equal_are_known_no_better_than_their_histogram_is() {
        // A step of 0.1 % has the variance 1e-6 / 12.
        let estimate = Estimate::of(&[5.0; 3], &[5.0; 3]).unwrap();
        near(estimate.variance, 2e-6 / 12.0, 1e-12);
        near(estimate.error, (2e-6_f64 / 36.0).sqrt(), 1e-10);
    }

    #[test]
    fn a_call_is_named_as_it_is_written_to_json() {
        for call in [Call::Worse, Call::Better, Call::Inconclusive, Call::Same] {
            assert_eq!(serde_json::to_value(call).unwrap(), call.name());
        }
    }

    #[test]
    fn one_run_or_a_zero_gives_no_estimate_and_equal_runs_give_the_same() {
        assert_eq!(Estimate::of(&[1.0], &[1.0, 2.0]), None);
        assert_eq!(Estimate::of(&[1.0, 0.0], &[1.0, 2.0]), None);
        let estimate = Estimate::of(&[5.0; 3], &[5.0; 3]).unwrap();
        assert_eq!(call(&estimate, estimate.p, 0.05, true), Call::Same);
        assert!(estimate.p > 0.99);
    }

    #[test]
    fn holm_multiplies_the_least_p_most_and_never_turns_the_order() {
        assert_eq!(holm(&[0.01, 0.04, 0.03]), [0.03, 0.06, 0.06]);
        assert_eq!(holm(&[0.5, 0.9]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn a_call_needs_a_change_that_is_no_chance_and_large_enough() {
        let runs = |by: f64| [0.99, 1.0, 1.01, 0.995, 1.005].map(|run| run * by);
        let called = |by: f64, p: Option<f64>| {
            let estimate = Estimate::of(&runs(1.0), &runs(by)).unwrap();
            call(&estimate, p.unwrap_or(estimate.p), 0.05, true)
        };
        assert_eq!(called(1.2, None), Call::Worse);
        assert_eq!(called(0.8, None), Call::Better);
        assert_eq!(called(1.03, None), Call::Same, "proven, but too small to matter");
        assert_eq!(called(1.2, Some(0.2)), Call::Inconclusive);
    }

    #[test]
    fn an_effect_of_exactly_the_smallest_that_matters_is_not_called() {
        let log_ratio = 0.05_f64.ln_1p();
        let estimate = Estimate { log_ratio, error: 0.001, ..Estimate::known(1.0) };
        assert_eq!(call(&estimate, 0.0, 0.05, true), Call::Inconclusive);
        let beyond = Estimate { log_ratio: log_ratio + 1e-9, ..estimate };
        assert_eq!(call(&beyond, ALPHA, 0.05, true), Call::Worse);
        assert_eq!(call(&beyond, ALPHA, 0.05, false), Call::Better, "where more is better");
        let below = Estimate { log_ratio: -beyond.log_ratio, ..estimate };
        assert_eq!(call(&below, ALPHA, 0.05, true), Call::Better);
    }

    #[test]
    fn what_could_be_found_is_what_chance_and_the_power_add_up_to() {
        // Of Student's t for 8 degrees the 80 % point is 0.88889, the 97.5 % point 2.30600 and the
        // 99.75 % point 3.83252; the error is 0.1.
        let estimate = Estimate { error: 0.1, freedom: 8.0, ..Estimate::known(1.0) };
        near(detectable(&estimate, 1, 0.05), 0.319_489_f64.exp_m1(), 1e-5);
        near(detectable(&estimate, 10, 0.05), 0.472_141_f64.exp_m1(), 1e-5);
        // Where the smallest effect that matters is more than what chance does, it is that.
        near(detectable(&estimate, 1, 0.5), 1.5 * 0.088_889_f64.exp() - 1.0, 1e-5);
        assert_eq!([0, 1, 10].map(level).to_vec(), [0.05, 0.05, 0.005]);
    }

    #[test]
    fn more_metrics_and_more_spread_hide_more() {
        let spread = |by: f64| [1.0 - by, 1.0, 1.0 + by, 1.0 - by / 2.0, 1.0 + by / 2.0];
        let estimate = |by: f64| Estimate::of(&spread(by), &spread(by)).unwrap();
        let one = detectable(&estimate(0.08), 1, 0.05);
        assert!(one > 0.08 && one < 0.25, "{one}");
        assert!(detectable(&estimate(0.08), 10, 0.05) > one);
    }
}
