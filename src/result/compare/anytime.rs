//! Pairs that are looked at after each of them: a t-test that holds however often one looks.
//!
//! The ratio of two likelihoods, of a true effect that is itself drawn from a normal distribution
//! (its standard deviation two of a pair's) and of none, with the scale left open (right Haar
//! prior), is a martingale where there is no effect: by Ville's inequality it ever comes to 1/α in
//! at most α of all races. Its inverse is a p that may be read at any time, and the effects that it
//! does not reject are a confidence sequence. T. L. Lai, "On confidence sequences", Annals of
//! Statistics 4 (1976); H. Wang and A. Ramdas, "Anytime-valid t-tests and confidence sequences for
//! Gaussian means with unknown variance" (2024).

/// One over the variance of the effects that it is made for, in variances of a pair: effects of
/// about two standard deviations are found with the fewest pairs, which are five to eight.
const PRIOR: f64 = 0.25;

/// How often chance ever makes a ratio as large as the one that this t gives now.
pub(super) fn p(t: f64, freedom: f64) -> f64 {
    let n = freedom + 1.0;
    let share = PRIOR / (PRIOR + n);
    let x = t * t / freedom;
    let log_ratio = 0.5 * share.ln() + 0.5 * n * (x.ln_1p() - (share * x).ln_1p());
    (-log_ratio).exp().min(1.0)
}

/// The t beyond which [`p`] is below a level; endless where so few pairs never get there.
pub(super) fn critical(level: f64, freedom: f64) -> f64 {
    let n = freedom + 1.0;
    let share = PRIOR / (PRIOR + n);
    let growth = ((-level.ln() - 0.5 * share.ln()) * 2.0 / n).exp();
    if growth * share >= 1.0 {
        return f64::INFINITY;
    }
    (freedom * (growth - 1.0) / (1.0 - growth * share)).sqrt()
}

/// An exact test's p for the look after so many pairs, the first of them after `first`: looks
/// share the level as 1/2, 1/6, 1/12, ..., which is 1 in all.
pub(super) fn spent(p: f64, pairs: usize, first: usize) -> f64 {
    let look = (pairs + 1).saturating_sub(first).max(1) as f64;
    (p * look * (look + 1.0)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_where_p_comes_to_the_level() {
        for freedom in [4.0, 9.0, 39.0] {
            for level in [0.05, 0.005] {
                let t = critical(level, freedom);
                assert!((p(t, freedom) - level).abs() < 1e-9, "{freedom} {level}: {t}");
            }
        }
        // Worked out by hand for ten pairs: share 1/41, growth (20 √41)^(1/5) = 2.640.
        assert!((critical(0.05, 9.0) - 3.972).abs() < 2e-3, "{}", critical(0.05, 9.0));
        assert!((p(0.0, 9.0) - 1.0).abs() < 1e-12);
        assert!(critical(1e-6, 2.0).is_infinite());
    }

    #[test]
    fn looks_spend_the_level_once() {
        let shares: f64 = (3..10_000).map(|pairs| 1.0 / spent(1e-9, pairs, 3) * 1e-9).sum();
        assert!(shares < 1.0 && shares > 0.999, "{shares}");
        assert!((spent(0.3, 9, 3) - 1.0).abs() < 1e-12);
    }
}
