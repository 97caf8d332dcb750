//! The method held against runs whose truth is known: false alarms and power, by simulation.

pub mod experiment;
mod looks;
mod needed;
mod pairs;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;

use super::stats::{Call, Estimate, call};

use experiment::{CallShares, Experiment, RunOrder};
pub use needed::{Pilots, pilots};

/// How often real runs of the same configuration are called different: so many of them are drawn
/// for each side, without putting back, and the sides called; again and again. Gives the spread
/// from run to run (standard deviation of the logarithms) and the share of false alarms; `None`
/// with too few runs, or where a figure is zero.
#[must_use]
pub fn shuffled(figures: &[f64], repeats: usize, times: u32, seed: u64) -> Option<(f64, f64)> {
    if figures.len() < 2 * repeats {
        return None;
    }
    let variance = Estimate::of(figures, figures)?.variance / 2.0;
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut drawn = figures.to_vec();
    let mut alarms = 0_u32;
    for _ in 0..times {
        drawn.shuffle(&mut rng);
        let (baseline, rest) = drawn.split_at(repeats);
        let estimate = Estimate::of(baseline, &rest[..repeats])?;
        let called = call(&estimate, estimate.p, 0.05, true);
        alarms += u32::from(matches!(called, Call::Worse | Call::Better));
    }
    Some((variance.sqrt(), f64::from(alarms) / f64::from(times)))
}

