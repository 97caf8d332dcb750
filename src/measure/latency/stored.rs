//! Distributions that can be written down and read back whole.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

use super::distribution::{LONGEST_NS, Latency, empty};
use super::form::StoredLatency;

/// Most samples of a kind in a distribution that is read: thousands of them add up in 64 bits.
const SAMPLES_MAX: u64 = 1 << 53;

/// HdrHistogram's V2 encoding, deflated: what it begins with, and the length of its head. Then
/// comes the same without deflating, with its own.
const DEFLATED: (u32, usize) = (0x1c84_9314, 8);
const PLAIN: (u32, usize) = (0x1c84_9313, 40);

/// The most that a histogram is inflated to: 34,000 places of at most 9 bytes.
const INFLATED_BYTES_MAX: u64 = 1 << 20;

/// Why a written distribution can't be read.
#[derive(Debug, thiserror::Error)]
#[error("no latency distribution: {0}")]
pub struct StoredFault(String);

impl From<Latency> for StoredLatency {
    fn from(latency: Latency) -> Self {
        Self {
            zero_or_negative: latency.zero_or_negative,
            over_range: latency.over_range,
            min_ns: latency.min_ns,
            max_ns: latency.max_ns,
            sum_ns: latency.sum_ns.to_string(),
            never_delivered: latency.never_delivered,
            waited_ns: latency.waited_ns,
            histogram: STANDARD.encode(latency.encoded()),
        }
    }
}

impl TryFrom<StoredLatency> for Latency {
    type Error = StoredFault;

    fn try_from(stored: StoredLatency) -> Result<Self, StoredFault> {
        let fault = |error: &dyn std::fmt::Display| StoredFault(error.to_string());
        let bytes = STANDARD.decode(&stored.histogram).map_err(|error| fault(&error))?;
        let latency = Self {
            histogram: decoded(&bytes)?,
            zero_or_negative: stored.zero_or_negative,
            over_range: stored.over_range,
            min_ns: stored.min_ns,
            max_ns: stored.max_ns,
            sum_ns: stored.sum_ns.parse().map_err(|error| fault(&error))?,
            never_delivered: stored.never_delivered,
            waited_ns: stored.waited_ns,
        };
        latency.check().map_err(StoredFault)?;
        Ok(latency)
    }
}

impl Latency {
    /// Whether the figures beside a histogram can be its own.
    fn check(&self) -> Result<(), String> {
        let counts = [
            ("samples", self.histogram.len()),
            ("zero_or_negative", self.zero_or_negative),
            ("over_range", self.over_range),
            ("never_delivered", self.never_delivered),
        ];
        if let Some((name, count)) = counts.iter().find(|(_, count)| *count > SAMPLES_MAX) {
            return Err(format!("{name} is {count}; expected {SAMPLES_MAX} at most"));
        }
        if self.never_delivered > 0 && self.waited_ns < 0 {
            return Err(format!("waited_ns is {}; expected 0 or more", self.waited_ns));
        }
        let count = self.count() - self.never_delivered;
        let (min_ns, max_ns, places) = (self.min_ns, self.max_ns, &self.histogram);
        let (least, greatest) = (i128::from(min_ns), i128::from(max_ns));
        if count == 0 {
            let is_empty = (min_ns, max_ns, self.sum_ns) == (i64::MAX, i64::MIN, 0);
            return if is_empty { Ok(()) } else { Err("no samples, and figures of some".into()) };
        }
        let lies_in = |ns: i64, place: u64| {
            let place = places.lowest_equivalent(place)..=places.highest_equivalent(place);
            u64::try_from(ns).is_ok_and(|ns| place.contains(&ns))
        };
        let longest_ns = LONGEST_NS.cast_signed();
        let min_holds = match (self.zero_or_negative, places.len()) {
            (1.., _) => min_ns <= 0,
            (0, 1..) => lies_in(min_ns, places.min()),
            (0, 0) => min_ns > longest_ns,
        };
        let max_holds = match (self.over_range, places.len()) {
            (1.., _) => max_ns > longest_ns,
            (0, 1..) => lies_in(max_ns, places.max()),
            (0, 0) => max_ns <= 0,
        };
        if !(min_holds && max_holds && min_ns <= max_ns) {
            return Err(format!("min_ns {min_ns} and max_ns {max_ns} are not of its histogram"));
        }
        let samples = i128::from(count);
        if !(least * samples..=greatest * samples).contains(&self.sum_ns) {
            return Err(format!("sum_ns {} is not of {count} such samples", self.sum_ns));
        }
        Ok(())
    }
}

