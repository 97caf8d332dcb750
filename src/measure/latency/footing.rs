//! On what a percentile rests: how many separate slow episodes lie above it.
//!
//! Samples of one stall are slow together. Eight samples above p99.9 that were due in the same
//! half second are one thing that happened once, however many thousands of others were fast; the
//! next run has it or has it not. Exceedances of a high level come in clusters, and their number
//! varies as that of the clusters does (Hsing, Hüsler and Leadbetter 1988: in the limit a compound
//! Poisson process). So with clusters of sizes s, the m = Σs samples above count as (Σs)² / Σs²
//! that were independent (Kish's effective size), and all n samples as n · Σs / Σs².

use serde::{Deserialize, Serialize};
use statrs::distribution::{DiscreteCDF, Poisson};

use super::samples_needed;

/// The percentiles that rest on few samples.
pub const TAIL: [f64; 3] = [0.99, 0.999, 0.9999];

/// Fewer intervals tell nothing of how samples hang together.
const BLOCKS_MIN: usize = 4;

/// An interval is slow where its share of the samples above would be rarer than that by chance.
const RARE: f64 = 0.01;

/// One interval of due times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Its number: the next one follows it without a gap.
    pub index: u64,
    /// Samples that were due in it.
    pub samples: u64,
    /// Of these, above the percentile.
    pub above: u64,
}

/// On what a percentile rests.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Footing {
    /// Samples above it.
    pub above: u64,
    /// As many separate episodes, were they of equal size.
    pub episodes: f64,
    /// As many independent samples would tell as much of it as all samples do.
    pub independent: f64,
    /// Whether these are enough for a percentile: [`samples_needed`].
    pub is_enough: bool,
}

impl Footing {
    /// Of a percentile, from the intervals of the measured part in the order of their due times;
    /// `None` with fewer than four of them, or with nothing above it.
    #[must_use]
    pub fn of(blocks: &[Block], quantile: f64) -> Option<Self> {
        let samples: u64 = blocks.iter().map(|block| block.samples).sum();
        let above: u64 = blocks.iter().map(|block| block.above).sum();
        if blocks.len() < BLOCKS_MIN || above == 0 || above == samples {
            return None;
        }
        // Either estimate sees what the other misses: few large clusters, and many small ones
        // within each interval.
        let inflation = clustered(blocks, quantile).max(dispersed(blocks));
        let inflation = inflation.clamp(1.0, above as f64);
        let independent = samples as f64 / inflation;
        Some(Self {
            above,
            episodes: above as f64 / inflation,
            independent,
            is_enough: independent >= samples_needed(quantile) as f64,
        })
    }
}

/// How much more the number above varies than that of independent samples, by the sizes of the
/// clusters: Σs² / Σs. A cluster is a stretch of slow intervals; what lies above elsewhere is a
/// cluster each.
fn clustered(blocks: &[Block], quantile: f64) -> f64 {
    let (mut sum, mut squares) = (0.0, 0.0);
    let mut add = |size: u64, times: u64| {
        sum += size as f64 * times as f64;
        squares += (size as f64).powi(2) * times as f64;
    };
    // Of the open stretch: its size, and the number of the interval that would continue it.
    let mut stretch = (0, None);
    for block in blocks {
        if !is_slow(block, quantile) {
            add(1, block.above);
            continue;
        }
        if stretch.1 != Some(block.index) {
            add(stretch.0, 1);
            stretch.0 = 0;
        }
        stretch = (stretch.0 + block.above, Some(block.index + 1));
    }
    add(stretch.0, 1);
    squares / sum
}

/// Two samples or more above, twice its share, and more than chance would have put there.
fn is_slow(block: &Block, quantile: f64) -> bool {
    let expected = block.samples as f64 * (1.0 - quantile);
    block.above >= 2
        && block.above as f64 >= 2.0 * expected
        && Poisson::new(expected).is_ok_and(|chance| chance.sf(block.above - 1) < RARE)
}

