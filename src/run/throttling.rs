//! Whether brokers held the clients back for a quota.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::base::clock::{Clock, SystemClock};
use crate::measure::latency::{Throttled, Throttles};
use crate::workers::consume::Source;
use crate::workers::produce::Sink;

/// How long brokers held each side's clients back for a quota.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Throttling {
    /// The producers; `None` where they would not say so.
    pub producers: Option<Throttled>,
    /// All applications' consumers; `None` where they would not say so.
    pub consumers: Option<Throttled>,
}

impl Throttling {
    /// Of clients that are done; `measured` is on the clock.
    pub(super) fn of(
        sinks: &[Box<dyn Sink>],
        sources: &[Box<dyn Source>],
        clock: &SystemClock,
        measured: &Range<u64>,
    ) -> Self {
        let now_ns = clock.now_ns();
        let producers = sinks.iter().map(|sink| sink.throttles(now_ns));
        let consumers = sources.iter().map(|source| source.throttles(now_ns));
        Self { producers: together(producers, measured), consumers: together(consumers, measured) }
    }

    /// What has to stand above the numbers: a quota is the limit then, and not the brokers.
    pub(crate) fn flags(&self) -> Vec<String> {
        let sides = [("producers", self.producers), ("consumers", self.consumers)];
        let flag = |(side, throttled): (&str, Option<Throttled>)| {
            let Throttled { longest_ms, of_time } = throttled?;
            (longest_ms > 0.0).then(|| {
                format!(
                    "throttled: brokers held the {side} back by quota, up to {longest_ms:.0} ms at \
                     once, {:.0} % of the time",
                    of_time * 1e2
                )
            })
        };
        sides.into_iter().filter_map(flag).collect()
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
    fn a_quota_is_told_of_with_the_longest_wait_and_its_share_of_the_time() {
        let throttled = |longest_ms, of_time| Some(Throttled { longest_ms, of_time });
        let of = |producers, consumers| Throttling { producers, consumers }.flags();
        assert_eq!(of(None, None), Vec::<String>::new());
        assert_eq!(of(throttled(0.0, 0.0), throttled(0.0, 0.0)), Vec::<String>::new());
        let words = |side: &str, rest: &str| {
            format!("throttled: brokers held the {side} back by quota, up to {rest} of the time")
        };
        assert_eq!(
            of(throttled(812.0, 0.834), throttled(1.0, 0.001)),
            [words("producers", "812 ms at once, 83 %"), words("consumers", "1 ms at once, 0 %")]
        );
    }

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
