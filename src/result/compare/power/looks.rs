//! A race that is looked at after each pair: how often it finds what is not there, and how long it
//! takes to find what is.

use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

use super::pairs::race;
use crate::result::compare::stats::{ALPHA, Call, Estimate, Looks, RUNS_MIN, call};

/// Most pairs.
const PAIRS_MAX: usize = 40;

const MIN_EFFECT: f64 = 0.05;

/// What became of many races.
#[derive(Debug, Default)]
struct RaceShares {
    /// Share that was called better or worse.
    different: f64,
    /// Share that was called the same.
    same: f64,
    /// Pairs on average.
    pairs: f64,
    /// Share that an ordinary t-test after each pair would have called different at some look.
    careless: f64,
}

fn outcome(effect: f64, drift: f64, times: u32, seed: u64) -> RaceShares {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut outcome = RaceShares::default();
    let share = 1.0 / f64::from(times);
    for _ in 0..times {
        let runs = race(PAIRS_MAX, effect, drift, &mut rng);
        let (mut ended, mut careless) = (None, false);
        for pairs in RUNS_MIN..=PAIRS_MAX {
            let so_far = &runs[..pairs];
            let once = Estimate::paired(so_far, Looks::Once);
            careless |=
                once.is_some_and(|it| it.p <= ALPHA && it.log_ratio.abs() > MIN_EFFECT.ln_1p());
            let always = Estimate::paired(so_far, Looks::Always);
            let called = always.map(|it| call(&it, it.p, MIN_EFFECT, true));
            if let (None, Some(call)) = (ended, called.filter(|it| *it != Call::Inconclusive)) {
                ended = Some((call, pairs));
            }
        }
        outcome.careless += if careless { share } else { 0.0 };
        outcome.pairs += ended.map_or(PAIRS_MAX, |(_, pairs)| pairs) as f64 * share;
        match ended {
            Some((Call::Same, _)) => outcome.same += share,
            Some(_) => outcome.different += share,
            None => {}
        }
    }
    outcome
}

/// The table of races until decided.
pub(super) fn table(times: u32, seed: u64) -> String {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let mut out = format!(
        "\n| until decided, {PAIRS_MAX} pairs at most | drift | better or worse | same | pairs on \
         average | a t-test at each look: better or worse |\n|--:|--:|--:|--:|--:|--:|\n"
    );
    for (effect, drift) in
        [(0.0, 0.0), (0.0, 8.0), (0.05, 0.0), (0.1, 0.0), (0.2, 0.0), (0.2, 8.0), (0.3, 0.0)]
    {
        let RaceShares { different, same, pairs, careless } =
            outcome(effect, drift, times / 2, seed);
        let (effect, different, same) = (100.0 * effect, percent(different), percent(same));
        let careless = percent(careless);
        out.push_str(&format!(
            "| +{effect:.0} % | {drift:.0} sd | {different} | {same} | {pairs:.1} | {careless} |\n"
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_after_each_pair_raises_no_more_alarms_than_looking_once() {
        for drift in [0.0, 8.0] {
            let outcome = outcome(0.0, drift, 1_000, 1);
            assert!(outcome.different <= 0.06, "{drift}: {outcome:?}");
        }
        // What it would do without.
        let outcome = outcome(0.0, 0.0, 1_000, 1);
        // 22 % by the table of the page.
        assert!(outcome.careless > 0.18 && outcome.careless < 0.27, "{outcome:?}");
        assert!(outcome.same < 0.02 && outcome.pairs > 38.0, "{outcome:?}");
        // Forty pairs hardly ever prove it, but of a thousand races some do.
        assert!(outcome.same > 0.0, "{outcome:?}");
    }

    #[test]
    fn an_effect_beyond_all_spread_is_called_as_soon_as_any_t_is_enough() {
        // With three pairs none is.
        let found = outcome(10.0, 0.0, 20, 3);
        assert!((found.different - 1.0).abs() < 1e-9 && (found.pairs - 4.0).abs() < 1e-9);
        assert!(found.same.abs() < 1e-9, "{found:?}");
        assert!((found.careless - 1.0).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn the_table_has_what_the_races_came_to() {
        let found = outcome(0.1, 0.0, 20, 1);
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        let row = format!(
            "| +10 % | 0 sd | {} | {} | {:.1} | {} |",
            percent(found.different),
            percent(found.same),
            found.pairs,
            percent(found.careless)
        );
        let table = table(40, 1);
        assert!(table.lines().any(|line| line == row), "{row}: {table}");
        assert_eq!(table.lines().filter(|line| line.starts_with("| +")).count(), 7, "{table}");
    }

    #[test]
    fn a_large_effect_ends_the_race_early() {
        let outcome = outcome(0.3, 0.0, 500, 2);
        assert!(outcome.different > 0.99 && outcome.pairs < 12.0, "{outcome:?}");
    }
}
