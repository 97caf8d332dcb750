//! Where the time of slow events went: stages that add up.
//!
//! Percentiles of stages don't add up to that of the whole: the events that are slow in one stage
//! aren't those that are slow in another. So the stages are summed over the same events: those of
//! one stretch of end-to-end latency. The mean stages of a stretch add up to its mean exactly, and
//! a percentile is explained by the stretch that holds it. Stretches are at most an eighth wide.

use super::distribution::{Latency, samples_needed};
use super::stalls::Still;

/// Stretches to the doubling, as bits: 8.
const FINE_BITS: u32 = 3;
const FINE: usize = 1 << FINE_BITS;

/// Doublings with a place: up to 2⁴² ns, more than an hour. What is longer shares the last place.
const DOUBLINGS: usize = 42;

const STRETCHES: usize = DOUBLINGS * FINE;

/// Sums over the events of one stretch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Bucket {
    events: u64,
    arrival_ns: i64,
    service_ns: i64,
    /// Of these events, those whose send delay was known, and its sum.
    split: u64,
    delay_ns: i64,
    /// Of these events, those in whose time the host was watched, and how long it stood still.
    watched: u64,
    still: Still,
}

/// An event's way, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageTimes {
    /// Handed to the client − due; `None` where that is forgotten.
    pub delay_ns: Option<u64>,
    /// How long the host stood still meanwhile, which is part of the others; `None` where nobody
    /// watched it.
    pub still: Option<Still>,
    /// Polled − due.
    pub arrival_ns: i64,
    /// Processed − polled.
    pub service_ns: i64,
}

impl StageTimes {
    fn whole_ns(&self) -> i64 {
        self.arrival_ns.saturating_add(self.service_ns)
    }
}

/// The stages of the events around one percentile of end to end: means over the same events.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakdownShare {
    /// So many events.
    pub events: u64,
    /// Handed to the client − due; `None` where that was forgotten for all of them.
    pub delay_ns: Option<f64>,
    /// How long the host stood still from the due time on; `None` where nobody watched it.
    pub stalled_ns: Option<f64>,
    /// Of this, after the hand-over to the client began, or all where that was forgotten.
    pub host_ns: Option<f64>,
    /// Polled − due.
    pub arrival_ns: f64,
    /// Processed − polled.
    pub service_ns: f64,
}

/// Stages by end-to-end latency.
#[derive(Debug, Clone)]
pub struct Breakdown {
    stretches: [Bucket; STRETCHES],
    slowest: Option<StageTimes>,
}

impl Default for Breakdown {
    fn default() -> Self {
        Self { stretches: [Bucket::default(); STRETCHES], slowest: None }
    }
}

impl Breakdown {
    /// Takes in one event.
    pub fn record(&mut self, way: StageTimes) {
        let whole_ns = way.whole_ns();
        if self.slowest.is_none_or(|slowest| whole_ns > slowest.whole_ns()) {
            self.slowest = Some(way);
        }
        let stretch = &mut self.stretches[stretch_of(whole_ns)];
        stretch.events += 1;
        stretch.arrival_ns = stretch.arrival_ns.saturating_add(way.arrival_ns);
        stretch.service_ns = stretch.service_ns.saturating_add(way.service_ns);
        if let Some(delay_ns) = way.delay_ns {
            stretch.split += 1;
            stretch.delay_ns = stretch.delay_ns.saturating_add_unsigned(delay_ns);
        }
        if let Some(still) = way.still {
            stretch.watched += 1;
            stretch.still.add(still);
        }
    }

    /// Takes in another's events.
    pub fn merge(&mut self, other: &Self) {
        for (own, other) in self.stretches.iter_mut().zip(&other.stretches) {
            own.events += other.events;
            own.arrival_ns = own.arrival_ns.saturating_add(other.arrival_ns);
            own.service_ns = own.service_ns.saturating_add(other.service_ns);
            own.split += other.split;
            own.delay_ns = own.delay_ns.saturating_add(other.delay_ns);
            own.watched += other.watched;
            own.still.add(other.still);
        }
        let slower =
            |way: &StageTimes| self.slowest.is_none_or(|own| way.whole_ns() > own.whole_ns());
        if let Some(way) = other.slowest.filter(slower) {
            self.slowest = Some(way);
        }
    }

