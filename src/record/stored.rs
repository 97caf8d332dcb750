//! Distributions that can be written down and read back whole.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
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
            histogram: STANDARD.encode(latency.encoded()),
        }
    }
}

impl TryFrom<Stored> for Latency {
    type Error = Fault;

    fn try_from(stored: Stored) -> Result<Self, Fault> {
        let fault = |error: &dyn std::fmt::Display| Fault(error.to_string());
        let bytes = STANDARD.decode(&stored.histogram).map_err(|error| fault(&error))?;
        let read: hdrhistogram::Histogram<u64> = Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| fault(&error))?;
        // Into bounds of our own: whatever a file says, adding up can't fail later.
        let mut histogram = empty();
        histogram.add(&read).map_err(|error| fault(&error))?;
        Ok(Self {
            histogram,
            zero_or_negative: stored.zero_or_negative,
            over_range: stored.over_range,
            min_ns: stored.min_ns,
            max_ns: stored.max_ns,
            sum_ns: stored.sum_ns.parse().map_err(|error| fault(&error))?,
        })
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
        ) {
            let mut latency = Latency::default();
            values.iter().for_each(|&value| latency.record(value));
            let text = serde_json::to_string(&latency).unwrap();
            let back: Latency = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(back.histogram(), latency.histogram());
            prop_assert_eq!(serde_json::to_string(&back).unwrap(), text);
            prop_assert_eq!(back.mean(), latency.mean());
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
