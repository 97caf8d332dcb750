//! The partition of a key, as Java's default partitioner chooses it.

/// MurmurHash2 of 32 bits with the seed and in the byte order of Kafka's Java client
/// (`org.apache.kafka.common.utils.Utils.murmur2`).
pub(super) fn murmur2(key: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;
    // Lengths of keys are far below 4 GiB, and Java's are 32-bit as well.
    let mut hash = SEED ^ key.len() as u32;
    let (words, rest) = key.as_chunks::<4>();
    for word in words {
        let mut mixed = u32::from_le_bytes(*word).wrapping_mul(M);
        mixed ^= mixed >> R;
        hash = hash.wrapping_mul(M) ^ mixed.wrapping_mul(M);
    }
    if !rest.is_empty() {
        for (place, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * place);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ hash >> 15
}

/// The partition among `count`, which is not 0.
#[inline]
pub(super) fn partition_of(key: &[u8], count: usize) -> usize {
    // Java's `toPositive` drops the sign.
    (murmur2(key) & 0x7fff_ffff) as usize % count
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of Kafka's own `UtilsTest.testMurmur2`.
    #[test]
    fn the_hash_is_that_of_kafkas_client() {
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
    }

    #[test]
    fn a_partition_is_the_positive_hash_modulo_the_count() {
        assert_eq!(partition_of(b"21", 7), (-973_932_308_i32 & i32::MAX) as usize % 7);
        assert_eq!(partition_of(b"abc", 10), 7);
        assert!((0..1_000_u32).all(|key| partition_of(&key.to_le_bytes(), 3) < 3));
    }
}