/// The tables of `docs/compare.md`, in Markdown.
#[must_use]
pub fn tables(times: u32, seed: u64) -> String {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let mut out = format!("{times} simulated pairs a row, 8 % from run to run, seed {seed}\n\n");
    out.push_str("| runs a side | effect | better | worse | same | inconclusive |\n");
    out.push_str("|--:|--:|--:|--:|--:|--:|\n");
    for repeats in [3, 5, 10, 20] {
        for effect in [0.0, 0.05, 0.1, 0.2, 0.3] {
            let CallShares { better, worse, same, inconclusive, .. } =
                Experiment::new(repeats, effect).outcome(times, seed);
            let row = [better, worse, same, inconclusive].map(percent).join(" | ");
            out.push_str(&format!("| {repeats} | +{:.0} % | {row} |\n", 100.0 * effect));
        }
    }
    out.push_str("\n| A/A, 5 runs a side | false alarms, ABBA | false alarms, blocked |\n");
    out.push_str("|---|--:|--:|\n");
    for drift in [0.0, 1.0, 2.0, 4.0] {
        let [abba, blocked] = [RunOrder::Abba, RunOrder::Blocked].map(|order| {
            let experiment = Experiment { drift, order, ..Experiment::new(5, 0.0) };
            percent(experiment.outcome(times, seed).false_alarm)
        });
        out.push_str(&format!("| drift of {drift:.0} sd | {abba} | {blocked} |\n"));
    }
    out.push_str(
        "\n| metrics together, 5 runs a side | false alarm in any | +20 % in one found |\n",
    );
    out.push_str("|--:|--:|--:|\n");
    for metrics in [1, 3, 11] {
        let of = |effect| Experiment { metrics, ..Experiment::new(5, effect) };
        let alarm = percent(of(0.0).outcome(times, seed).false_alarm);
        let found = percent(of(0.2).outcome(times, seed).worse);
        out.push_str(&format!("| {metrics} | {alarm} | {found} |\n"));
    }
    out.push_str(&pairs::table(times, seed));
    out.push_str(&looks::table(times, seed));
    out.push_str(&needed::table(times, seed));
    out
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::experiment::normal;
    use super::*;

    const TIMES: u32 = 1_000;

    #[test]
    fn the_same_against_itself_is_called_different_at_most_six_times_in_a_hundred() {
        for repeats in [3, 5, 10] {
            let outcome = Experiment::new(repeats, 0.0).outcome(TIMES, 1);
            assert!(outcome.false_alarm <= 0.06, "{repeats}: {outcome:?}");
        }
    }

    #[test]
    fn drift_raises_no_alarm_when_interleaved_and_many_when_one_side_ran_first() {
        for drift in [1.0, 2.0, 4.0] {
            let of = |order| Experiment { drift, order, ..Experiment::new(5, 0.0) };
            let abba = of(RunOrder::Abba).outcome(TIMES, 2).false_alarm;
            assert!(abba <= 0.06, "{drift}: {abba}");
        }
        let of = |order| Experiment { drift: 4.0, order, ..Experiment::new(5, 0.0) };
        assert!(of(RunOrder::Blocked).outcome(TIMES, 2).false_alarm > 0.5);
    }

    #[test]
    fn a_slowdown_of_a_fifth_is_found_four_times_in_five_and_smaller_ones_less_often() {
        let worse = |effect| Experiment::new(5, effect).outcome(TIMES, 3).worse;
        let [small, middle, fifth, large] = [0.05, 0.1, 0.2, 0.3].map(worse);
        assert!(fifth >= 0.8, "{fifth}");
        assert!(small < middle && middle < fifth && fifth < large, "{small} {middle} {large}");
        assert!(large >= 0.97, "{large}");
    }

    #[test]
    fn many_metrics_together_raise_no_more_alarms_than_one() {
        let experiment = Experiment { metrics: 11, ..Experiment::new(5, 0.0) };
        assert!(experiment.outcome(TIMES, 4).false_alarm <= 0.06);
    }

    #[test]
    fn shuffled_runs_of_the_same_raise_few_alarms_whatever_their_distribution() {
        let mut rng = Pcg64Mcg::seed_from_u64(7);
        // A latency that now and then is three times as high.
        let mut figure = || {
            let outlier = if rng.random_bool(0.1) { 3.0 } else { 1.0 };
            outlier * (0.08 * normal(&mut rng)).exp()
        };
        let figures: Vec<f64> = (0..20).map(|_| figure()).collect();
        let (spread, alarms) = shuffled(&figures, 5, TIMES, 1).unwrap();
        assert!(spread > 0.08 && alarms <= 0.06, "{spread} {alarms}");
        assert_eq!(shuffled(&figures[..9], 5, TIMES, 1), None);
    }

    /// Spreads so little that only what is added to it is seen, in units of the spread.
    fn still(repeats: usize, effect: f64) -> Experiment {
        Experiment { spread: 1e-9, ..Experiment::new(repeats, effect) }
    }

    fn near(left: f64, right: f64, by: f64) {
        assert!((left - right).abs() <= by, "{left} is not {right}");
    }

    #[test]
    fn only_the_first_metric_has_the_effect_and_each_side_its_runs() {
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        for order in [RunOrder::Abba, RunOrder::Blocked] {
            let experiment = Experiment { order, ..still(5, 0.25) };
            let first = experiment.estimate(0, &mut rng).unwrap();
            near(first.log_ratio, 1.25_f64.ln(), 1e-6);
            // Five runs a side that are known to 0.1 %: 8 degrees.
            near(first.error, (2e-6_f64 / 60.0).sqrt(), 1e-9);
            near(first.freedom, 8.0, 1e-6);
            near(experiment.estimate(1, &mut rng).unwrap().log_ratio, 0.0, 1e-6);
        }
    }

    #[test]
    fn drift_goes_from_the_first_to_the_last_run() {
        // Of four runs: 0, 1/3, 2/3 and 1.
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        let of = |order| Experiment { drift: 1e9, order, ..still(2, 0.0) };
        let blocked = of(RunOrder::Blocked).estimate(0, &mut rng).unwrap();
        near(blocked.log_ratio, 2.0 / 3.0, 1e-6);
        near(blocked.variance, 2.0 / 18.0, 1e-6);
        for _ in 0..8 {
            // The first and the last against those between, whichever is the candidate.
            let abba = of(RunOrder::Abba).estimate(0, &mut rng).unwrap();
            near(abba.log_ratio, 0.0, 1e-6);
            near(abba.variance, 1.0 / 2.0 + 1.0 / 18.0, 1e-6);
        }
    }

    #[test]
    fn what_became_of_all_experiments_adds_up_to_one() {
        let sum = |outcome: &CallShares| {
            outcome.worse + outcome.better + outcome.same + outcome.inconclusive
        };
        let worse = still(3, 0.3).outcome(20, 1);
        near(worse.worse, 1.0, 1e-9);
        near(worse.false_alarm, 0.0, 1e-9);
        let better = still(3, -0.3).outcome(20, 1);
        near(better.better, 1.0, 1e-9);
        let same = still(3, 0.0).outcome(20, 1);
        near(same.same, 1.0, 1e-9);
        // Of some of each.
        let some = Experiment { min_effect: 0.1, ..Experiment::new(4, 0.1) }.outcome(400, 3);
        let CallShares { worse, same, inconclusive, .. } = some;
        assert!(worse > 0.0 && same > 0.0 && inconclusive > 0.2, "{some:?}");
        near(sum(&some), 1.0, 1e-9);
    }

    #[test]
    fn shuffled_runs_of_two_kinds_are_called_as_often_as_their_kinds_fall_apart() {
        // Logs of three 0 and three 1: variance 0.3. Of 20 ways to split them two tell the kinds
        // apart; all others leave two of a kind on either side, which is too little.
        let figures = [1.0, 1.0, 1.0, 1.0_f64.exp(), 1.0_f64.exp(), 1.0_f64.exp()];
        let (spread, alarms) = shuffled(&figures, 3, 2_000, 1).unwrap();
        near(spread, 0.3_f64.sqrt(), 1e-9);
        near(alarms, 0.1, 0.02);
        assert_eq!(shuffled(&figures[..5], 3, 10, 1), None);
        assert_eq!(shuffled(&[0.0; 6], 3, 10, 1), None);
    }

    #[test]
    fn a_normal_deviate_has_the_moments_of_one() {
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        let drawn: Vec<f64> = (0..40_000).map(|_| normal(&mut rng)).collect();
        let mean = |of: &dyn Fn(f64) -> f64| drawn.iter().map(|it| of(*it)).sum::<f64>() / 4e4;
        near(mean(&|it| it), 0.0, 0.02);
        near(mean(&|it| it * it), 1.0, 0.03);
        near(mean(&|it| it * it * it), 0.0, 0.08);
        near(mean(&|it| it.powi(4)), 3.0, 0.2);
        // 5 % lie beyond 1.96.
        near(mean(&|it| f64::from(u8::from(it.abs() > 1.96))), 0.05, 0.005);
    }

    /// The cells of the rows that begin so.
    fn cells(table: &str, begin: &str) -> Vec<Vec<String>> {
        let rows = table.lines().filter(|line| line.starts_with(begin));
        rows.map(|row| row.trim_matches('|').split('|').map(|it| it.trim().to_owned()).collect())
            .collect()
    }

    #[test]
    fn the_tables_have_what_the_experiments_came_to() {
        let (times, seed) = (20, 1);
        let tables = tables(times, seed);
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        let outcome = |experiment: Experiment| experiment.outcome(times, seed);
        let found = outcome(Experiment::new(10, 0.2));
        let expected = [found.better, found.worse, found.same, found.inconclusive].map(percent);
        assert_eq!(cells(&tables, "| 10 | +20 % |")[0][2..], expected);
        let drifting = |order| Experiment { drift: 4.0, order, ..Experiment::new(5, 0.0) };
        let alarms = |order| percent(outcome(drifting(order)).false_alarm);
        let expected =
            ["drift of 4 sd".to_owned(), alarms(RunOrder::Abba), alarms(RunOrder::Blocked)];
        assert_eq!(cells(&tables, "| drift of 4 sd |"), [expected]);
        let eleven = |effect| Experiment { metrics: 11, ..Experiment::new(5, effect) };
        let alarm = percent(outcome(eleven(0.0)).false_alarm);
        let row = format!("| 11 | {alarm} | {} |", percent(outcome(eleven(0.2)).worse));
        assert!(tables.lines().any(|line| line == row), "{row}: {tables}");
        for part in [pairs::table(times, seed), looks::table(times, seed)] {
            assert!(tables.contains(&part), "{part}");
        }
        assert!(tables.ends_with(&needed::table(times, seed)));
    }

    #[test]
    fn the_seed_decides_every_figure() {
        let experiment = Experiment::new(5, 0.1);
        assert_eq!(experiment.outcome(50, 5), experiment.outcome(50, 5));
        assert_ne!(experiment.outcome(50, 5), experiment.outcome(50, 6));
    }
}
