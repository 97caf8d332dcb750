//! An application that reads by itself, outside of any run: no ledger, no schedule, no end.
//!
//! It takes events as they come: kbench's own and anybody else's. Each partition has a state of
//! its own, so that the answer does not depend on the order in which partitions are read; it is
//! about what this process has read.

use std::collections::BTreeMap;

use crate::apps::{Alert, App, AppKind, Summary};
use crate::event::{Arrival, PROBE_SHARD};
use crate::plan::AppPlan;
use crate::wire::parse::Parser;
use crate::wire::stamp;

/// How far ahead of the clock an event's time may be: a year 3000 would be "now" for ever.
const AHEAD_MAX_US: i64 = 3_600_000_000;

/// Most alerts of a partition that are kept until somebody takes them.
const ALERTS_MAX: usize = 100;

/// What was read, by what became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Read {
    /// Events that the application observed.
    pub events: u64,
    /// Records that are no event.
    pub garbage: u64,
    /// Events whose time can't be read, or lies more than an hour ahead.
    pub timeless: u64,
    /// Records that came again after a rebalance; they are not applied twice.
    pub redelivered: u64,
    /// kbench's own probes.
    pub probes: u64,
}

/// One application and what it has read.
#[derive(Debug)]
pub struct Reader {
    kind: &'static AppKind,
    plan: AppPlan,
    parser: Parser,
    lanes: BTreeMap<i32, Lane>,
    read: Read,
}

#[derive(Debug)]
struct Lane {
    app: Box<dyn App>,
    next_offset: i64,
}

impl Reader {
    /// An application that has read nothing yet.
    #[must_use]
    pub fn new(kind: &'static AppKind, plan: AppPlan) -> Self {
        Self { kind, plan, parser: Parser::new(), lanes: BTreeMap::new(), read: Read::default() }
    }

    /// What was read so far.
    #[must_use]
    pub fn read(&self) -> Read {
        self.read
    }

    /// Takes in one record; `now_us` is the wall clock. Says whether the application saw it.
    pub fn observe(&mut self, arrival: &Arrival<'_>, now_us: i64) -> bool {
        let (kind, plan) = (self.kind, &self.plan);
        let lane = self.lanes.entry(arrival.partition).or_insert_with(|| {
            let mut app = (kind.new)(plan);
            app.watch_alerts(ALERTS_MAX);
            Lane { app, next_offset: i64::MIN }
        });
        if arrival.offset < lane.next_offset {
            self.read.redelivered += 1;
            return false;
        }
        lane.next_offset = arrival.offset + 1;
        if let Some(key) = arrival.key {
            lane.app.expect(key);
        }
        let stamp = arrival.payload.and_then(stamp::read);
        if stamp.is_some_and(|stamp| stamp.shard == PROBE_SHARD) {
            self.read.probes += 1;
            return false;
        }
        let Some(Ok(event)) = arrival.payload.map(|payload| self.parser.parse(payload)) else {
            self.read.garbage += 1;
            return false;
        };
        let due_us =
            stamp.map(|stamp| stamp.due_wall_us).or_else(|| stamp::timestamp_us(event.timestamp));
        match due_us.filter(|due_us| due_us.saturating_sub(now_us) <= AHEAD_MAX_US) {
            Some(due_us) => {
                lane.app.observe(&event, due_us);
                self.read.events += 1;
                true
            }
            None => {
                self.read.timeless += 1;
                false
            }
        }
    }

    /// The new alerts since the last call, of all partitions, oldest event first; and how many
    /// more there were than anybody can read.
    pub fn take_alerts(&mut self) -> (Vec<Alert>, u64) {
        let (mut all, mut left_out) = (Vec::new(), 0);
        for lane in self.lanes.values_mut() {
            let alerts = lane.app.take_alerts();
            all.extend(alerts.list);
            left_out += alerts.left_out;
        }
        all.sort_by_key(|alert| alert.at_us);
        (all, left_out)
    }

    /// What the application has to say about all partitions read so far.
    ///
    /// Copies the states of all partitions but one: milliseconds for 100,000 users.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut whole = (self.kind.new)(&self.plan);
        for lane in self.lanes.values() {
            whole.merge(lane.app.copy());
        }
        whole.summary()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::app;
    use super::*;
    use crate::event::Stamp;
    use crate::wire::encode;

