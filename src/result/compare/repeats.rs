//! How many runs a comparison takes: to call an effect, and to prove that there is none.
//!
//! Both are powers of [`call`](super::stats::call) as it is, with its two conditions: more than
//! chance, and an estimate beyond the smallest effect that matters. The spread from run to run is
//! known from a few runs only; the power is therefore the mean over what that spread may be
//! (O'Hagan, Stevens and Campbell 2005: assurance), which is also how often plans made from such
//! runs succeed.

use statrs::distribution::{ContinuousCDF, Normal};

use super::stats::{ALPHA, Design, Estimate, POWER, RUNS_MIN, level};

/// Most repeats that anybody is told to make.
pub const REPEATS_MAX: u32 = 10_000;

/// At so many points the distribution of the spread is looked at.
const SPREADS: u32 = 32;

/// The effect to call where every one matters.
const EFFECT: f64 = 0.05;

/// The effect that [`to_call`] is about, as a share: twice the smallest that matters. One of
/// exactly the smallest is called in half of the cases at most, however many runs there are: as
/// often as not its estimate falls short of what has to be exceeded.
#[must_use]
pub fn effect_to_call(min_effect: f64) -> f64 {
    if min_effect > 0.0 { 2.0 * min_effect } else { EFFECT }
}

/// How many runs a side would call a rise of [`effect_to_call`] with [`POWER`], among so many
/// metrics looked at together; `None` where it is more than [`REPEATS_MAX`].
#[must_use]
pub fn to_call(estimate: &Estimate, metrics: usize, min_effect: f64) -> Option<u32> {
    let limit = min_effect.ln_1p();
    let effect = effect_to_call(min_effect).ln_1p();
    least(estimate, level(metrics), |chance, freedom, error| {
        let is_large = below((effect - limit) / error);
        exceeds(chance, freedom, effect / error).min(is_large)
    })
}

/// How many runs a side would prove with [`POWER`] that any change is below `min_effect`, where
/// there is none; `None` where it is more than [`REPEATS_MAX`], or nothing is small enough.
#[must_use]
pub fn for_same(estimate: &Estimate, min_effect: f64) -> Option<u32> {
    let limit = min_effect.ln_1p();
    // The interval keeps within the limit above, and as often below.
    least(estimate, ALPHA, |chance, freedom, error| {
        2.0 * exceeds(chance, freedom, limit / error) - 1.0
    })
}

/// The least number of runs a side that has [`POWER`], on average over what the spread may be.
/// `power` is of what chance exceeds with a probability of `alpha` on both sides together, its
/// degrees of freedom, and the standard error of the ratio's logarithm.
fn least(estimate: &Estimate, alpha: f64, power: impl Fn(f64, f64, f64) -> f64) -> Option<u32> {
    let factors = factors(estimate.freedom);
    let enough = |n: u32| {
        let runs = f64::from(n);
        let freedom = freedom(estimate.design, runs);
        let chance = Estimate { freedom, ..*estimate }.critical(alpha);
        if !chance.is_finite() {
            return false;
        }
        let error = (estimate.variance / runs).sqrt();
        let power = factors.iter().map(|factor| power(chance, freedom, error * factor).max(0.0));
        power.sum::<f64>() >= POWER * f64::from(SPREADS)
    };
    let (mut few, mut many) = (RUNS_MIN as u32, REPEATS_MAX);
    if !enough(many) {
        return None;
    }
    while few < many {
        let middle = u32::midpoint(few, many);
        if enough(middle) { many = middle } else { few = middle + 1 }
    }
    Some(many)
}

/// Degrees of freedom of so many runs a side.
fn freedom(design: Design, runs: f64) -> f64 {
    match design {
        // What Welch and Satterthwaite find on average of two sides that spread alike.
        Design::Apart => 2.0 * runs * (runs - 1.0) / (runs + 1.0),
        Design::Paired => runs - 1.0,
    }
}

/// How often a Student's t that is shifted by so many standard errors exceeds a value (noncentral
/// t, by Abramowitz and Stegun's 26.7.10).
fn exceeds(value: f64, freedom: f64, shift: f64) -> f64 {
    let part = value * (1.0 - 1.0 / (4.0 * freedom));
    below((shift - part) / (1.0 + value * value / (2.0 * freedom)).sqrt())
}