/// The same by how the numbers above spread from interval to interval: the design effect of a
/// share in cluster samples (Kish 1965), with what neighbours have in common (Bartlett's weights,
/// as Newey and West 1987).
fn dispersed(blocks: &[Block]) -> f64 {
    let samples: f64 = blocks.iter().map(|block| block.samples as f64).sum();
    let above: f64 = blocks.iter().map(|block| block.above as f64).sum();
    let share = above / samples;
    let off: Vec<f64> =
        blocks.iter().map(|block| block.above as f64 - share * block.samples as f64).collect();
    let together =
        |lag: usize| -> f64 { off.iter().zip(&off[lag..]).map(|(left, right)| left * right).sum() };
    let blocks = blocks.len() as f64;
    let lags = blocks.cbrt() as usize;
    let weight = |lag: usize| 2.0 * (1.0 - lag as f64 / (lags + 1) as f64);
    let common: f64 = (1..=lags).map(|lag| weight(lag) * together(lag)).sum();
    let variance = (together(0) + common.max(0.0)) * blocks / (blocks - 1.0);
    variance / (samples * share * (1.0 - share))
}

/// The probability that the interval leaves out on either side: 95 % are left within.
const OUTSIDE: f64 = 0.025;

/// The same of a normal distribution, in standard deviations.
const OUTSIDE_SIGMAS: f64 = 1.959_964;