    /// The stages of the events in the stretch that holds a percentile, of these events and so many
    /// that were `never` delivered; `None` without enough samples for it or where it has no end, as
    /// [`Latency::percentile`].
    #[must_use]
    pub fn at(&self, quantile: f64, never: u64) -> Option<BreakdownShare> {
        let count: u64 = self.stretches.iter().map(|stretch| stretch.events).sum::<u64>() + never;
        if count < samples_needed(quantile) {
            return None;
        }
        let mut left = Latency::rank_of(quantile, count);
        let holds = |stretch: &&Bucket| {
            let holds = left <= stretch.events;
            left = left.saturating_sub(stretch.events);
            holds
        };
        self.stretches.iter().find(holds).map(Bucket::mean)
    }

    /// The slowest event by itself.
    #[must_use]
    pub fn slowest(&self) -> Option<BreakdownShare> {
        self.slowest.map(|way| BreakdownShare {
            events: 1,
            delay_ns: way.delay_ns.map(|ns| ns as f64),
            stalled_ns: way.still.map(|still| still.whole_ns as f64),
            host_ns: way.still.map(|still| still.sent_ns as f64),
            arrival_ns: way.arrival_ns as f64,
            service_ns: way.service_ns as f64,
        })
    }
}

impl Bucket {
    fn mean(&self) -> BreakdownShare {
        let mean = |sum: i64, count: u64| sum as f64 / count.max(1) as f64;
        let watched = |sum: u64| (self.watched > 0).then(|| sum as f64 / self.watched as f64);
        BreakdownShare {
            events: self.events,
            delay_ns: (self.split > 0).then(|| mean(self.delay_ns, self.split)),
            stalled_ns: watched(self.still.whole_ns),
            host_ns: watched(self.still.sent_ns),
            arrival_ns: mean(self.arrival_ns, self.events),
            service_ns: mean(self.service_ns, self.events),
        }
    }
}

