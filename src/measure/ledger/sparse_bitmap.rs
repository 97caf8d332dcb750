//! A set of sequence numbers that can be written down: sparse, deflated, in base64.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};

/// Words in a chunk: 8 KiB, 65,536 numbers.
const CHUNK_WORDS: usize = 1_024;
const CHUNK_BITS: u64 = CHUNK_WORDS as u64 * 64;
/// Chunks below the 2^48 sequence numbers of a stamp.
const CHUNKS_MAX: u64 = (1 << 48) / CHUNK_BITS;

/// Most chunks of a plane that is read: eight billion numbers, a gigabyte of memory.
const CHUNKS_READ_MAX: usize = 1 << 17;

/// A set of sequence numbers of one thread; a dense one costs a bit each, and a stray number a
/// chunk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "StoredBitmap", try_from = "StoredBitmap")]
pub struct SparseBitmap {
    chunks: BTreeMap<u64, Box<[u64; CHUNK_WORDS]>>,
}

/// How it is written: each chunk's number, and all chunks' words, little-endian, one after the
/// other.
#[derive(Serialize, Deserialize)]
struct StoredBitmap {
    chunks: Vec<u64>,
    /// zlib, in base64.
    words: String,
}

/// Why a written plane can't be read.
#[derive(Debug, thiserror::Error)]
#[error("no bitmap of sequence numbers: {0}")]
pub struct PlaneFault(String);

impl SparseBitmap {
    /// Adds a number below 2^48. Returns false when it was there before, or lies above.
    pub fn set(&mut self, number: u64) -> bool {
        let chunk = number / CHUNK_BITS;
        if chunk >= CHUNKS_MAX {
            return false;
        }
        let words = self.chunks.entry(chunk).or_insert_with(|| Box::new([0; CHUNK_WORDS]));
        let within = number % CHUNK_BITS;
        let (word, mask) = (&mut words[(within / 64) as usize], 1 << (within % 64));
        let new = *word & mask == 0;
        *word |= mask;
        new
    }

    /// Adds those of the 64 numbers from `64 * word` on that `value` has.
    pub(super) fn set_word(&mut self, word: u64, value: u64) {
        let chunk = word / CHUNK_WORDS as u64;
        if value != 0 && chunk < CHUNKS_MAX {
            let words = self.chunks.entry(chunk).or_insert_with(|| Box::new([0; CHUNK_WORDS]));
            words[(word % CHUNK_WORDS as u64) as usize] |= value;
        }
    }

    /// Those of the 64 numbers from `64 * word` on that there are.
    pub(super) fn word(&self, word: u64) -> u64 {
        let chunk = self.chunks.get(&(word / CHUNK_WORDS as u64));
        chunk.map_or(0, |words| words[(word % CHUNK_WORDS as u64) as usize])
    }

    /// Whether a number is there.
    pub(super) fn has(&self, number: u64) -> bool {
        self.word(number / 64) >> (number % 64) & 1 > 0
    }

    /// Adds all numbers of another set.
    pub(super) fn absorb(&mut self, other: &Self) {
        other.words().for_each(|(word, value)| self.set_word(word, value));
    }

    /// The greatest number that there is; `None` in an empty set.
    pub(super) fn last(&self) -> Option<u64> {
        let highest = |(word, value): (u64, u64)| word * 64 + u64::from(value.ilog2());
        self.words().last().map(highest)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.words().map(|(_, word)| u64::from(word.count_ones())).sum()
    }

    /// The words that are not 0, with their numbers.
    pub(super) fn words(&self) -> impl Iterator<Item = (u64, u64)> {
        self.chunks.iter().flat_map(|(chunk, words)| {
            let from = chunk * CHUNK_WORDS as u64;
            (from..).zip(words.iter().copied()).filter(|(_, word)| *word != 0)
        })
    }
}

impl From<SparseBitmap> for StoredBitmap {
    fn from(plane: SparseBitmap) -> Self {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        for word in plane.chunks.values().flat_map(|words| words.iter()) {
            // Writing into memory fails for nobody.
            let _ = encoder.write_all(&word.to_le_bytes());
        }
        let words = STANDARD.encode(encoder.finish().unwrap_or_default());
        Self { chunks: plane.chunks.into_keys().collect(), words }
    }
}

impl TryFrom<StoredBitmap> for SparseBitmap {
    type Error = PlaneFault;