/// The ranks, from 1, of the two of so many independent samples that hold a percentile between
/// them with 95 % confidence, by order statistics; `None` where some side has no sample that far
/// out.
#[must_use]
pub fn ranks_around(count: u64, quantile: f64) -> Option<(u64, u64)> {
    let (n, p) = (count as f64, 1.0 - quantile);
    // How many samples lie above the percentile is binomial: (n, 1 − q).
    let none_above_ln = n * libm::log(quantile);
    let (few, many) = if none_above_ln > -700.0 {
        let (mut term, mut sum, mut above) = (libm::exp(none_above_ln), 0.0, 0.0);
        let mut few = None;
        while 1.0 - sum > OUTSIDE && above <= n {
            sum += term;
            if sum <= OUTSIDE {
                few = Some(above);
            }
            term *= (n - above) / (above + 1.0) * p / quantile;
            above += 1.0;
        }
        (few?, above)
    } else {
        // Hundreds on either side: the normal distribution is near enough.
        let spread = OUTSIDE_SIGMAS * (n * p * quantile).sqrt();
        ((n * p - spread - 1.0).floor(), (n * p + spread + 1.0).ceil())
    };
    let (low, high) = (n + 1.0 - many, n - few);
    (low >= 1.0).then_some((low as u64, high as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};

    /// Intervals of 1,000 samples with so many above each.
    fn blocks(above: &[u64]) -> Vec<Block> {
        (0..).zip(above).map(|(index, &above)| Block { index, samples: 1_000, above }).collect()
    }

    fn episodes(above: &[u64], quantile: f64) -> f64 {
        Footing::of(&blocks(above), quantile).unwrap().episodes
    }

    #[test]
    fn one_stall_is_one_episode_however_many_samples_it_has() {
        let mut above = vec![0; 30];
        above[12] = 30;
        let footing = Footing::of(&blocks(&above), 0.999).unwrap();
        assert!((footing.episodes - 1.0).abs() < 0.1, "{footing:?}");
        assert_eq!((footing.above, footing.is_enough), (30, false));
        // Over the border of an interval or two it is still one.
        (above[12], above[13], above[14]) = (8, 14, 8);
        let long = episodes(&above, 0.999);
        assert!((long - 1.0).abs() < 0.1, "{long}");
        // With a few others here and there.
        (above[3], above[20]) = (1, 2);
        let others = episodes(&above, 0.999);
        assert!(others < 1.5, "{others}");
    }

    #[test]
    fn stalls_apart_are_as_many_and_four_are_enough() {
        for stalls in 1..=6_usize {
            let mut above = vec![0; 60];
            (0..stalls).for_each(|stall| above[9 * stall + 5] = (60 / stalls) as u64);
            let footing = Footing::of(&blocks(&above), 0.999).unwrap();
            assert!((footing.episodes - stalls as f64).abs() < 0.2, "{stalls}: {footing:?}");
            assert_eq!(footing.is_enough, stalls >= 4, "{stalls}: {footing:?}");
        }
        // A stall that is much longer than the others is what the percentile rests on.
        let mut above = vec![0; 60];
        (above[5], above[20], above[35]) = (50, 5, 5);
        let uneven = episodes(&above, 0.999);
        assert!(uneven < 1.5, "{uneven}");
    }

    #[test]
    fn one_stall_s_samples_are_worth_one_of_each_thirty() {
        let mut above = vec![0; 30];
        above[12] = 30;
        let (episodes, independent) = (1.0, 1_000.0);
        let footing = Footing { above: 30, episodes, independent, is_enough: false };
        assert_eq!(Footing::of(&blocks(&above), 0.999), Some(footing));
    }

    /// Poisson with mean 1: four or more in 1.9 % of the intervals, five or more in 0.37 %.
    #[test]
    fn slow_is_an_interval_with_twice_its_share_that_chance_would_hardly_give() {
        let slow =
            |samples, quantile, above| is_slow(&Block { index: 0, samples, above }, quantile);
        assert_eq!([4, 5].map(|above| slow(1_000, 0.999, above)), [false, true]);
        // Of 400 a quarter: 199 are most unlikely, and less than twice as many.
        assert_eq!([199, 200].map(|above| slow(400, 0.75, above)), [false, true]);
        assert_eq!([1, 2].map(|above| slow(10, 0.999, above)), [false, true], "one is no cluster");
    }

    #[test]
    fn clusters_weigh_by_the_square_of_their_size_and_others_are_one_each() {
        // A stretch of 40, one of 30, and two by themselves: (1,600 + 900 + 2) / 72.
        let found = clustered(&blocks(&[1, 0, 20, 20, 0, 1, 0, 30]), 0.999);
        assert!((found - 34.75).abs() < 1e-9, "{found}");
    }

    /// By hand: a sum of squares of 100, 100 + 25, and 250 + 4/3 · 175 + 2/3 · 100; each by n/(n−1)
    /// and the variance of a share of 0.015.
    #[test]
    fn the_spread_of_the_intervals_is_the_design_effect_with_bartlett_s_weights() {
        let (alone, pairs) = ([10, 20, 10, 20], [10, 10, 20, 20]);
        let fives = [10, 10, 10, 10, 10, 20, 20, 20, 20, 20];
        let found = [&alone[..], &pairs, &fives].map(|above| dispersed(&blocks(above)));
        for (found, expected) in found.into_iter().zip([2.256_063_17, 2.820_078_96, 4.136_115_81]) {
            assert!((found - expected).abs() < 1e-8, "{found} {expected}");
        }
        let in_proportion = [(1_000, 10), (3_000, 30), (500, 5), (9_000, 90)];
        let block = |(samples, above)| Block { index: 0, samples, above };
        assert!(dispersed(&in_proportion.map(block)).abs() < 1e-9);
    }

    #[test]
    fn intervals_that_do_not_follow_each_other_are_not_one_stretch() {
        let mut blocks = blocks(&[0, 0, 0, 20, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let together = clustered(&blocks, 0.999);
        blocks.iter_mut().skip(4).for_each(|block| block.index += 5);
        assert!((together - 40.0).abs() < 1e-9, "{together}");
        assert!((clustered(&blocks, 0.999) - 20.0).abs() < 1e-9);
    }

    /// Short pauses, forty in each interval: no interval stands out, all are restless.
    #[test]
    fn many_small_clusters_show_in_the_spread_of_the_intervals() {
        let mut random = rand_pcg::Pcg64::seed_from_u64(3);
        let above: Vec<u64> = (0..300)
            .map(|_| 5 * (0..400).filter(|_| random.random_bool(0.1)).count() as u64)
            .collect();
        let all: u64 = above.iter().sum();
        let of_five = all as f64 / episodes(&above, 0.8);
        assert!((3.5..9.0).contains(&of_five), "{of_five}");
    }

    /// Slow for a while and fast for a while, by no interval's own fault.
    #[test]
    fn what_neighbours_have_in_common_counts() {
        let above: Vec<u64> = (0..100).map(|at| if at / 10 % 2 == 0 { 14 } else { 6 }).collect();
        let scattered: Vec<u64> = (0..100).map(|at| if at % 2 == 0 { 14 } else { 6 }).collect();
        let (slow, fast) = (episodes(&above, 0.99), episodes(&scattered, 0.99));
        assert!(slow < 0.5 * fast, "{slow} {fast}");
    }

    #[test]
    fn the_ranks_around_a_percentile_are_those_of_the_binomial_distribution() {
        assert_eq!(ranks_around(100, 0.5), Some((40, 61)), "as tables of the median have it");
        assert_eq!((ranks_around(5, 0.5), ranks_around(6, 0.5)), (None, Some((1, 6))));
        assert_eq!((ranks_around(367, 0.99), ranks_around(368, 0.99)), (None, Some((360, 368))));
        assert_eq!(ranks_around(3_000, 0.999), None);
        assert_eq!(ranks_around(10, 0.01), None, "no sample is far enough below");
        // Summed in whole numbers; then 1,000 ± 1.96 √990 and one more, and 2,500 ± 1.96 √1,875.
        assert_eq!(ranks_around(1_000, 0.99), Some((983, 997)));
        assert_eq!(ranks_around(400, 0.9), Some((348, 372)));
        assert_eq!(ranks_around(250, 0.1), Some((16, 36)));
        assert_eq!(ranks_around(100_000, 0.99), Some((98_938, 99_063)));
        assert_eq!(ranks_around(10_000, 0.75), Some((7_415, 7_586)));
        for quantile in [-0.5, 0.0, 1.0, 1.5, f64::NAN] {
            assert_eq!([0, 100, 100_000].map(|count| ranks_around(count, quantile)), [None; 3]);
        }
        // Near the border between counting and the normal distribution both agree.
        for (count, quantile) in [(1_009, 0.5), (69_600, 0.99), (6_640, 0.9)] {
            let (low, high) = ranks_around(count, quantile).unwrap();
            let (low_far, high_far) = ranks_around(count + 100, quantile).unwrap();
            let shift = (100.0 * quantile) as u64;
            assert!(low_far.abs_diff(low + shift) <= 3, "{low} {low_far}");
            assert!(high_far.abs_diff(high + shift) <= 3, "{high} {high_far}");
        }
    }

    /// Of 2,000 runs of 3,000 samples each, at most one in twenty has its true p99 outside.
    #[test]
    fn the_ranks_hold_the_percentile_of_independent_samples_in_95_of_100_runs() {
        let mut random = rand_pcg::Pcg64::seed_from_u64(7);
        let (low, high) = ranks_around(3_000, 0.99).unwrap();
        let held = (0..2_000).filter(|_| {
            let at_most = (0..3_000).filter(|_| random.random_bool(0.99)).count() as u64;
            (low..high).contains(&at_most)
        });
        let held = held.count();
        assert!((1_890..2_000).contains(&held), "{held} of 2,000");
    }

    #[test]
    fn too_few_intervals_or_nothing_above_tells_nothing() {
        assert_eq!(Footing::of(&blocks(&[1, 0, 2]), 0.999), None);
        assert!(Footing::of(&blocks(&[1, 0, 2, 0]), 0.999).is_some(), "four are enough");
        assert_eq!(Footing::of(&blocks(&[0; 10]), 0.999), None);
        assert_eq!(Footing::of(&blocks(&[1_000; 10]), 0.999), None, "nothing below");
        assert_eq!(Footing::of(&[], 0.999), None);
    }

    #[test]
    fn independent_samples_count_nearly_in_full() {
        let mut random = rand_pcg::Pcg64::seed_from_u64(5);
        let (mut found, mut enough) = (0.0, 0);
        for _ in 0..200 {
            let mut above = vec![0; 30];
            (0..300).for_each(|_| above[random.random_range(0..30)] += 1);
            let footing = Footing::of(&blocks(&above), 0.99).unwrap();
            found += footing.episodes / 300.0 / 200.0;
            enough += u32::from(footing.is_enough);
        }
        assert!(found > 0.65 && found <= 1.0, "{found}");
        assert_eq!(enough, 200);
    }

    proptest! {
        /// Never more than there are samples, never less than one.
        #[test]
        fn episodes_are_between_one_and_the_samples_above(
            above in prop::collection::vec(0_u64..1_000, 4..60),
            quantile in 0.5_f64..0.9999,
        ) {
            if let Some(footing) = Footing::of(&blocks(&above), quantile) {
                prop_assert!(footing.episodes <= footing.above as f64 + 1e-9);
                prop_assert!(footing.episodes >= 1.0 - 1e-9, "{:?}", footing);
                prop_assert!(footing.independent <= above.len() as f64 * 1_000.0 + 1e-6);
            }
        }
    }
}