/// The place of a latency: its highest bit and the three after it. At or below zero is the first.
fn stretch_of(whole_ns: i64) -> usize {
    let Ok(whole_ns) = u64::try_from(whole_ns) else {
        return 0;
    };
    if whole_ns < FINE as u64 {
        return whole_ns as usize;
    }
    let top = whole_ns.ilog2();
    let fine = (whole_ns >> (top - FINE_BITS)) as usize & (FINE - 1);
    ((top - FINE_BITS + 1) as usize * FINE + fine).min(STRETCHES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stretches_follow_each_other_and_are_at_most_an_eighth_wide() {
        let mut before = (0, 0);
        for value in (0..200_000).chain([i64::MAX >> 22, i64::MAX >> 21, i64::MAX]) {
            let place = stretch_of(value);
            assert!(place == before.0 || place == before.0 + 1 || value > 200_000, "{value}");
            if place != before.0 {
                before = (place, value);
            }
            assert!(value > 200_000 || value as f64 <= (before.1 as f64 * 1.125).max(1.0));
        }
        assert_eq!((stretch_of(-5), stretch_of(i64::MAX)), (0, STRETCHES - 1));
    }

    #[test]
    fn slow_events_are_explained_by_their_own_stages() {
        let mut stack = Breakdown::default();
        // 980 quick events, slow in service; 20 slow ones that waited to be sent.
        for number in 0..1_000 {
            let (delay_ns, arrival_ns) =
                if number < 980 { (1_000, 100_000) } else { (9_000_000, 9_100_000) };
            let whole_ns = if number < 980 { 0 } else { 8_000_000 };
            stack.record(StageTimes {
                delay_ns: Some(delay_ns),
                still: Some(Still { whole_ns, sent_ns: whole_ns / 4 }),
                arrival_ns,
                service_ns: 50_000,
            });
        }
        let p50 = stack.at(0.5, 0).unwrap();
        assert_eq!((p50.events, p50.delay_ns, p50.arrival_ns), (980, Some(1_000.0), 100_000.0));
        let p99 = stack.at(0.99, 0).unwrap();
        assert_eq!((p99.events, p99.delay_ns, p99.service_ns), (20, Some(9e6), 50_000.0));
        assert_eq!((p50.host_ns, p50.stalled_ns), (Some(0.0), Some(0.0)));
        assert_eq!((p99.host_ns, p99.stalled_ns), (Some(2e6), Some(8e6)));
        assert_eq!(stack.at(0.999, 0), None, "1,000 samples are too few");
        // Half of what was offered was never delivered: the median is a slow one now.
        assert_eq!(stack.at(0.5, 990).unwrap().events, 20);
        assert_eq!(stack.at(0.5, 1_010), None);
        let (delay_ns, still) = (None, None);
        stack.record(StageTimes { delay_ns, still, arrival_ns: 1, service_ns: 10_000_000_000 });
        assert_eq!(stack.slowest().map(|slice| slice.service_ns as u64), Some(10_000_000_000));
    }

    #[test]
    fn what_is_forgotten_or_was_not_watched_takes_no_part_in_a_mean() {
        let way = |delay_ns, still| StageTimes { delay_ns, still, arrival_ns: 100, service_ns: 20 };
        let still = |whole_ns, sent_ns| Some(Still { whole_ns, sent_ns });
        let (mut stack, mut other) = (Breakdown::default(), Breakdown::default());
        (0..5).for_each(|_| stack.record(way(None, None)));
        assert_eq!(stack.at(0.5, 0), None, "the median needs six");
        stack.record(way(None, None));
        let slice = stack.at(0.5, 0).unwrap();
        assert_eq!((slice.delay_ns, slice.stalled_ns, slice.host_ns), (None, None, None));
        stack.record(way(Some(10), still(6, 0)));
        other.record(way(Some(30), still(8, 4)));
        other.record(way(Some(50), still(16, 8)));
        stack.merge(&other);
        let (delay_ns, stalled_ns, host_ns) = (Some(30.0), Some(10.0), Some(4.0));
        let (events, arrival_ns, service_ns) = (9, 100.0, 20.0);
        let mean = BreakdownShare { events, delay_ns, stalled_ns, host_ns, arrival_ns, service_ns };
        assert_eq!(stack.at(0.5, 0), Some(mean));
    }

    #[test]
    fn of_equally_slow_events_the_first_is_shown() {
        let way = |service_ns| StageTimes {
            delay_ns: None,
            still: None,
            arrival_ns: 120 - service_ns,
            service_ns,
        };
        let (mut stack, mut other) = (Breakdown::default(), Breakdown::default());
        stack.record(way(20));
        stack.record(way(30));
        other.record(way(40));
        stack.merge(&other);
        assert_eq!(stack.slowest().map(|slice| slice.service_ns), Some(20.0));
    }

    proptest! {
        #[test]
        fn the_mean_stages_of_a_stretch_add_up_and_lie_near_the_percentile(
            ways in prop::collection::vec((1_i64..50_000_000, 1_i64..50_000_000), 400..1_000),
        ) {
            let (mut stack, mut other) = (Breakdown::default(), Breakdown::default());
            let mut latency = Latency::default();
            for (number, &(arrival_ns, service_ns)) in ways.iter().enumerate() {
                let part = if number % 3 == 0 { &mut stack } else { &mut other };
                let whole_ns = arrival_ns.unsigned_abs();
                let still = Some(Still { whole_ns, sent_ns: 1 });
                part.record(StageTimes { delay_ns: Some(0), still, arrival_ns, service_ns });
                latency.record(arrival_ns + service_ns);
            }
            stack.merge(&other);
            for quantile in [0.5, 0.9, 0.99] {
                let slice = stack.at(quantile, 0).unwrap();
                prop_assert!((slice.stalled_ns.unwrap() - slice.arrival_ns).abs() < 1e-3);
                prop_assert_eq!(slice.host_ns, Some(1.0));
                let whole = slice.arrival_ns + slice.service_ns;
                let percentile = latency.percentile(quantile).unwrap() as f64;
                prop_assert!((whole / percentile - 1.0).abs() < 0.13, "{whole} {percentile}");
            }
            let slowest = stack.slowest().unwrap();
            let whole = slowest.arrival_ns + slowest.service_ns;
            prop_assert_eq!(Some(whole as i64), latency.max());
        }
    }
}
