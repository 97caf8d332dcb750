//! Events as large as the scenario wants them, and as easy to compress.

use super::lognormal::LogNormal;
use crate::base::random::Random;
use crate::event::json::encode;
use crate::plan::PaddingPlan;

/// The purpose of the seed of sizes and letters.
const PADDING: u64 = 4;

/// What the field takes besides its letters.
const FRAME_BYTES: usize = ",\"padding\":\"\"".len();

/// Draws sizes and makes the letters that fill events up.
#[derive(Debug, Clone)]
pub(super) struct Padding {
    sizes: LogNormal,
    max_bytes: usize,
    /// The part of the letters that are all the same.
    compressibility: f64,
    random: Random,
    letters: Vec<u8>,
    fragment: String,
}

impl Padding {
    /// The padding of one shard's events.
    pub(super) fn new(plan: &PaddingPlan, seed: u64, shard: u16) -> Self {
        Self {
            sizes: LogNormal::new(plan.median_bytes, plan.sigma),
            max_bytes: plan.max_bytes as usize,
            compressibility: plan.compressibility,
            random: Random::new(seed, PADDING, u64::from(shard)),
            letters: Vec::new(),
            fragment: String::new(),
        }
    }

    /// Makes the fragment that brings an event of this size to the one drawn; an empty one where
    /// it is as large already, or so nearly that the field itself would be too much.
    pub(super) fn fill(&mut self, natural_bytes: usize) -> &str {
        let wanted = (self.sizes.pick(self.random.bits()) as usize).min(self.max_bytes);
        self.fragment.clear();
        let Some(count) = wanted.checked_sub(natural_bytes + FRAME_BYTES) else { return "" };
        let alike = (count as f64 * self.compressibility) as usize;
        self.letters.clear();
        // In one run: spread among the random ones, a codec would not find it.
        self.letters.resize(alike, b'x');
        while self.letters.len() < count {
            self.letters.extend_from_slice(&some_letters(self.random.bits()));
        }
        self.letters.truncate(count);
        encode::padding(std::str::from_utf8(&self.letters).unwrap_or(""), &mut self.fragment);
        &self.fragment
    }
}

/// Eight random letters out of 64 that need no escaping in JSON: 6 bits each, so that a codec
/// which counts letters saves a quarter of them at most.
fn some_letters(bits: u64) -> [u8; 8] {
    bits.to_le_bytes().map(|byte| {
        // '#' to 'b', without the backslash.
        let letter = b'#' + (byte & 63);
        if letter == b'\\' { b'~' } else { letter }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn plan(sigma: f64, compressibility: f64) -> PaddingPlan {
        PaddingPlan { median_bytes: 2_000.0, sigma, max_bytes: 10_000, compressibility }
    }

    #[test]
    fn an_event_gets_the_size_drawn_to_the_byte() {
        let mut padding = Padding::new(&plan(0.0, 0.5), 1, 0);
        for natural_bytes in [0, 1, 550, 1_986, 1_987] {
            padding.fill(natural_bytes);
            assert_eq!(natural_bytes + padding.fragment.len(), 2_000, "{natural_bytes}");
        }
        for natural_bytes in [1_988, 2_000, 5_000] {
            padding.fill(natural_bytes);
            assert_eq!(padding.fragment, "", "{natural_bytes}");
        }
    }

    #[test]
    fn sizes_have_the_median_and_spread_asked_for_and_their_limit() {
        let mut padding = Padding::new(&plan(0.5, 0.0), 2, 0);
        let mut sizes: Vec<_> = (0..20_000)
            .map(|_| {
                padding.fill(20);
                20 + padding.fragment.len()
            })
            .collect();
        sizes.sort_unstable();
        assert!((1_960..2_040).contains(&sizes[10_000]), "{}", sizes[10_000]);
        // One standard deviation above: e^0.5 times the median.
        assert!((3_200..3_400).contains(&sizes[16_827]), "{}", sizes[16_827]);
        assert!(sizes[19_999] <= 10_000);
    }

    #[test]
    fn letters_need_no_escaping_and_are_alike_as_much_as_asked_for() {
        let mut seen = HashSet::new();
        for compressibility in [0.0, 0.3, 1.0] {
            let mut padding = Padding::new(&plan(0.0, compressibility), 3, 0);
            padding.fill(0);
            let json = format!("{{{}}}", &padding.fragment[1..]);
            let read: serde_json::Value = serde_json::from_str(&json).unwrap();
            let letters = read["padding"].as_str().unwrap();
            assert_eq!(letters.len() + FRAME_BYTES, 2_000);
            let alike = letters.len() - letters.trim_start_matches('x').len();
            assert_eq!(alike, (letters.len() as f64 * compressibility) as usize);
            seen.extend(letters.chars().skip(alike));
        }
        assert_eq!(seen.len(), 64);
    }

    #[test]
    fn the_seed_decides_every_letter_and_no_two_events_share_theirs() {
        let made = |seed, shard| {
            let mut padding = Padding::new(&plan(0.5, 0.5), seed, shard);
            (0..50)
                .map(|_| {
                    padding.fill(500);
                    padding.fragment.clone()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(made(1, 0), made(1, 0));
        assert_ne!(made(1, 0), made(2, 0));
        assert_ne!(made(1, 0), made(1, 1));
        assert_eq!(made(1, 0).into_iter().collect::<HashSet<_>>().len(), 50);
    }
}
