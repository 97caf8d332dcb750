//! Figures that have no logarithm, because some are zero or without end: an exact test on ranks.

/// Most runs of both sides together that are counted out; with more the normal approximation is
/// good to three digits.
const COUNTED_MAX: usize = 120;

/// Two groups of figures by their ranks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ranks {
    /// Two-sided: how often shuffled runs would lie so far apart.
    pub p: f64,
    /// How much higher the candidate's mean rank is.
    pub rise: f64,
}

/// The test by Wilcoxon, Mann and Whitney with middle ranks for equal figures: its distribution is
/// counted over every way to give the same figures to two sides (E. L. Lehmann, "Nonparametrics",
/// 1975, section 1.4). Of figures that are 0 or 1 it is Fisher's exact test. Two-sided by doubling.
/// `None` where a side is empty, or all figures are equal: then there is nothing to test.
pub(super) fn ranks(baseline: &[f64], candidate: &[f64]) -> Option<Ranks> {
    let all: Vec<f64> = baseline.iter().chain(candidate).copied().collect();
    let (few, many) = (baseline.len(), all.len());
    if few == 0 || few == many || all.iter().all(|figure| figure.total_cmp(&all[0]).is_eq()) {
        return None;
    }
    // Twice the middle rank is a whole number.
    let doubled: Vec<usize> = all.iter().map(|figure| doubled_rank(*figure, &all)).collect();
    let seen: usize = doubled[..few].iter().sum();
    let total: usize = doubled.iter().sum();
    let base_mean = seen as f64 / few as f64;
    let rise = ((total - seen) as f64 / (many - few) as f64 - base_mean) / 2.0;
    let p = if many <= COUNTED_MAX {
        counted(&doubled, few, seen)
    } else {
        approximate(&doubled, few, seen)
    };
    Some(Ranks { p, rise })
}

fn doubled_rank(figure: f64, all: &[f64]) -> usize {
    let below = all.iter().filter(|other| **other < figure).count();
    let equal = all.iter().filter(|other| other.total_cmp(&figure).is_eq()).count();
    2 * below + equal + 1
}

/// How many of the ways to choose `few` of the ranks have which sum: as shares of all ways.
fn counted(doubled: &[usize], few: usize, seen: usize) -> f64 {
    let total: usize = doubled.iter().sum();
    // ways[k][s]: the share of the choices of k that sum up to s, each step weighted so that no
    // number gets huge.
    let mut ways = vec![vec![0.0_f64; total + 1]; few + 1];
    ways[0][0] = 1.0;
    for (place, &rank) in doubled.iter().enumerate() {
        for k in (1..=few.min(place + 1)).rev() {
            for sum in (rank..=total).rev() {
                ways[k][sum] += ways[k - 1][sum - rank];
            }
        }
    }
    let last = &ways[few];
    let of = |sums: &[f64]| sums.iter().sum::<f64>();
    let everything = of(last);
    let (low, high) = (of(&last[..=seen]), of(&last[seen..]));
    (2.0 * low.min(high) / everything).min(1.0)
}

