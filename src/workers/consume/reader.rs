//! An application that reads by itself, outside of any run: no ledger, no schedule, no end.
//!
//! It takes events as they come: kbench's own and anybody else's. Each partition has a state of
//! its own, so that the answer does not depend on the order in which partitions are read; it is
//! about what this process has read.
//!
//! What anybody else's event says of its time may be wrong. Behind, it is late, and each
//! application counts it. Ahead, it would make all others late; it is kept out by three bounds,
//! from the plainest on: the wall clock, an hour beyond which nothing is believed; the record's
//! own time, since nothing is written before it happens; and the other events of its partition,
//! which vote on it ([`crate::apps::Leaps`]), for a record's time is forged as soon as an event's.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use super::apply::{Admission, Judgement, RecordPolicy, apply, catch_up};
use crate::apps::{self, Alert, App, AppKind, Leaps, Summary, TimeStretch};
use crate::event::codec::{Codec, EventParser};
use crate::event::date::timestamp_us;
use crate::event::{Arrival, Event, PROBE_SHARD, Stamp};
use crate::plan::AppPlan;

/// How far ahead of the clock an event's time may be: a year 3000 would be "now" for ever.
const AHEAD_MAX_US: i64 = 3_600_000_000;

/// Most alerts of a partition that are kept until somebody takes them.
const ALERTS_MAX: usize = 100;

/// What was read, by what became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ReadCounts {
    /// Events that the application observed.
    pub events: u64,
    /// Records that are no event.
    pub garbage: u64,
    /// Events whose time can't be read, or lies more than an hour ahead.
    pub timeless: u64,
    /// Events whose time lies further ahead than others of their partition, or their own record,
    /// bear out; they are left out.
    #[serde(default)]
    pub ahead: u64,
    /// Records that came again after a rebalance; they are not applied twice.
    pub redelivered: u64,
    /// kbench's own probes.
    pub probes: u64,
}

/// One application and what it has read.
#[derive(Debug)]
pub struct AppReader {
    kind: &'static AppKind,
    plan: AppPlan,
    codec: &'static dyn Codec,
    parser: Box<dyn EventParser>,
    lanes: BTreeMap<i32, ReaderPartition>,
    /// But for what the lanes have left out.
    read: ReadCounts,
}

#[derive(Debug)]
struct ReaderPartition {
    app: Box<dyn App>,
    next_offset: i64,
    /// What is held are the records' values.
    leaps: Leaps<Box<[u8]>>,
}

/// Without a ledger everything counts that is an event, comes at a higher offset than before, and
/// has a time that is borne out.
struct ByTime<'a> {
    next_offset: &'a mut i64,
    leaps: &'a mut Leaps<Box<[u8]>>,
    read: &'a mut ReadCounts,
    /// The wall clock.
    now_us: i64,
}

impl RecordPolicy for ByTime<'_> {
    fn judge(&mut self, arrival: &Arrival<'_>, stamp: Option<&Stamp>) -> Judgement {
        if arrival.offset < *self.next_offset {
            self.read.redelivered += 1;
            return Judgement::Skip;
        }
        *self.next_offset = arrival.offset + 1;
        if stamp.is_some_and(|stamp| stamp.shard == PROBE_SHARD) {
            self.read.probes += 1;
            return Judgement::Skip;
        }
        Judgement::Apply
    }

    fn admit(
        &mut self,
        arrival: &Arrival<'_>,
        stamp: Option<&Stamp>,
        event: &Event<'_>,
    ) -> Admission {
        let due_us = stamp.map(|stamp| stamp.due_wall_us).or_else(|| timestamp_us(event.timestamp));
        let is_believed = |due_us: &i64| due_us.saturating_sub(self.now_us) <= AHEAD_MAX_US;
        let Some(due_us) = due_us.filter(is_believed) else {
            self.read.timeless += 1;
            return Admission::LeftOut;
        };
        let reach_us = self.leaps.reach_us();
        if arrival.at_us.is_some_and(|at_us| due_us.saturating_sub(at_us) > reach_us) {
            self.read.ahead += 1;
            return Admission::LeftOut;
        }
        self.read.events += 1;
        let user = FixedState::default().hash_one(event.user_id);
        let payload = || arrival.payload.unwrap_or_default().into();
        let is_borne_out = self.leaps.enter(due_us, user, payload);
        if is_borne_out { Admission::Now(due_us) } else { Admission::Later }
    }

    fn garbage(&mut self) {
        self.read.garbage += 1;
    }

    fn borne_out(&mut self) -> Option<(i64, Box<[u8]>)> {
        self.leaps.take_agreed()
    }
}

