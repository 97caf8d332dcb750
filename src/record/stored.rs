//! Distributions that can be written down and read back whole.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use serde::{Deserialize, Serialize};

use super::latency::{Latency, empty};

/// A [`Latency`] as it is written.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    zero_or_negative: u64,
    over_range: u64,
    min_ns: i64,
    max_ns: i64,
    /// As text: it may need more than the 64 bits that JSON's readers keep.
    sum_ns: String,
    #[serde(default)]
    never_delivered: u64,
    #[serde(default)]
    waited_ns: i64,
    /// HdrHistogram's V2 encoding, deflated, in base64.
    histogram: String,
}

/// Why a written distribution can't be read.
#[derive(Debug, thiserror::Error)]
#[error("no latency distribution: {0}")]
pub(super) struct Fault(String);

impl From<Latency> for Stored {
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

impl TryFrom<Stored> for Latency {
    type Error = Fault;

    fn try_from(stored: Stored) -> Result<Self, Fault> {
        let fault = |error: &dyn std::fmt::Display| Fault(error.to_string());
        let bytes = STANDARD.decode(&stored.histogram).map_err(|error| fault(&error))?;
        Ok(Self {
            histogram: decoded(&bytes)?,
            zero_or_negative: stored.zero_or_negative,
            over_range: stored.over_range,
            min_ns: stored.min_ns,
            max_ns: stored.max_ns,
            sum_ns: stored.sum_ns.parse().map_err(|error| fault(&error))?,
            never_delivered: stored.never_delivered,
            waited_ns: stored.waited_ns,
        })
    }
}

/// A histogram from HdrHistogram's V2 encoding, deflated.
fn decoded(mut bytes: &[u8]) -> Result<Histogram<u64>, Fault> {
    let fault = |error: &dyn std::fmt::Display| Fault(error.to_string());
    let read: Histogram<u64> =
        Deserializer::new().deserialize(&mut bytes).map_err(|error| fault(&error))?;
    // Into bounds of our own: whatever a file says, adding up can't fail later.
    let mut histogram = empty();
    histogram.add(&read).map_err(|error| fault(&error))?;
    Ok(histogram)
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
