//! Whether brokers held the clients back for a quota.

use std::ops::Range;

use crate::base::clock::{Clock, SystemClock};
use crate::measure::latency::{Throttled, Throttles};
use crate::result::throttling::Throttling;
use crate::workers::consume::Source;
use crate::workers::produce::Sink;

/// Of clients that are done; `measured` is on the clock.
pub(super) fn of(
    sinks: &[Box<dyn Sink>],
    sources: &[Box<dyn Source>],
    clock: &SystemClock,
    measured: &Range<u64>,
) -> Throttling {
    let now_ns = clock.now_ns();
    let producers = sinks.iter().map(|sink| sink.throttles(now_ns));
    let consumers = sources.iter().map(|source| source.throttles(now_ns));
    Throttling {
        producers: together(producers, measured),
        consumers: together(consumers, measured),
    }
}

/// Of several clients; `None` where none would say so.
fn together(
    clients: impl Iterator<Item = Option<Throttles>>,
    measured: &Range<u64>,
) -> Option<Throttled> {
    let whole = clients.flatten().reduce(|mut whole, other| {
        whole.add(other);
        whole
    });
    whole.map(|whole| whole.within(measured))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_that_say_nothing_are_not_taken_for_clients_that_were_not_held_back() {
        let held = || {
            let mut throttles = Throttles::default();
            throttles.note(2_000, 1_000, 500, 500);
            Some(throttles)
        };
        let of = |clients: Vec<Option<Throttles>>| together(clients.into_iter(), &(0..10_000));
        assert_eq!(of(vec![None, None]), None);
        assert_eq!(of(vec![Some(Throttles::default())]), Some(Throttled::default()));
        let expected = Throttled { longest_ms: 0.000_5, of_time: 0.05 };
        assert_eq!(of(vec![None, held(), held()]), Some(expected));
    }
}
