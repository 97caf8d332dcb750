//! One experiment whose truth is known.

use rand::{Rng, RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::Serialize;

use crate::result::compare::stats::{Call, Estimate, call, holm};

/// How the runs of the two sides follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOrder {
    /// A B B A A B B A ..., with a random start.
    Abba,
    /// All of the baseline, then all of the candidate.
    Blocked,
}

/// One experiment, to be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Experiment {
    /// Runs a side.
    pub repeats: usize,
    /// What the candidate's figures are multiplied by, less 1: 0.1 for 10 % more.
    pub effect: f64,
    /// Standard deviation of a figure's logarithm from run to run.
    pub spread: f64,
    /// How far figures drift from the first to the last run, in units of `spread`.
    pub drift: f64,
    /// How runs follow each other.
    pub order: RunOrder,
    /// Metrics looked at together, independent of each other; only the first has the effect.
    pub metrics: usize,
    /// Smallest effect that is called.
    pub min_effect: f64,
}

/// How often each call came, as shares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct CallShares {
    /// The first metric: *worse*.
    pub worse: f64,
    /// The first metric: *better*.
    pub better: f64,
    /// The first metric: *same*.
    pub same: f64,
    /// The first metric: *inconclusive*.
    pub inconclusive: f64,
    /// *Better* or *worse* of any metric without an effect.
    pub false_alarm: f64,
}

impl Experiment {
    /// 8 % from run to run, one metric, interleaved, no drift.
    #[must_use]
    pub const fn new(repeats: usize, effect: f64) -> Self {
        Self {
            repeats,
            effect,
            spread: 0.08,
            drift: 0.0,
            order: RunOrder::Abba,
            metrics: 1,
            min_effect: 0.05,
        }
    }

    /// Repeats the experiment so often.
    #[must_use]
    pub fn outcome(&self, times: u32, seed: u64) -> CallShares {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let share = 1.0 / f64::from(times);
        let mut outcome = CallShares::default();
        for _ in 0..times {
            let calls = self.once(&mut rng);
            match calls.first() {
                Some(Call::Worse) => outcome.worse += share,
                Some(Call::Better) => outcome.better += share,
                Some(Call::Same) => outcome.same += share,
                _ => outcome.inconclusive += share,
            }
            let innocent = calls.iter().skip(usize::from(self.effect > 0.0));
            if innocent.into_iter().any(|call| matches!(call, Call::Worse | Call::Better)) {
                outcome.false_alarm += share;
            }
        }
        outcome
    }

    pub(super) fn once(&self, rng: &mut Pcg64Mcg) -> Vec<Call> {
        let estimates: Vec<Estimate> =
            (0..self.metrics).filter_map(|metric| self.estimate(metric, rng)).collect();
        let p: Vec<f64> = estimates.iter().map(|estimate| estimate.p).collect();
        let called = |(estimate, p): (&Estimate, f64)| call(estimate, p, self.min_effect, true);
        estimates.iter().zip(holm(&p)).map(called).collect()
    }

    pub(super) fn estimate(&self, metric: usize, rng: &mut Pcg64Mcg) -> Option<Estimate> {
        let runs = 2 * self.repeats;
        let swapped = rng.random_bool(0.5);
        let mut sides = [Vec::with_capacity(self.repeats), Vec::with_capacity(self.repeats)];
        for place in 0..runs {
            let is_candidate = match self.order {
                RunOrder::Abba => matches!(place % 4, 1 | 2) != swapped,
                RunOrder::Blocked => place >= self.repeats,
            };
            let drift = self.drift * place as f64 / (runs - 1) as f64;
            let effect = if is_candidate && metric == 0 { self.effect } else { 0.0 };
            let figure = (self.spread * (normal(rng) + drift)).exp() * (1.0 + effect);
            sides[usize::from(is_candidate)].push(figure);
        }
        let [baseline, candidate] = sides;
        Estimate::of(&baseline, &candidate)
    }
}

/// A standard normal deviate, by Box and Muller.
pub(crate) fn normal(rng: &mut impl Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}