    fn try_from(stored: StoredBitmap) -> Result<Self, PlaneFault> {
        let fault = |error: &dyn std::fmt::Display| PlaneFault(error.to_string());
        if stored.chunks.len() > CHUNKS_READ_MAX {
            return Err(fault(&format!("{} chunks", stored.chunks.len())));
        }
        let deflated = STANDARD.decode(&stored.words).map_err(|error| fault(&error))?;
        let mut decoder = ZlibDecoder::new(deflated.as_slice());
        let mut plane = Self::default();
        for chunk in stored.chunks {
            let mut words = Box::new([0; CHUNK_WORDS]);
            for word in words.iter_mut() {
                let mut bytes = [0; 8];
                decoder.read_exact(&mut bytes).map_err(|error| fault(&error))?;
                *word = u64::from_le_bytes(bytes);
            }
            if chunk >= CHUNKS_MAX || plane.chunks.insert(chunk, words).is_some() {
                return Err(fault(&"a chunk twice, or beyond any stamp's"));
            }
        }
        Ok(plane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_is_a_set_and_comes_back_as_it_was_written(
            numbers in prop::collection::vec(0_u64..1_000_000, 0..300),
            far in (1_u64 << 47)..(1 << 48),
        ) {
            let (mut plane, mut set) = (SparseBitmap::default(), BTreeSet::new());
            for number in numbers.into_iter().chain([far]) {
                prop_assert_eq!(plane.set(number), set.insert(number));
            }
            prop_assert_eq!(plane.count(), set.len() as u64);
            let text = serde_json::to_string(&plane).unwrap();
            prop_assert_eq!(serde_json::from_str::<SparseBitmap>(&text).unwrap(), plane);
        }
    }

    #[test]
    fn a_million_numbers_in_a_row_take_little_room() {
        let mut plane = SparseBitmap::default();
        assert!((0..1_000_000).all(|number| plane.set(number)));
        assert!(!plane.set(1 << 48));
        assert!(serde_json::to_string(&plane).unwrap().len() < 4_000);
    }

    #[test]
    fn numbers_far_apart_have_words_of_their_own() {
        let numbers = [0, 63, 64, 65_535, 65_536, 1 << 20, (1 << 48) - 1];
        let mut plane = SparseBitmap::default();
        assert!(numbers.iter().all(|&number| plane.set(number)));
        assert!(numbers.iter().all(|&number| plane.has(number)));
        for number in [1, 62, 65, 65_534, 65_537, 1 << 10, 1 << 47] {
            assert!(!plane.has(number), "{number}");
        }
        let last = 1 << 63;
        let expected =
            [(0, last | 1), (1, 1), (1_023, last), (1_024, 1), (1 << 14, 1), ((1 << 42) - 1, last)];
        assert_eq!(plane.words().collect::<Vec<_>>(), expected);
        let mut both = SparseBitmap::default();
        both.set(7);
        both.absorb(&plane);
        assert!(numbers.iter().all(|&number| both.has(number)));
        assert_eq!(both.count(), 8);
    }

    #[test]
    fn a_word_without_a_number_or_beyond_any_stamp_leaves_no_trace() {
        let mut plane = SparseBitmap::default();
        plane.set_word(5, 0);
        plane.set_word(1 << 42, 1);
        assert_eq!(plane, SparseBitmap::default());
        plane.set_word((1 << 42) - 1, 1);
        assert!(plane.has((1 << 48) - 64));
    }

    #[test]
    fn a_chunk_twice_or_beyond_any_stamp_is_refused() {
        let mut plane = SparseBitmap::default();
        assert!(plane.set(7) && plane.set(65_536 + 9));
        let text = serde_json::to_string(&plane).unwrap();
        let with = |chunks: &str| {
            let changed = text.replace("\"chunks\":[0,1]", &format!("\"chunks\":{chunks}"));
            serde_json::from_str::<SparseBitmap>(&changed)
        };
        let far = with("[0,4294967295]").unwrap();
        assert!(far.has(7) && far.has((1 << 48) - 65_536 + 9));
        assert!(with("[0,0]").is_err() && with("[0,4294967296]").is_err());
    }

    #[test]
    fn a_damaged_plane_is_refused() {
        let mut plane = SparseBitmap::default();
        plane.set(7);
        let text = serde_json::to_string(&plane).unwrap();
        let cut = text.replace("\"chunks\":[0]", "\"chunks\":[0,1]");
        let twice = text.replace("\"chunks\":[0]", "\"chunks\":[0,0]");
        for bad in [cut, twice, text.replace("\"words\":\"", "\"words\":\"?")] {
            assert_ne!(bad, text);
            assert!(serde_json::from_str::<SparseBitmap>(&bad).is_err(), "{bad}");
        }
    }
}
