//! Runs in turns, compared as pairs and as two groups, while something drifts.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::experiment::normal;
use crate::result::compare::stats::{Call, Estimate, Looks, call};

/// Standard deviation of a figure's logarithm from run to run.
const SPREAD: f64 = 0.08;

const MIN_EFFECT: f64 = 0.05;

/// Figures of pairs in the order of a race; drift in units of the spread, from the first to the
/// last of these runs.
pub(super) fn race(pairs: usize, effect: f64, drift: f64, rng: &mut Pcg64Mcg) -> Vec<(f64, f64)> {
    let mut turned = false;
    let last = (2 * pairs - 1) as f64;
    let one = |pair: usize| {
        // Of two pairs the second turns round what the seed drew for the first.
        turned = if pair.is_multiple_of(2) { rng.random_bool(0.5) } else { !turned };
        let mut at = |place: usize| SPREAD * (normal(rng) + drift * place as f64 / last);
        let (first, second) = (at(2 * pair), at(2 * pair + 1));
        let (base, other) = if turned { (second, first) } else { (first, second) };
        (base.exp(), other.exp() * (1.0 + effect))
    };
    (0..pairs).map(one).collect()
}

/// How often they are called different, as two groups and as pairs.
fn called(pairs: usize, effect: f64, drift: f64, times: u32, seed: u64) -> (f64, f64) {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let (mut apart, mut paired) = (0_u32, 0_u32);
    let is_called = |estimate: Option<Estimate>| {
        let called = estimate.map(|it| call(&it, it.p, MIN_EFFECT, true));
        u32::from(matches!(called, Some(Call::Better | Call::Worse)))
    };
    for _ in 0..times {
        let runs = race(pairs, effect, drift, &mut rng);
        let (base, other): (Vec<f64>, Vec<f64>) = runs.iter().copied().unzip();
        apart += is_called(Estimate::of(&base, &other));
        paired += is_called(Estimate::paired(&runs, Looks::Once));
    }
    let share = |count: u32| f64::from(count) / f64::from(times);
    (share(apart), share(paired))
}

/// The table of pairs against groups.
pub(super) fn table(times: u32, seed: u64) -> String {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let mut out =
        "\n| pairs | drift | false alarms, as groups | as pairs | +10 % found, as groups \
                   | as pairs |\n|--:|--:|--:|--:|--:|--:|\n"
            .to_owned();
    for pairs in [3, 5, 10, 20] {
        for drift in [0.0, 4.0, 8.0] {
            let (apart, paired) = called(pairs, 0.0, drift, times, seed);
            let (apart_found, paired_found) = called(pairs, 0.1, drift, times, seed);
            let row = [apart, paired, apart_found, paired_found].map(percent).join(" | ");
            out.push_str(&format!("| {pairs} | {drift:.0} sd | {row} |\n"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_keep_their_false_alarms_under_drift_and_find_what_groups_can_not() {
        for drift in [0.0, 4.0, 8.0] {
            let (_, paired) = called(10, 0.0, drift, 1_000, 1);
            assert!(paired <= 0.065, "{drift}: {paired}");
        }
        let (apart, paired) = called(20, 0.1, 8.0, 500, 2);
        assert!(paired > 0.9 && apart < 0.1, "{apart} {paired}");
        // What pairs cost where nothing drifts.
        let (apart, paired) = called(10, 0.1, 0.0, 500, 3);
        assert!(apart - paired < 0.1 && apart > 0.3, "{apart} {paired}");
    }

    #[test]
    fn the_two_runs_of_a_pair_follow_each_other_and_every_second_pair_is_turned_round() {
        let mut rng = Pcg64Mcg::seed_from_u64(4);
        for _ in 0..8 {
            // A drift that leaves nothing of the spread: 0, 80/3, 160/3 and 80 in the logarithm.
            let logs: Vec<[f64; 2]> = race(2, 0.0, 1_000.0, &mut rng)
                .into_iter()
                .map(|(base, other)| [base.ln(), other.ln()])
                .collect();
            let is_near = |logs: [f64; 2], thirds: [f64; 2]| {
                logs.iter().zip(thirds).all(|(log, third)| (log - third * 80.0 / 3.0).abs() < 1.0)
            };
            let first = is_near(logs[0], [0.0, 1.0]) && is_near(logs[1], [3.0, 2.0]);
            let second = is_near(logs[0], [1.0, 0.0]) && is_near(logs[1], [2.0, 3.0]);
            assert!(first != second, "{logs:?}");
        }
    }

    #[test]
    fn a_drift_is_there_in_full_at_the_last_run_of_the_last_pair() {
        let runs = race(5, 0.0, 1_000.0, &mut Pcg64Mcg::seed_from_u64(6));
        let logs = runs.iter().flat_map(|(base, other)| [base.ln(), other.ln()]);
        let (least, most) = logs.fold((f64::MAX, f64::MIN), |(a, b), log| (a.min(log), b.max(log)));
        assert!(least.abs() < 1.0 && (most - 80.0).abs() < 1.0, "{least} {most}");
    }

    #[test]
    fn a_race_spreads_by_8_percent_from_run_to_run_and_has_the_effect() {
        let mut rng = Pcg64Mcg::seed_from_u64(5);
        let runs = race(1_000, 0.5, 0.0, &mut rng);
        let (base, other): (Vec<f64>, Vec<f64>) = runs.iter().copied().unzip();
        let estimate = Estimate::of(&base, &other).unwrap();
        assert!((estimate.log_ratio - 1.5_f64.ln()).abs() < 0.015, "{estimate:?}");
        assert!((estimate.variance - 2.0 * 0.0064).abs() < 0.001, "{estimate:?}");
    }

    #[test]
    fn the_table_has_what_the_pairs_came_to() {
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        let ((apart, paired), (found, both)) =
            (called(10, 0.0, 8.0, 50, 1), called(10, 0.1, 8.0, 50, 1));
        let cells = [apart, paired, found, both].map(percent).join(" | ");
        let (row, table) = (format!("| 10 | 8 sd | {cells} |"), table(50, 1));
        assert!(table.lines().any(|line| line == row), "{row}: {table}");
    }
}
