//! Runs as the pairs that they are: taken one after the other, so that what drifts over hours
//! falls out of their ratio.

use std::collections::BTreeMap;

use super::anytime;
use super::stats::{Design, Estimate, Looks, VARIANCE_MIN, p_of};
use crate::result::{RunResult, Saved};

impl Estimate {
    /// Of pairs of positive figures (baseline, candidate): Student's t of their log ratios.
    /// `None` with fewer than two pairs, or where a logarithm does not exist.
    #[must_use]
    pub fn paired(pairs: &[(f64, f64)], looks: Looks) -> Option<Self> {
        let is_positive = |figure: f64| figure > 0.0 && figure.is_finite();
        let all = pairs.iter().all(|&(base, other)| is_positive(base) && is_positive(other));
        if pairs.len() < 2 || !all {
            return None;
        }
        let n = pairs.len() as f64;
        let logs: Vec<f64> = pairs.iter().map(|(base, other)| (other / base).ln()).collect();
        let log_ratio = logs.iter().sum::<f64>() / n;
        let squares: f64 = logs.iter().map(|log| (log - log_ratio).powi(2)).sum();
        // Two figures are rounded.
        let variance = (squares / (n - 1.0)).max(2.0 * VARIANCE_MIN);
        let (error, freedom) = ((variance / n).sqrt(), n - 1.0);
        let t = log_ratio / error;
        let p = match looks {
            Looks::Once => p_of(t, freedom)?,
            Looks::Always => anytime::p(t, freedom),
        };
        let design = Design::Paired;
        Some(Self { log_ratio, error, freedom, variance, p, design, looks })
    }
}

/// The runs of both sides that are compared, and how.
#[derive(Debug)]
pub(super) struct Runs<'r> {
    /// The baseline's; of pairs in their order.
    pub baseline: Vec<&'r Saved>,
    /// The candidate's; of pairs in the same order.
    pub candidate: Vec<&'r Saved>,
    /// How they belong together.
    pub design: Design,
    /// How often they were looked at.
    pub looks: Looks,
    /// What the reader has to know of that.
    pub notes: Vec<String>,
}

/// What the two runs of a pair have in common: the race or the sweep, and the place in it.
fn key(result: &RunResult) -> Option<(&str, u32)> {
    let of_race = result.race.as_ref().map(|lap| (lap.race.as_str(), lap.pair));
    let of_sweep = result.trial.as_ref().map(|trial| (trial.sweep.as_str(), trial.repeat));
    of_race.or(of_sweep)
}

/// The runs of one side by what they have in common with their partner; `None` where two of them
/// have the same.
fn keyed(runs: &[Saved]) -> Option<BTreeMap<(&str, u32), &Saved>> {
    let mut found = BTreeMap::new();
    for saved in runs {
        let key = key(&saved.result);
        if key.is_some_and(|key| found.insert(key, saved).is_some()) {
            return None;
        }
    }
    Some(found)
}

