//! Seeds from seeds: every random sequence of a run follows from the plan's one seed.

use rand::rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::clock::wall_clock_us;

/// The output function of splitmix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom
/// Number Generators", 2014): a bijection of 64 bits in which every bit of the argument
/// changes about half of those of the result.
#[must_use]
pub const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ value >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ value >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ value >> 31
}

/// The seed of one use of the plan's seed: `purpose` tells uses apart, `number` the shards,
/// users or whatever else there are many of.
#[must_use]
pub const fn derive(seed: u64, purpose: u64, number: u64) -> u64 {
    mix(mix(mix(seed) ^ purpose) ^ number)
}

/// A random sequence: PCG XSL 128/64 MCG (O'Neill 2014), the same on every machine.
#[derive(Debug, Clone)]
pub struct Random(Pcg64Mcg);

impl Random {
    /// The sequence of one use of the plan's seed, as [`derive()`] has it.
    #[must_use]
    pub fn new(seed: u64, purpose: u64, number: u64) -> Self {
        Self(Pcg64Mcg::seed_from_u64(derive(seed, purpose, number)))
    }

    /// 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in [0, 1), a multiple of 2^-53.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        unit_of(self.bits())
    }

    /// A whole number below `end`, which is not 0; the bias is below `end` / 2^64.
    #[inline]
    pub fn below(&mut self, end: u64) -> u64 {
        scale(self.bits(), end)
    }

    /// Exponentially distributed with mean 1, and above 0.
    ///
    /// `rand_distr::Exp1` takes a third of the time (6.3 ns against 20.4 ns on the machine of
    /// 2026-11-26), but asks the platform for exponentials and logarithms, and then some due times
    /// would be others elsewhere.
    #[inline]
    pub fn exponential(&mut self) -> f64 {
        exponential_of(self.bits())
    }
}

const UNIT: f64 = 1.0 / (1_u64 << 53) as f64;

/// The upper 53 of 64 random bits as a number in [0, 1).
#[inline]
#[must_use]
pub const fn unit_of(bits: u64) -> f64 {
    (bits >> 11) as f64 * UNIT
}

/// 64 random bits as a number that is exponentially distributed with mean 1, and above 0.
#[inline]
fn exponential_of(bits: u64) -> f64 {
    // An arrival right upon the one before would be no use, and the logarithm of 0 neither: the
    // middle of its share, which rounding may not push to 1.
    let middle = ((bits >> 11) as f64 + 0.5) * UNIT;
    -libm::log(middle.min(1.0 - UNIT))
}

/// 64 random bits as a whole number below `end` (Lemire's multiplication, without rejection).
#[inline]
#[must_use]
pub const fn scale(bits: u64, end: u64) -> u64 {
    ((bits as u128 * end as u128) >> 64) as u64
}

/// A number that no run, sweep or race had before: of the time and of this process.
#[must_use]
pub fn fresh() -> u64 {
    // Those that begin within the same microsecond on one host differ by their process.
    let seed = wall_clock_us().cast_unsigned() ^ (u64::from(std::process::id()) << 40);
    mix(seed ^ (seed >> 31))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_is_splitmix64() {
        // The first outputs of the reference implementation for the seed 1234567.
        assert_eq!(mix(1_234_567), 6_457_827_717_110_365_317);
        let second = 1_234_567_u64.wrapping_add(0x9E37_79B9_7F4A_7C15);
        assert_eq!(mix(second), 3_203_168_211_198_807_973);
    }

    #[test]
    fn bits_are_shares_of_one_by_their_upper_53() {
        let smallest = 1.0 / 9_007_199_254_740_992.0;
        let found = [0, 2_047, 2_048, 1 << 63, u64::MAX].map(|bits| Some(unit_of(bits)));
        assert_eq!(found, [0.0, 0.0, smallest, 0.5, 1.0 - smallest].map(Some));
        assert_eq!([0, 1 << 63, u64::MAX].map(|bits| scale(bits, 10)), [0, 5, 9]);
        assert_eq!(scale(u64::MAX, u64::MAX), u64::MAX - 1);
        let (mut random, mut same) = (Random::new(1, 2, 3), Random::new(1, 2, 3));
        let units: Vec<_> = (0..100).map(|_| random.unit()).collect();
        assert_eq!(units, (0..100).map(|_| unit_of(same.bits())).collect::<Vec<_>>());
    }

    /// The first and the last of all that can be drawn are half a step within.
    #[test]
    fn no_bits_make_an_exponential_of_zero_or_without_end() {
        let (longest, median) = (54.0 * std::f64::consts::LN_2, std::f64::consts::LN_2);
        assert!((exponential_of(0) - longest).abs() < 1e-12);
        assert!((exponential_of(1 << 63) - median).abs() < 1e-12);
        let shortest = exponential_of(u64::MAX);
        assert!(shortest > 0.0 && shortest < 2e-16, "{shortest:e}");
    }

    #[test]
    fn neighbours_have_nothing_in_common() {
        let mut seen = std::collections::HashSet::new();
        for purpose in 0..10 {
            for number in 0..1_000 {
                assert!(seen.insert(Random::new(42, purpose, number).bits()));
            }
        }
    }

    #[test]
    fn exponentials_have_mean_and_variance_one() {
        let mut random = Random::new(1, 2, 3);
        let count = 1_000_000;
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..count {
            let value = random.exponential();
            assert!(value > 0.0 && value.is_finite());
            sum += value;
            squares += value * value;
        }
        let mean = sum / f64::from(count);
        assert!((mean - 1.0).abs() < 0.005, "{mean}");
        assert!((squares / f64::from(count) - 2.0).abs() < 0.025, "{squares}");
    }

    #[test]
    fn whole_numbers_stay_below_the_end_and_reach_everything() {
        let mut random = Random::new(9, 9, 9);
        let mut counts = [0; 7];
        for _ in 0..70_000 {
            counts[random.below(7) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
    }
}
