//! A saved histogram, read by code of its own: HdrHistogram's V2 encoding ("V2 histogram format",
//! HdrHistogram's `HistogramEncoding`), and ranks by walking over the counts. It has no line in
//! common with the recorder's.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;

const COMPRESSED: u32 = 0x1c84_9314;
const PLAIN: u32 = 0x1c84_9313;

/// Before the counts: cookie, length, offset, digits (4 bytes each), least and greatest value and
/// a ratio (8 each).
const HEAD_BYTES: usize = 40;

/// The most that is unpacked: a histogram of ours has 34,000 places of at most 9 bytes.
const BYTES_MAX: u64 = 4 << 20;

/// Three significant digits take 2,048 places to the first doubling, 1,024 to each further one.
const DIGITS: u32 = 3;
const HALF_BITS: u32 = 10;
const HALF: u64 = 1 << HALF_BITS;

/// The counts that are not 0, rising by value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct NonZeroCounts {
    /// The least and the greatest value of the place in ns, and the samples in it.
    places: Vec<(u64, u64, u64)>,
}

impl NonZeroCounts {
    /// Reads what `result.json` and `latency.hlog` hold; an empty text is a stage without samples.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let bytes = STANDARD.decode(text).map_err(|error| format!("no base64: {error}"))?;
        let packed = body(&bytes, COMPRESSED, 8).ok_or("no deflated V2 histogram")?;
        let mut plain = Vec::new();
        ZlibDecoder::new(packed)
            .take(BYTES_MAX)
            .read_to_end(&mut plain)
            .map_err(|error| format!("not unpacked: {error}"))?;
        let counts = body(&plain, PLAIN, HEAD_BYTES).ok_or("no V2 histogram")?;
        if number(&plain, 12) != Some(DIGITS) || number(&plain, 8) != Some(0) {
            return Err("not of three digits".to_owned());
        }
        Self::of(counts).ok_or_else(|| "its counts are damaged".to_owned())
    }

    fn of(mut bytes: &[u8]) -> Option<Self> {
        let (mut places, mut index) = (Vec::new(), 0_u64);
        while !bytes.is_empty() {
            let (zigzag, rest) = variable(bytes)?;
            bytes = rest;
            let count = (zigzag >> 1).cast_signed() ^ -((zigzag & 1).cast_signed());
            if count < 0 {
                // So many places without a sample.
                index = index.checked_add(count.unsigned_abs())?;
                continue;
            }
            if count > 0 {
                let (low, high) = range(index)?;
                places.push((low, high, count.unsigned_abs()));
            }
            index += 1;
        }
        Some(Self { places })
    }

    /// All samples.
    pub(super) fn total(&self) -> u64 {
        self.places.iter().map(|place| place.2).sum()
    }

    /// The place of the sample at a rank, from 1.
    pub(super) fn at(&self, rank: u64) -> Option<(u64, u64)> {
        let mut left = rank;
        for &(low, high, count) in &self.places {
            if left <= count {
                return Some((low, high));
            }
            left -= count;
        }
        None
    }

    /// The samples in the places that lie within the values.
    pub(super) fn between(&self, low: u64, high: u64) -> u64 {
        let inside = |place: &&(u64, u64, u64)| place.0 >= low && place.1 <= high;
        self.places.iter().filter(inside).map(|place| place.2).sum()
    }

    /// Whether a value is the end of a place that has samples.
    pub(super) fn has_end(&self, value: u64) -> bool {
        self.places.iter().any(|place| place.1 == value)
    }

    /// Between which sums that of all samples lies, in ns.
    pub(super) fn sums(&self) -> (f64, f64) {
        let sum = |value: fn(&(u64, u64, u64)) -> u64| {
            self.places.iter().map(|place| value(place) as f64 * place.2 as f64).sum()
        };
        (sum(|place| place.0), sum(|place| place.1))
    }

    /// Takes in another's samples.
    pub(super) fn add(&mut self, other: &Self) {
        let mut all = std::collections::BTreeMap::new();
        for &(low, high, count) in self.places.iter().chain(&other.places) {
            *all.entry((low, high)).or_insert(0) += count;
        }
        self.places = all.into_iter().map(|((low, high), count)| (low, high, count)).collect();
    }
}

/// What follows a head that begins with a cookie and the length of the rest.
fn body(bytes: &[u8], cookie: u32, head: usize) -> Option<&[u8]> {
    let length = usize::try_from(number(bytes, 4)?).ok()?;
    (number(bytes, 0)? == cookie).then(|| bytes.get(head..head.checked_add(length)?))?
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Seven bits a byte, the lowest first; the ninth byte has all eight.
fn variable(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (place, &byte) in bytes.iter().enumerate().take(9) {
        let bits = if place == 8 { byte } else { byte & 0x7f };
        value |= u64::from(bits) << (7 * place);
        if place == 8 || byte & 0x80 == 0 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
}

/// The least and the greatest value of a place.
fn range(index: u64) -> Option<(u64, u64)> {
    if index < 2 * HALF {
        return Some((index, index));
    }
    let doubling = u32::try_from((index >> HALF_BITS) - 1).ok().filter(|bits| *bits < 50)?;
    let low = ((index & (HALF - 1)) + HALF) << doubling;
    Some((low, low + (1 << doubling) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::latency::Latency;
    use proptest::prelude::*;

    proptest! {
        /// Against the crate that wrote it: every place, whatever the values.
        #[test]
        fn a_histogram_is_read_as_it_was_written(
            values in prop::collection::vec(1_i64..3_600_000_000_000, 0..400),
            small in prop::collection::vec(1_i64..5_000, 0..400),
        ) {
            let mut latency = Latency::default();
            values.iter().chain(&small).for_each(|value| latency.record(*value));
            let counts = NonZeroCounts::read(&STANDARD.encode(latency.encoded())).unwrap();
            let theirs: Vec<(u64, u64, u64)> = latency
                .histogram()
                .iter_recorded()
                .map(|value| {
                    let at = value.value_iterated_to();
                    let low = latency.histogram().lowest_equivalent(at);
                    (low, latency.histogram().highest_equivalent(at), value.count_at_value())
                })
                .collect();
            prop_assert_eq!(counts.places, theirs);
        }
    }

    #[test]
    fn what_is_none_is_refused_in_words() {
        assert_eq!(NonZeroCounts::read("").unwrap(), NonZeroCounts::default());
        assert!(NonZeroCounts::read("HIST!").unwrap_err().contains("base64"));
        assert!(NonZeroCounts::read("AAAA").unwrap_err().contains("V2"));
    }
}