impl ReaderPartition {
    /// The application, and the policy by which it gets records.
    fn parts<'a>(
        &'a mut self,
        read: &'a mut ReadCounts,
        now_us: i64,
    ) -> (&'a mut dyn App, ByTime<'a>) {
        let Self { app, next_offset, leaps } = self;
        (&mut **app, ByTime { next_offset, leaps, read, now_us })
    }

    /// Nothing more comes: applies what the partition's events have agreed to, of all that lie
    /// within `whole`.
    fn end(&mut self, whole: TimeStretch, parser: &mut dyn EventParser) {
        self.leaps.end(whole);
        let mut read = ReadCounts::default();
        let (app, mut policy) = self.parts(&mut read, 0);
        catch_up(app, &mut policy, parser);
    }
}

impl AppReader {
    /// An application that has read nothing yet, and reads this codec's events.
    #[must_use]
    pub fn new(kind: &'static AppKind, plan: AppPlan, codec: &'static dyn Codec) -> Self {
        Self {
            kind,
            plan,
            codec,
            parser: codec.parser(),
            lanes: BTreeMap::new(),
            read: ReadCounts::default(),
        }
    }

    /// What was read so far. An event that waits for others counts as observed, unless it would
    /// be left out if nothing more came.
    #[must_use]
    pub fn read(&self) -> ReadCounts {
        let whole = self.stretch();
        let left_out = |lane: &ReaderPartition| lane.leaps.left_out() + lane.leaps.doubtful(whole);
        let ahead: u64 = self.lanes.values().map(left_out).sum();
        ReadCounts { events: self.read.events - ahead, ahead: self.read.ahead + ahead, ..self.read }
    }

    /// What the events of all partitions cover that were applied.
    fn stretch(&self) -> TimeStretch {
        let mut whole = TimeStretch::default();
        self.lanes.values().for_each(|lane| whole.merge(lane.leaps.stretch()));
        whole
    }

    /// Nothing more comes: whatever waits for others is applied now, or left out.
    pub fn end(&mut self) {
        let whole = self.stretch();
        for lane in self.lanes.values_mut() {
            lane.end(whole, &mut *self.parser);
        }
    }

    /// Takes in one record; `now_us` is the wall clock. Says whether the application saw it, or
    /// will once others bear it out.
    pub fn observe(&mut self, arrival: &Arrival<'_>, now_us: i64) -> bool {
        let (kind, plan) = (self.kind, &self.plan);
        let lane = self.lanes.entry(arrival.partition).or_insert_with(|| {
            let mut app = (kind.new)(plan);
            app.watch_alerts(ALERTS_MAX);
            let leaps = Leaps::new(apps::lateness_us(kind, plan));
            ReaderPartition { app, next_offset: i64::MIN, leaps }
        });
        let stamp = self.codec.stamp(arrival.header, arrival.payload);
        let (app, mut policy) = lane.parts(&mut self.read, now_us);
        apply(app, &mut policy, arrival, stamp.as_ref(), &mut *self.parser)
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

    /// What the application has to say about all partitions read so far; what waits for others is
    /// in there as if nothing more came.
    ///
    /// Copies the states of all partitions but one: milliseconds for 100,000 users.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let (mut whole, mut parser) = ((self.kind.new)(&self.plan), self.codec.parser());
        let stretch = self.stretch();
        for lane in self.lanes.values() {
            let (app, leaps) = (lane.app.copy(), lane.leaps.clone());
            let mut lane = ReaderPartition { app, leaps, next_offset: lane.next_offset };
            lane.end(stretch, &mut *parser);
            whole.merge(lane.app);
        }
        whole.summary()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{app, arrival};
    use super::*;
    use crate::event::Stamp;
    use crate::event::format::JSON;

    const NOW_US: i64 = 1_767_225_600_000_000;

    fn reader() -> AppReader {
        let (kind, plan) = app("analytics");
        AppReader::new(kind, plan, JSON)
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
        JSON.probe(&Stamp { run: 1, shard: 0, seq: 0, due_wall_us: NOW_US }, &mut probe);
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
            reader.observe(&arrival(partition, offset, None, payload), NOW_US)
        });
        assert_eq!(applied, [true, false, false, false, false, true, false, false]);
        assert_eq!(
            reader.read(),
            ReadCounts { events: 2, garbage: 2, timeless: 2, redelivered: 1, probes: 1, ahead: 0 }
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
            reader.observe(&arrival(0, offset, None, Some(payload)), NOW_US)
        };
        assert!(observe(5, &good) && !observe(5, &good) && !observe(4, &good));
        assert!(observe(6, &hour) && !observe(7, &beyond) && observe(9, &good));
        let expected =
            ReadCounts { events: 3, timeless: 1, redelivered: 2, ..ReadCounts::default() };
        assert_eq!(reader.read(), expected);
    }

    #[test]
    fn alerts_of_all_partitions_come_by_time_and_those_beyond_a_hundred_of_each_are_counted() {
        let (kind, plan) = app("fraud");
        let mut reader = AppReader::new(kind, plan, JSON);
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
                let arrival = arrival(partition, number, None, payload);
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