    const NOW_US: i64 = 1_767_225_600_000_000;

    fn reader() -> Reader {
        let (kind, plan) = app("analytics");
        Reader::new(kind, plan)
    }

    fn event(timestamp: &str) -> Vec<u8> {
        format!(
            r#"{{"event_id":"6f1c","user_id":"user-1","session_id":"s","event_type":"page_view",
            "timestamp":"{timestamp}","page_url":"/","extra":[1,{{"a":null}}]}}"#
        )
        .into_bytes()
    }

    #[test]
    fn everything_that_comes_is_counted_as_what_it_is() {
        let mut reader = reader();
        let mut probe = Vec::new();
        encode::probe(&Stamp { run: 1, shard: 0, seq: 0, due_wall_us: NOW_US }, &mut probe);
        let good = event("2026-01-01T00:00:00Z");
        let records: [(i32, i64, Option<&[u8]>); 8] = [
            (0, 0, Some(&good)),
            (0, 1, Some(b"{}")),
            (0, 2, None),
            (0, 3, Some(&probe)),
            (0, 0, Some(&good)),
            (7, 0, Some(&good)),
            (7, 1, Some(&event("3000-01-01T00:00:00Z"))),
            (7, 2, Some(&event("yesterday"))),
        ];
        let applied = records.map(|(partition, offset, payload)| {
            reader.observe(&Arrival { partition, offset, key: None, payload }, NOW_US)
        });
        assert_eq!(applied, [true, false, false, false, false, true, false, false]);
        assert_eq!(
            reader.read(),
            Read { events: 2, garbage: 2, timeless: 2, redelivered: 1, probes: 1 }
        );
        assert_eq!(reader.summary().totals.events, 2);
        // Asking changes nothing.
        assert_eq!(reader.summary(), reader.summary());
    }

    #[test]
    fn an_offset_comes_once_and_an_event_may_be_an_hour_ahead_and_no_more() {
        let mut reader = reader();
        let good = event("2026-01-01T00:00:00Z");
        let (hour, beyond) = (event("2026-01-01T01:00:00Z"), event("2026-01-01T01:00:00.000001Z"));
        let mut observe = |offset, payload: &[u8]| {
            let arrival = Arrival { partition: 0, offset, key: None, payload: Some(payload) };
            reader.observe(&arrival, NOW_US)
        };
        assert!(observe(5, &good) && !observe(5, &good) && !observe(4, &good));
        assert!(observe(6, &hour) && !observe(7, &beyond) && observe(9, &good));
        let expected = Read { events: 3, timeless: 1, redelivered: 2, ..Read::default() };
        assert_eq!(reader.read(), expected);
    }

    #[test]
    fn alerts_of_all_partitions_come_by_time_and_those_beyond_a_hundred_of_each_are_counted() {
        let (kind, plan) = app("fraud");
        let mut reader = Reader::new(kind, plan);
        // Everybody buys what was never looked at; the partitions take turns.
        for number in 0..103 {
            for partition in [1, 0] {
                let payload = format!(
                    r#"{{"event_id":"e","user_id":"u{partition}-{number}","session_id":"s{number}",
                    "event_type":"purchase","timestamp":"2026-01-01T00:{:02}:{:02}.{partition}Z",
                    "page_url":"/","properties":{{"price":9.0}}}}"#,
                    number / 60,
                    number % 60,
                );
                let payload = Some(payload.as_bytes());
                let arrival = Arrival { partition, offset: number, key: None, payload };
                assert!(reader.observe(&arrival, NOW_US + 103_000_000));
            }
        }
        let (alerts, left_out) = reader.take_alerts();
        assert!(alerts.is_sorted_by_key(|alert| alert.at_us));
        let first: Vec<_> = alerts.iter().take(2).map(|alert| &alert.user_id[..]).collect();
        assert_eq!((alerts.len(), left_out, &first[..]), (200, 6, &["u0-0", "u1-0"][..]));
        assert_eq!(reader.take_alerts(), (vec![], 0));
    }
}
