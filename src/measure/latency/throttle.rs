//! When brokers held clients back for a quota: they say so in their answers, with how long.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A client's stretches of being held back, on the run's clock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Throttles {
    /// From, to, and the longest that one answer asked for, in ns.
    stretches: Vec<(u64, u64, u64)>,
}

/// How long a side's clients were held back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Throttled {
    /// The longest that one answer asked for, in milliseconds; 0 where none did.
    pub longest_ms: f64,
    /// The share of the measured part in which some client of the side was held back; to a second,
    /// which is how often clients tell.
    pub of_time: f64,
}

impl Throttles {
    /// Notes what a client heard within one of its seconds that ended at `at_ns`: the longest that
    /// an answer asked for, and the sum over all answers, in ns.
    pub fn note(&mut self, at_ns: u64, second_ns: u64, longest_ns: u64, sum_ns: u64) {
        if longest_ns > 0 {
            let from_ns = at_ns.saturating_sub(second_ns);
            // Several answers may ask for the same time, and the last for more than the second.
            let for_ns = longest_ns.max(sum_ns.min(second_ns));
            self.stretches.push((from_ns, from_ns.saturating_add(for_ns), longest_ns));
        }
    }

    /// Takes in another client's.
    pub fn add(&mut self, other: Self) {
        self.stretches.extend(other.stretches);
    }

    /// What it comes to in the measured part; what was asked for after its end counts as long as
    /// events of it were waited for, but for no time of it.
    #[must_use]
    pub fn within(&self, measured: &Range<u64>) -> Throttled {
        let mut stretches: Vec<_> =
            self.stretches.iter().filter(|(_, to_ns, _)| *to_ns > measured.start).collect();
        stretches.sort_unstable();
        let (mut covered_ns, mut reached_ns) = (0, measured.start);
        for &&(from_ns, to_ns, _) in &stretches {
            let (from_ns, to_ns) = (from_ns.max(reached_ns), to_ns.min(measured.end));
            covered_ns += to_ns.saturating_sub(from_ns);
            reached_ns = reached_ns.max(to_ns);
        }
        let longest_ns = stretches.iter().map(|(.., longest_ns)| *longest_ns).max().unwrap_or(0);
        let measured_ns = measured.end.saturating_sub(measured.start).max(1);
        Throttled {
            longest_ms: longest_ns as f64 / 1e6,
            of_time: covered_ns as f64 / measured_ns as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    fn throttled(notes: &[(u64, u64, u64)]) -> Throttled {
        let (mut one, mut other) = (Throttles::default(), Throttles::default());
        for (count, &(at_s, longest_ms, sum_ms)) in notes.iter().enumerate() {
            let client = if count % 2 == 0 { &mut one } else { &mut other };
            client.note(at_s * S, S, longest_ms * 1_000_000, sum_ms * 1_000_000);
        }
        one.add(other);
        one.within(&(10 * S..20 * S))
    }

    #[test]
    fn stretches_of_several_clients_count_once_and_only_within_the_measured_part() {
        assert_eq!(throttled(&[]), Throttled::default());
        assert_eq!(throttled(&[(12, 0, 0)]), Throttled::default(), "nobody asked for anything");
        let found = throttled(&[(12, 250, 250)]);
        assert_eq!((found.longest_ms, found.of_time), (250.0, 0.025));
        // Many answers of the same second fill it and no more; one may ask for more than that.
        let found = throttled(&[(12, 250, 9_000), (12, 300, 300), (14, 2_500, 2_500)]);
        assert_eq!((found.longest_ms, found.of_time), (2_500.0, 0.35));
        // Before, across the begin, and across the end.
        let found = throttled(&[(9, 900, 900), (10, 1_500, 1_500), (20, 7_000, 7_000)]);
        assert_eq!((found.longest_ms, found.of_time), (7_000.0, 0.15));
        let found = throttled(&[(9, 900, 900)]);
        assert_eq!(found, Throttled::default(), "the warm-up's");
    }
}
