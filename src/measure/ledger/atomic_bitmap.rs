//! A bitmap that grows without locking and without moving.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::SparseBitmap;

/// Bits in a chunk: small enough (128 KiB) that making one costs its thread some 20 µs.
const CHUNK_BITS: u64 = 1 << 20;
const WORD_BITS: u64 = 64;
const CHUNK_WORDS: usize = (CHUNK_BITS / WORD_BITS) as usize;

/// Bucket k holds 2^k chunks, so 28 of them reach beyond the 2^48 sequence numbers of a stamp.
const BUCKETS: usize = 29;

type Chunk = OnceLock<Box<[AtomicU64]>>;

/// A set of sequence numbers; dense ones cost a bit each.
#[derive(Debug)]
pub(super) struct AtomicBitmap {
    buckets: [OnceLock<Box<[Chunk]>>; BUCKETS],
}

impl Default for AtomicBitmap {
    fn default() -> Self {
        Self { buckets: [const { OnceLock::new() }; BUCKETS] }
    }
}

/// The bucket of a chunk, and its place there.
fn place(chunk: u64) -> (usize, usize) {
    let bucket = (chunk + 1).ilog2();
    (bucket as usize, (chunk + 1 - (1 << bucket)) as usize)
}

/// Those of the 64 bits from `64 * word` on that are numbers below `end`.
pub(super) fn below(end: u64, word: u64) -> u64 {
    match end.saturating_sub(word.saturating_mul(64)) {
        rest if rest >= 64 => u64::MAX,
        rest => (1 << rest) - 1,
    }
}

impl AtomicBitmap {
    /// Sets a bit. Returns false when it was set before, or when it lies beyond any stamp's.
    pub(super) fn set(&self, bit: u64) -> bool {
        let (bucket, at) = place(bit / CHUNK_BITS);
        let Some(bucket_of) = self.buckets.get(bucket) else {
            return false;
        };
        let chunks =
            bucket_of.get_or_init(|| (0..1_usize << bucket).map(|_| OnceLock::new()).collect());
        let words =
            chunks[at].get_or_init(|| (0..CHUNK_WORDS).map(|_| AtomicU64::new(0)).collect());
        let within = bit % CHUNK_BITS;
        let mask = 1 << (within % WORD_BITS);
        words[(within / WORD_BITS) as usize].fetch_or(mask, Ordering::AcqRel) & mask == 0
    }

    /// Sets those of the 64 bits from `64 * word` on that `value` has, but for what lies beyond any
    /// stamp's.
    pub(super) fn set_word(&self, word: u64, value: u64) {
        // Making room for nothing would let one number far off take gigabytes.
        if value == 0 {
            return;
        }
        let (bucket, at) = place(word / CHUNK_WORDS as u64);
        let Some(bucket_of) = self.buckets.get(bucket) else {
            return;
        };
        let chunks =
            bucket_of.get_or_init(|| (0..1_usize << bucket).map(|_| OnceLock::new()).collect());
        let words =
            chunks[at].get_or_init(|| (0..CHUNK_WORDS).map(|_| AtomicU64::new(0)).collect());
        words[(word % CHUNK_WORDS as u64) as usize].fetch_or(value, Ordering::AcqRel);
    }

    /// The 64 bits from `64 * word` on.
    pub(super) fn word(&self, word: u64) -> u64 {
        let (bucket, at) = place(word / CHUNK_WORDS as u64);
        self.buckets
            .get(bucket)
            .and_then(OnceLock::get)
            .and_then(|chunks| chunks[at].get())
            .map_or(0, |words| words[(word % CHUNK_WORDS as u64) as usize].load(Ordering::Acquire))
    }

    /// The same set, to be written down.
    pub(super) fn plane(&self) -> SparseBitmap {
        let mut plane = SparseBitmap::default();
        for (bucket, chunks) in self.buckets.iter().enumerate() {
            let first = (1_u64 << bucket) - 1;
            for (chunk, words) in (first..).zip(chunks.get().into_iter().flatten()) {
                let from = chunk * CHUNK_WORDS as u64;
                for (word, value) in (from..).zip(words.get().into_iter().flatten()) {
                    plane.set_word(word, value.load(Ordering::Acquire));
                }
            }
        }
        plane
    }

    /// How many bits are set, wherever.
    pub(super) fn count(&self) -> u64 {
        let ones = |words: &[AtomicU64]| -> u64 {
            words.iter().map(|word| u64::from(word.load(Ordering::Acquire).count_ones())).sum()
        };
        self.buckets
            .iter()
            .filter_map(OnceLock::get)
            .flat_map(|chunks| chunks.iter().filter_map(OnceLock::get))
            .map(|words| ones(words))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn chunks_follow_each_other_without_gap_or_overlap() {
        let mut expected = (0, 0);
        for chunk in 0..10_000 {
            assert_eq!(place(chunk), expected);
            expected.1 += 1;
            if expected.1 == 1 << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
    }

    #[test]
    fn the_greatest_sequence_number_of_a_stamp_has_a_place() {
        let (bucket, _) = place(((1 << 48) - 1) / CHUNK_BITS);
        assert!(bucket < BUCKETS);
        assert!(!AtomicBitmap::default().set(u64::MAX));
    }

    #[test]
    fn threads_that_set_the_same_bits_win_each_bit_once() {
        let bits = AtomicBitmap::default();
        let won: u64 = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..200_000).filter(|&bit| bits.set(bit * 7)).count()))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap() as u64).sum()
        });
        assert_eq!((won, bits.count()), (200_000, 200_000));
    }

    #[test]
    fn a_words_bits_below_a_number_end_there() {
        let of = |end| [0, 1].map(|word| below(end, word));
        assert_eq!([of(0), of(1), of(63)], [[0, 0], [1, 0], [u64::MAX >> 1, 0]]);
        assert_eq!([of(64), of(65), of(128)], [[u64::MAX, 0], [u64::MAX, 1], [u64::MAX; 2]]);
        assert_eq!(below(64, u64::MAX), 0);
    }

    #[test]
    fn what_is_written_down_and_read_back_is_the_same_set() {
        const CHUNK: u64 = 1_048_576;
        // At the edges of words and chunks; in the first chunks of four buckets and at the ends.
        let numbers =
            [0, 63, 64, CHUNK - 1, CHUNK, 3 * CHUNK - 1, 3 * CHUNK, 6 * CHUNK, 7 * CHUNK + 129];
        let (bits, again) = (AtomicBitmap::default(), AtomicBitmap::default());
        assert!(numbers.iter().all(|&number| bits.set(number)));
        let plane = bits.plane();
        plane.words().for_each(|(word, value)| again.set_word(word, value));
        assert_eq!([bits.count(), plane.count(), again.count()], [9; 3]);
        for number in numbers {
            assert!(plane.has(number), "{number}");
            assert_eq!(again.word(number / 64) >> (number % 64) & 1, 1, "{number}");
        }
        again.set_word(u64::MAX / 64, 1);
        assert_eq!(again.count(), 9, "no stamp has that number");
    }

    proptest! {
        #[test]
        fn it_is_a_set(numbers in prop::collection::vec(0_u64..5_000_000, 0..200)) {
            let bits = AtomicBitmap::default();
            let mut set = BTreeSet::new();
            for number in numbers {
                prop_assert_eq!(bits.set(number), set.insert(number));
            }
            prop_assert_eq!(bits.count(), set.len() as u64);
            for &number in &set {
                prop_assert!(bits.word(number / 64) & (1 << (number % 64)) != 0);
            }
        }
    }
}