/// Puts runs together as pairs, where they are pairs: runs of one race, or of two points of one
/// sweep. The few without a partner (theirs was not taken, or does not count) are left out, and
/// told; where most have none, the runs are two groups.
pub(super) fn runs<'r>(baseline: &'r [Saved], candidate: &'r [Saved]) -> Runs<'r> {
    let all = baseline.iter().chain(candidate);
    let is_until = all.filter_map(|saved| saved.result.race.as_ref()).any(|lap| lap.until_decided);
    let looks = if is_until { Looks::Always } else { Looks::Once };
    let apart = |notes| Runs {
        baseline: baseline.iter().collect(),
        candidate: candidate.iter().collect(),
        design: Design::Apart,
        looks,
        notes,
    };
    let Some((base, other)) = keyed(baseline).zip(keyed(candidate)) else {
        return apart(Vec::new());
    };
    let both: Vec<(&Saved, &Saved)> =
        base.iter().filter_map(|(key, saved)| Some((*saved, *other.get(key)?))).collect();
    let most = baseline.len().max(candidate.len());
    let single = baseline.len() + candidate.len() - 2 * both.len();
    if both.is_empty() {
        return apart(Vec::new());
    }
    if 2 * both.len() < most {
        let note = format!("only {} of the runs are pairs: compared as two groups", 2 * both.len());
        return apart(vec![note]);
    }
    let note = (single > 0).then(|| format!("left out: {single} runs without their partner"));
    let (baseline, candidate) = both.into_iter().unzip();
    Runs { baseline, candidate, design: Design::Paired, looks, notes: note.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::compare::tests::saved;
    use crate::result::{Lap, Trial};

    #[test]
    fn pairs_give_the_figures_worked_out_by_hand() {
        // Log ratios 1, 2, 3: mean 2, variance 1, error 1/√3, t = 3.464 with 2 degrees.
        let pair = |base: f64, by: f64| (base, base * by.exp());
        let estimate =
            Estimate::paired(&[pair(1.0, 1.0), pair(50.0, 2.0), pair(7.0, 3.0)], Looks::Once);
        let estimate = estimate.unwrap();
        assert!((estimate.log_ratio - 2.0).abs() < 1e-12 && (estimate.variance - 1.0).abs() < 1e-9);
        assert!((estimate.freedom - 2.0).abs() < 1e-12);
        let (low, high) = estimate.interval();
        assert!((low.ln() - (2.0 - 4.3027 / 3.0_f64.sqrt())).abs() < 1e-3, "{low} {high}");
        assert!((estimate.p - 0.074_179_9).abs() < 1e-6, "{}", estimate.p);
        assert_eq!((estimate.design, estimate.looks), (Design::Paired, Looks::Once));
    }

    #[test]
    fn two_pairs_of_positive_figures_are_the_least_that_gives_an_estimate() {
        let of = |pairs: &[(f64, f64)]| {
            let [once, always] =
                [Looks::Once, Looks::Always].map(|looks| Estimate::paired(pairs, looks));
            assert_eq!(once.is_some(), always.is_some());
            once
        };
        assert!(of(&[(1.0, 2.0), (1.0, 3.0)]).is_some());
        assert_eq!(of(&[(1.0, 2.0)]), None);
        assert_eq!(of(&[]), None);
        for figure in [0.0, -1.0, f64::INFINITY] {
            assert_eq!(of(&[(1.0, 2.0), (1.0, figure)]), None, "{figure}");
            assert_eq!(of(&[(1.0, 2.0), (figure, 1.0)]), None, "{figure}");
        }
        // Equal ratios are known no better than two figures of a histogram are.
        let equal = of(&[(1.0, 2.0), (1.0, 2.0)]).unwrap();
        assert!((equal.variance - 2e-6 / 12.0).abs() < 1e-12, "{}", equal.variance);
    }

    /// Run number `place` of a race, or of a point of a sweep.
    fn lap(race: &str, pair: u32, side: &str) -> Saved {
        let lap = Lap { race: race.to_owned(), side: side.to_owned(), pair, ..Lap::default() };
        saved(side, pair as usize, |run| run.race = Some(lap))
    }

    fn repeat(sweep: &str, repeat: u32, side: &str) -> Saved {
        let trial = Trial { sweep: sweep.to_owned(), repeat, ..Trial::default() };
        saved(side, repeat as usize, |run| run.trial = Some(trial))
    }

    type Of = fn(&str, u32, &str) -> Saved;

    fn side(of: Of, name: &str, places: &[u32]) -> Vec<Saved> {
        places.iter().map(|place| of("ab12", *place, name)).collect()
    }

    fn names(runs: &[&Saved]) -> Vec<String> {
        runs.iter().map(|saved| saved.result.run.clone()).collect()
    }

    #[test]
    fn runs_of_one_race_or_sweep_are_put_together_by_their_place_in_it() {
        for of in [lap as Of, repeat as Of] {
            let (base, other) = (side(of, "a", &[0, 1, 2]), side(of, "b", &[2, 0, 1]));
            let found = runs(&base, &other);
            assert_eq!((found.design, found.looks), (Design::Paired, Looks::Once));
            assert_eq!(names(&found.baseline), ["a0000000", "a0000001", "a0000002"]);
            assert_eq!(names(&found.candidate), ["b0000000", "b0000001", "b0000002"]);
            assert!(found.notes.is_empty(), "{:?}", found.notes);
            // Of another race they have nothing in common.
            let others: Vec<Saved> = (0..3).map(|place| of("cd34", place, "b")).collect();
            let found = runs(&base, &others);
            assert_eq!((found.design, found.notes.len()), (Design::Apart, 0));
            // Nor where two runs claim the same place.
            let twice = side(of, "b", &[0, 1, 1]);
            let found = runs(&base, &twice);
            assert_eq!((found.design, found.candidate.len()), (Design::Apart, 3));
            assert!(found.notes.is_empty(), "{:?}", found.notes);
        }
        let [base, other] =
            ["a", "b"].map(|name| (0..3).map(|n| saved(name, n, |_| ())).collect::<Vec<_>>());
        assert_eq!(runs(&base, &other).design, Design::Apart, "runs by themselves");
    }

    #[test]
    fn a_race_that_was_looked_at_after_each_pair_says_so_on_either_side() {
        let mut runs_until = side(lap, "a", &[0, 1, 2]);
        runs_until[1].result.race.as_mut().unwrap().until_decided = true;
        let once = side(lap, "b", &[0, 1, 2]);
        assert_eq!(runs(&runs_until, &once).looks, Looks::Always);
        assert_eq!(runs(&once, &runs_until).looks, Looks::Always);
    }

    #[test]
    fn runs_without_their_partner_are_left_out_while_most_have_one() {
        // Three pairs of six and three runs: half of the larger side.
        let (base, other) = (side(lap, "a", &[0, 1, 2, 3, 4, 5]), side(lap, "b", &[0, 1, 2, 9]));
        let found = runs(&base, &other);
        assert_eq!((found.design, found.baseline.len()), (Design::Paired, 3));
        assert_eq!(found.notes, ["left out: 4 runs without their partner"]);
        // One pair of three runs: they are two groups.
        let (base, other) = (side(lap, "a", &[0, 1, 2]), side(lap, "b", &[2, 7]));
        let found = runs(&base, &other);
        let sizes = (found.baseline.len(), found.candidate.len());
        assert_eq!((found.design, sizes), (Design::Apart, (3, 2)));
        assert_eq!(found.notes, ["only 2 of the runs are pairs: compared as two groups"]);
    }

    #[test]
    fn a_drift_that_both_runs_of_a_pair_share_falls_out() {
        let drifting: Vec<(f64, f64)> = (0..10)
            .map(|pair| {
                let level = f64::from(pair + 1);
                let noise = if pair % 2 == 0 { 1.01 } else { 0.99 };
                (level, 1.1 * noise * level)
            })
            .collect();
        let (base, other): (Vec<f64>, Vec<f64>) = drifting.iter().copied().unzip();
        let paired = Estimate::paired(&drifting, Looks::Once).unwrap();
        assert!(paired.p < 1e-6 && Estimate::of(&base, &other).unwrap().p > 0.5);
        let looked = Estimate::paired(&drifting, Looks::Always).unwrap();
        assert!(looked.p > paired.p && looked.interval().0 < paired.interval().0);
    }
}