fn approximate(doubled: &[usize], few: usize, seen: usize) -> f64 {
    use statrs::distribution::{ContinuousCDF, Normal};
    let n = doubled.len() as f64;
    let (base_n, other_n) = (few as f64, n - few as f64);
    let mean = doubled.iter().sum::<usize>() as f64 / n;
    let squares: f64 = doubled.iter().map(|rank| (*rank as f64 - mean).powi(2)).sum();
    let error = (base_n * other_n * squares / (n * (n - 1.0))).sqrt();
    // Continuity: half a step, and a step of doubled ranks is one or two.
    let distance = ((seen as f64 - base_n * mean).abs() - 0.5).max(0.0);
    (2.0 * Normal::standard().cdf(-distance / error)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(baseline: &[f64], candidate: &[f64]) -> f64 {
        ranks(baseline, candidate).unwrap().p
    }

    #[test]
    fn all_against_none_is_two_of_all_ways() {
        assert!((p(&[0.0; 5], &[1.0; 5]) - 2.0 / 252.0).abs() < 1e-12);
        assert!((p(&[0.0; 3], &[9.0; 3]) - 2.0 / 20.0).abs() < 1e-12);
        let endless = ranks(&[1.0; 4], &[f64::INFINITY; 4]).unwrap();
        assert!((endless.p - 2.0 / 70.0).abs() < 1e-12 && endless.rise > 0.0);
    }

    #[test]
    fn of_zeros_and_ones_it_is_fishers_test() {
        // 1 of 5 against 4 of 5: (C(5,1) C(5,4) + C(5,0) C(5,5)) / C(10,5) = 26 / 252, doubled.
        let few = [1.0, 0.0, 0.0, 0.0, 0.0];
        let many = [1.0, 1.0, 1.0, 1.0, 0.0];
        assert!((p(&few, &many) - 52.0 / 252.0).abs() < 1e-12);
        assert!((p(&few, &few) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn equal_figures_share_the_middle_of_their_ranks() {
        let all = [10.0, 20.0, 20.0, 30.0];
        assert_eq!(all.map(|figure| doubled_rank(figure, &all)), [2, 5, 5, 8]);
        // Ranks 1 and 2 against 3, 4 and 5: means of 1.5 and 4.
        let ranked = ranks(&[1.0, 2.0], &[3.0, 4.0, 5.0]).unwrap();
        assert!((ranked.rise - 2.5).abs() < 1e-12 && (ranked.p - 0.2).abs() < 1e-12);
    }

    #[test]
    fn a_side_without_runs_is_no_test_whatever_the_other_has() {
        assert_eq!(ranks(&[], &[1.0, 2.0, 3.0]), None);
        assert_eq!(ranks(&[1.0, 2.0, 3.0], &[]), None);
    }

    #[test]
    fn the_approximation_is_the_normal_one_with_half_a_step_off() {
        // Ranks 1, 2, 3 and 5 of ten, doubled: a sum of 22 where 44 is the mean, and the variance
        // 4 × 6 × 330 / 90 = 88. Of a normal distribution 21.5 / √88 = 2.2919 is exceeded on both
        // sides in 2.19110 %.
        let doubled: Vec<usize> = (1..=10).map(|rank| 2 * rank).collect();
        assert!((approximate(&doubled, 4, 22) - 0.021_910_97).abs() < 1e-7);
        assert!((approximate(&doubled, 4, 66) - 0.021_910_97).abs() < 1e-7);
        assert!((approximate(&doubled, 4, 44) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn counts_tell_what_zeros_alone_can_not() {
        let some = [0.0, 1.0, 2.0, 1.0, 0.0];
        let hundreds = [0.0, 700.0, 900.0, 800.0, 600.0];
        let ranked = ranks(&some, &hundreds).unwrap();
        assert!(ranked.p < 0.15 && ranked.rise > 0.0, "{ranked:?}");
        let mirrored = ranks(&hundreds, &some).unwrap();
        assert!((mirrored.p - ranked.p).abs() < 1e-12 && mirrored.rise < 0.0);
        assert_eq!(ranks(&[0.0; 5], &[0.0; 5]), None);
        assert_eq!(ranks(&[], &[0.0; 5]), None);
    }

    #[test]
    fn beyond_the_counted_the_approximation_goes_on() {
        let figures =
            |from: usize| -> Vec<f64> { (0..60).map(|n| ((n * 7 + from) % 61) as f64).collect() };
        let (base, other) = (figures(0), figures(9).iter().map(|n| n + 6.0).collect::<Vec<_>>());
        let doubled: Vec<usize> = {
            let all: Vec<f64> = base.iter().chain(&other).copied().collect();
            all.iter().map(|figure| doubled_rank(*figure, &all)).collect()
        };
        let seen = doubled[..60].iter().sum();
        let (exact, near) = (counted(&doubled, 60, seen), approximate(&doubled, 60, seen));
        assert!(exact < 0.2 && (exact - near).abs() < 2e-3, "{exact} {near}");
    }
}