/// The share of the standard normal distribution that lies below.
fn below(z: f64) -> f64 {
    Normal::new(0.0, 1.0).map_or(0.0, |normal| normal.cdf(z))
}

/// How many times as large as seen the true spread may be: equally likely factors, from a
/// chi-square of so many degrees of freedom (by Wilson and Hilferty's approximation).
fn factors(freedom: f64) -> Vec<f64> {
    let Ok(normal) = Normal::new(0.0, 1.0) else { return Vec::new() };
    let factor = |place: u32| {
        let z = normal.inverse_cdf((f64::from(place) + 0.5) / f64::from(SPREADS));
        let part = 2.0 / (9.0 * freedom);
        // Below that the approximation's cube would turn negative.
        (1.0 - part + z * part.sqrt()).max(0.05).powf(-1.5)
    };
    (0..SPREADS).map(factor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::compare::power::experiment::Experiment;
    use crate::result::compare::stats::Looks;

    /// As if the spread were known exactly.
    fn known(spread: f64) -> Estimate {
        let variance = 2.0 * spread * spread;
        Estimate::known(variance)
    }

    fn near(left: f64, right: f64, by: f64) {
        assert!((left - right).abs() <= by, "{left} is not {right}");
    }

    #[test]
    fn the_effect_to_call_is_twice_the_smallest_and_has_a_size_where_all_matter() {
        assert_eq!([0.05, 0.03, 0.0].map(effect_to_call).to_vec(), [0.1, 0.06, 0.05]);
    }

    /// By the noncentral t distribution, integrated. One run less has a power of 0.798 at most,
    /// and so many one of 0.803 or more.
    #[test]
    fn so_many_runs_as_the_noncentral_t_asks_for_where_the_spread_is_known() {
        let call = |spread, metrics| to_call(&known(spread), metrics, 0.05);
        assert_eq!([(0.04, 1), (0.08, 1)].map(|(s, m)| call(s, m)), [Some(5), Some(13)]);
        assert_eq!([(0.16, 1), (0.08, 11)].map(|(s, m)| call(s, m)), [Some(46), Some(22)]);
        assert_eq!(call(0.02, 1), Some(3), "fewer decide nothing");
        let same = [0.02, 0.04, 0.08].map(|spread| for_same(&known(spread), 0.05));
        assert_eq!(same, [Some(5), Some(16), Some(58)]);
        let paired = Estimate { design: Design::Paired, ..known(0.08) };
        assert_eq!(to_call(&paired, 1, 0.05), Some(14));
        // Of effects as large as that, the estimate that has to exceed the smallest one decides:
        // ln 9 − ln 5 are 0.8416 errors of √(8 / n).
        assert_eq!(to_call(&known(2.0), 1, 4.0), Some(17));
        // With the spread from a chi-square of 4 degrees it is a power of 0.795 and of 0.809.
        let rough = Estimate { freedom: 4.0, ..known(0.08) };
        assert_eq!(to_call(&rough, 1, 0.05), Some(19));
    }

    #[test]
    fn few_pairs_that_are_looked_at_again_and_again_have_no_bound_and_are_too_few() {
        let always = Estimate { design: Design::Paired, looks: Looks::Always, ..known(1e-4) };
        // With three pairs no t is enough, with four one of 7.2.
        assert_eq!(to_call(&always, 1, 0.05), Some(4));
    }

    #[test]
    fn degrees_of_freedom_are_those_of_the_design() {
        near(freedom(Design::Apart, 5.0), 20.0 / 3.0, 1e-12);
        near(freedom(Design::Paired, 5.0), 4.0, 1e-12);
    }

    #[test]
    fn the_noncentral_t_is_near_the_exact_one() {
        // By hand: (2 − 2 (1 − 1/16)) / √(1 + 4/8) = 0.10206, below which 54.065 % lie.
        near(exceeds(2.0, 4.0, 2.0), 0.540_646, 1e-5);
        // Exact, by integration.
        near(exceeds(2.0, 10.0, 3.0), 0.831_514, 2e-3);
        near(exceeds(2.306, 8.0, 4.0), 0.936_744, 2e-3);
        near(exceeds(3.0, 20.0, 1.0), 0.037_535, 2e-3);
        near(below(1.96), 0.975_002, 1e-6);
    }

    #[test]
    fn the_spread_may_be_what_the_chi_square_leaves_open() {
        // √(ν / χ²) at shares of (place + ½) / 32, by the incomplete gamma function.
        let ten = factors(10.0);
        assert_eq!(ten.len(), 32);
        near(ten[0], 1.867_49, 0.015);
        near(ten[7], 1.234_04, 2e-3);
        near(ten[16], 1.025_38, 1e-3);
        near(ten[31], 0.675_75, 1e-3);
        // With one degree the approximation would turn negative: 0.05^-1.5 is where it ends.
        near(factors(1.0)[0], 89.442_7, 1e-3);
    }

    const TIMES: u32 = 2_000;
    /// Three standard errors of a share of 80 % among so many.
    const SLACK: f64 = 0.027;

    #[test]
    fn so_many_runs_call_the_effect_in_four_cases_of_five_and_half_as_many_do_not() {
        for (spread, metrics) in [(0.04, 1), (0.08, 1), (0.16, 1), (0.08, 11)] {
            let runs = to_call(&known(spread), metrics, 0.05).unwrap() as usize;
            let called = |repeats| {
                let experiment = Experiment::new(repeats, effect_to_call(0.05));
                Experiment { spread, metrics, ..experiment }.outcome(TIMES, 11).worse
            };
            let (enough, half) = (called(runs), called((runs / 2).max(2)));
            assert!(enough >= POWER - SLACK, "{spread}, {metrics}: {enough} of {runs} runs");
            // No more than it takes, where it is more than the fewest that decide at all.
            assert!(enough <= 0.9 || runs <= 6, "{spread}, {metrics}: {enough} of {runs} runs");
            assert!(half < 0.65, "{spread}, {metrics}: {half} of {} runs", runs / 2);
        }
    }

    #[test]
    fn so_many_runs_prove_the_same_in_four_cases_of_five_and_half_as_many_do_not() {
        for spread in [0.02, 0.04, 0.08] {
            let runs = for_same(&known(spread), 0.05).unwrap() as usize;
            let proven = |repeats| {
                Experiment { spread, ..Experiment::new(repeats, 0.0) }.outcome(TIMES, 12).same
            };
            let (enough, half) = (proven(runs), proven((runs / 2).max(2)));
            assert!(enough >= POWER - SLACK, "{spread}: {enough} of {runs} runs");
            assert!(enough <= 0.9 || runs <= 6, "{spread}: {enough} of {runs} runs");
            assert!(half < 0.5, "{spread}: {half} of {} runs", runs / 2);
        }
    }

    /// The figure is read off a few runs, whose own spread is as often too small as too large.
    #[test]
    fn plans_made_from_five_runs_a_side_succeed_in_four_cases_of_five() {
        let pilots = crate::result::compare::power::pilots(5, 0.05, 300, 13);
        assert!(pilots.called >= POWER - 0.07, "{pilots:?}");
        assert!(pilots.same >= POWER - 0.07, "{pilots:?}");
    }

    /// What is found with [`POWER`] by these very runs.
    #[test]
    fn what_could_be_found_is_found_in_four_cases_of_five() {
        for (repeats, metrics) in [(5, 1), (10, 1), (10, 11)] {
            let freedom = 2.0 * repeats as f64 - 2.0;
            let error = (2.0 * 0.08 * 0.08 / repeats as f64).sqrt();
            let estimate = Estimate { error, freedom, ..known(0.08) };
            let effect = crate::result::compare::stats::detectable(&estimate, metrics, 0.05);
            let experiment = Experiment { metrics, ..Experiment::new(repeats, effect) };
            let found = experiment.outcome(TIMES, 14).worse;
            assert!((found - POWER).abs() < 0.05, "{repeats}, {metrics}: {found} of {effect}");
        }
    }

    #[test]
    fn it_takes_more_where_more_is_looked_at_and_where_less_is_known_of_the_spread() {
        let one = to_call(&known(0.08), 1, 0.05).unwrap();
        assert!(to_call(&known(0.08), 10, 0.05).unwrap() > one);
        let rough = Estimate { freedom: 4.0, ..known(0.08) };
        assert!(to_call(&rough, 1, 0.05).unwrap() > one);
        assert!(for_same(&known(0.08), 0.05).unwrap() > one, "an absence takes more");
        assert_eq!(for_same(&known(0.08), 0.0), None, "nothing is the same to the last bit");
        assert_eq!(to_call(&known(0.08), 1, 1e-5), None, "more than anybody makes");
    }
}
