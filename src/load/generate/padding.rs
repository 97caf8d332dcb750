//! Events as large as the scenario wants them, and as easy to compress.

use super::lognormal::LogNormal;
use crate::base::random::Random;
use crate::plan::PaddingPlan;

/// The purpose of the seed of sizes and letters.
const PADDING: u64 = 4;

/// Draws sizes and makes the letters that fill events up.
#[derive(Debug, Clone)]
pub(super) struct Padding {
    sizes: LogNormal,
    max_bytes: usize,
    /// The part of the letters that are all the same.
    compressibility: f64,
    random: Random,
    letters: Vec<u8>,
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
        }
    }

    /// Makes the letters that bring an event of this size to the one drawn, of which `letters_of`
    /// says how many fill a number of bytes; `None` where it is as large already, or so nearly that
    /// the letters' field itself would be too much.
    pub(super) fn fill(
        &mut self,
        natural_bytes: usize,
        letters_of: impl FnOnce(usize) -> Option<usize>,
    ) -> Option<&str> {
        let wanted = (self.sizes.pick(self.random.bits()) as usize).min(self.max_bytes);
        let count = letters_of(wanted.checked_sub(natural_bytes)?)?;
        let alike = (count as f64 * self.compressibility) as usize;
        self.letters.clear();
        // In one run: spread among the random ones, a codec would not find it.
        self.letters.resize(alike, b'x');
        while self.letters.len() < count {
            self.letters.extend_from_slice(&some_letters(self.random.bits()));
        }
        self.letters.truncate(count);
        std::str::from_utf8(&self.letters).ok()
    }
}

/// Eight random letters out of 64 that need no escaping: 6 bits each, so that a codec
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

    /// What a format takes besides the letters.
    const FRAME_BYTES: usize = 13;

    /// The letters for an event of this size.
    fn fill(padding: &mut Padding, natural_bytes: usize) -> Option<String> {
        let letters_of = |bytes: usize| bytes.checked_sub(FRAME_BYTES);
        padding.fill(natural_bytes, letters_of).map(str::to_owned)
    }

    /// What they take.
    fn bytes_of(letters: Option<&String>) -> usize {
        letters.map_or(0, |letters| FRAME_BYTES + letters.len())
    }

    fn plan(sigma: f64, compressibility: f64) -> PaddingPlan {
        PaddingPlan { median_bytes: 2_000.0, sigma, max_bytes: 10_000, compressibility }
    }

    #[test]
    fn an_event_gets_the_size_drawn_to_the_byte() {
        let mut padding = Padding::new(&plan(0.0, 0.5), 1, 0);
        for natural_bytes in [0, 1, 550, 1_986, 1_987] {
            let letters = fill(&mut padding, natural_bytes);
            assert_eq!(natural_bytes + bytes_of(letters.as_ref()), 2_000, "{natural_bytes}");
        }
        for natural_bytes in [1_988, 2_000, 5_000] {
            assert_eq!(fill(&mut padding, natural_bytes), None, "{natural_bytes}");
        }
    }

    #[test]
    fn sizes_have_the_median_and_spread_asked_for_and_their_limit() {
        let mut padding = Padding::new(&plan(0.5, 0.0), 2, 0);
        let mut sizes: Vec<_> =
            (0..20_000).map(|_| 20 + bytes_of(fill(&mut padding, 20).as_ref())).collect();
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
            let letters = fill(&mut padding, 0).unwrap();
            assert!(letters.bytes().all(|byte| (b'#'..=b'~').contains(&byte) && byte != b'\\'));
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
            (0..50).map(|_| fill(&mut padding, 500)).collect::<Vec<_>>()
        };
        assert_eq!(made(1, 0), made(1, 0));
        assert_ne!(made(1, 0), made(2, 0));
        assert_ne!(made(1, 0), made(1, 1));
        assert_eq!(made(1, 0).into_iter().collect::<HashSet<_>>().len(), 50);
    }
}