/// A histogram from HdrHistogram's V2 encoding, deflated; as its writer may have been anybody, no
/// more of it than one of ours may have.
///
/// # Errors
/// What is wrong with it.
pub fn decoded(bytes: &[u8]) -> Result<Histogram<u64>, StoredFault> {
    let fault = |error: &dyn std::fmt::Display| StoredFault(error.to_string());
    let deflated = body(bytes, DEFLATED).ok_or_else(|| fault(&"no deflated V2 histogram"))?;
    let mut plain = Vec::new();
    ZlibDecoder::new(deflated)
        .take(INFLATED_BYTES_MAX)
        .read_to_end(&mut plain)
        .map_err(|error| fault(&error))?;
    // Behind cookie and length: offset and digits, then the least and the greatest value.
    let is_ours = body(&plain, PLAIN).is_some()
        && word(&plain, 8) == Some(0)
        && word(&plain, 12) == Some(u32::from(empty().sigfig()))
        && plain.get(16..24) == Some(&1_u64.to_be_bytes()[..]);
    let greatest =
        plain.get(24..32).and_then(|bytes| Some(u64::from_be_bytes(bytes.try_into().ok()?)));
    if !(is_ours && greatest.is_some_and(|greatest| greatest <= empty().high())) {
        return Err(fault(&"not one of three digits up to an hour"));
    }
    let read: Histogram<u64> =
        Deserializer::new().deserialize(&mut plain.as_slice()).map_err(|error| fault(&error))?;
    // Into bounds of our own: whatever a file says, adding up can't fail later.
    let mut histogram = empty();
    histogram.add(&read).map_err(|error| fault(&error))?;
    Ok(histogram)
}

/// What follows a head that begins with a cookie and the length of all the rest.
fn body(bytes: &[u8], (cookie, head): (u32, usize)) -> Option<&[u8]> {
    let length = usize::try_from(word(bytes, 4)?).ok()?;
    let rest = bytes.get(head..).filter(|rest| rest.len() == length)?;
    (word(bytes, 0)? == cookie).then_some(rest)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// A [`Latency`] in a hundredth of its memory.
#[derive(Debug, Clone)]
pub(super) struct Packed {
    /// Whether some sample has a place in the histogram.
    pub(super) has_samples: bool,
    /// The histogram in HdrHistogram's V2 encoding, deflated.
    pub(super) encoded: Vec<u8>,
    /// All but the histogram: an empty one of the smallest size stands in for it.
    rest: Latency,
}

impl Packed {
    #[expect(clippy::expect_used, reason = "the bounds are constants, and legal")]
    pub(super) fn of(latency: &Latency) -> Self {
        let (has_samples, encoded) = (!latency.histogram.is_empty(), latency.encoded());
        let histogram = Histogram::new_with_bounds(1, 2, 0).expect("legal bounds");
        Self { has_samples, encoded, rest: Latency { histogram, ..*latency } }
    }

    #[expect(clippy::expect_used, reason = "it was encoded in this process")]
    pub(super) fn unpack(&self) -> Latency {
        let histogram = decoded(&self.encoded).expect("our own histogram");
        Latency { histogram, ..self.rest.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_comes_back_as_it_was_written(
            values in prop::collection::vec(-10_i64..i64::MAX, 0..300),
            never in 0_u64..3,
        ) {
            let mut latency = Latency::default();
            values.iter().for_each(|&value| latency.record(value));
            latency.never(never, 30);
            let text = serde_json::to_string(&latency).unwrap();
            let back: Latency = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(back.histogram(), latency.histogram());
            prop_assert_eq!(&serde_json::to_string(&back).unwrap(), &text);
            prop_assert_eq!(back.delivered().mean(), latency.delivered().mean());
            prop_assert_eq!(back.endless_ns(), latency.endless_ns());
            let packed = Packed::of(&latency);
            prop_assert_eq!(serde_json::to_string(&packed.unpack()).unwrap(), text);
        }
    }

    #[test]
    fn a_damaged_one_is_refused() {
        let mut latency = Latency::default();
        latency.record(5);
        let text = serde_json::to_string(&latency).unwrap();
        for (what, instead) in [("\"sum_ns\":\"5\"", "\"sum_ns\":\"x\""), ("HISTF", "XXXXX")] {
            let bad = text.replace(what, instead);
            assert_ne!(bad, text, "{text}");
            assert!(serde_json::from_str::<Latency>(&bad).is_err(), "{bad}");
        }
    }
}
