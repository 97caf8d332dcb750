//! A group's state: one lane for each partition, shared by the group's workers.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::apply::{Admission, Judgement, RecordPolicy, apply};
use super::membership::GroupMember;
use crate::apps::App;
use crate::base::clock::Clock;
use crate::event::codec::{Codec, EventParser};
use crate::event::{Arrival, Event, Stamp};
use crate::measure::latency::Recorder;
use crate::measure::ledger::{self, Ledger, Tick};

/// All that one application knows of one partition. Whoever holds its lock owns the partition.
#[allow(missing_debug_implementations, reason = "holds an application")]
pub struct PartitionState {
    /// Ticks the records off.
    pub ledger: ledger::PartitionTracker,
    /// The application's state.
    pub app: Box<dyn App>,
}

/// In a run the ledger decides: what it has ticked off is applied, whatever its time; what is not
/// of the run is not.
struct ByLedger<'a> {
    group: &'a AppGroup,
    tracker: &'a mut ledger::PartitionTracker,
    /// What the record is.
    tick: Tick,
}

impl RecordPolicy for ByLedger<'_> {
    fn judge(&mut self, arrival: &Arrival<'_>, stamp: Option<&Stamp>) -> Judgement {
        let AppGroup { ledger, app, .. } = self.group;
        self.tick = self.tracker.tick(ledger, *app, arrival.offset, stamp);
        match self.tick {
            Tick::First | Tick::Duplicate => Judgement::Apply,
            Tick::Foreign => Judgement::Inspect,
            Tick::Redelivery | Tick::Probe => Judgement::Skip,
        }
    }

    fn admit(&mut self, _: &Arrival<'_>, stamp: Option<&Stamp>, _: &Event<'_>) -> Admission {
        Admission::Now(stamp.map_or(0, |stamp| stamp.due_wall_us))
    }

    fn garbage(&mut self) {
        match self.tick {
            Tick::Foreign => drop(self.group.garbage.fetch_add(1, Ordering::AcqRel)),
            _ => self.group.ledger.corrupt(self.group.app),
        }
    }
}

/// What is seen of a worker from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerState {
    /// Not assigned yet.
    Joining,
    /// Has so many partitions.
    Assigned(usize),
}

/// One application's group.
///
/// The workers share the lanes instead of handing them over: a worker that lost a partition
/// without knowing it (its session ran out) and the one that got it may both read for a while,
/// and each record is still applied once and in order, since the lane knows its next offset.
#[allow(missing_debug_implementations, reason = "holds applications")]
pub struct AppGroup {
    app: usize,
    codec: &'static dyn Codec,
    ledger: Arc<Ledger>,
    lanes: Vec<Mutex<PartitionState>>,
    positions: Vec<AtomicI64>,
    probed: Vec<AtomicU64>,
    assigned: Vec<AtomicI64>,
    members: Vec<Mutex<GroupMember>>,
    garbage: AtomicU64,
}

impl AppGroup {
    /// A group of `workers` for the application at place `app` of the plan, with a fresh state
    /// of it for each of `partitions`; it reads this codec's events.
    pub fn new(
        app: usize,
        workers: usize,
        partitions: usize,
        codec: &'static dyn Codec,
        ledger: Arc<Ledger>,
        state: impl Fn() -> Box<dyn App>,
    ) -> Self {
        let lane = || PartitionState { ledger: ledger::PartitionTracker::default(), app: state() };
        Self {
            app,
            codec,
            ledger,
            lanes: (0..partitions).map(|_| Mutex::new(lane())).collect(),
            positions: (0..partitions).map(|_| AtomicI64::new(0)).collect(),
            probed: (0..partitions).map(|_| AtomicU64::new(0)).collect(),
            assigned: (0..workers).map(|_| AtomicI64::new(-1)).collect(),
            members: (0..workers).map(|_| Mutex::default()).collect(),
            garbage: AtomicU64::new(0),
        }
    }

    /// What reads its events. One for each worker.
    #[must_use]
    pub fn parser(&self) -> Box<dyn EventParser> {
        self.codec.parser()
    }

    /// Takes one record: ticks it off, parses it, and lets the application observe it.
    ///
    /// A redelivery is counted and not applied. A duplicate (a second record with the same
    /// stamp) is applied, as an application that knows nothing of stamps would do: the ledger
    /// calls the run invalid, and the books show what it did to the answers. What is not of
    /// this run is counted and kept out: the answers are about what was sent.
    pub fn observe(
        &self,
        arrival: &Arrival<'_>,
        polled_ns: u64,
        parser: &mut dyn EventParser,
        recorder: &mut Recorder,
        clock: &dyn Clock,
    ) {
        let partition = usize::try_from(arrival.partition).unwrap_or(usize::MAX);
        let Some(lane) = self.lanes.get(partition) else {
            return;
        };
        let stamp = self.codec.stamp(arrival.header, arrival.payload);
        let mut lane = lane.lock().unwrap_or_else(PoisonError::into_inner);
        let PartitionState { ledger: tracker, app } = &mut *lane;
        let mut policy = ByLedger { group: self, tracker, tick: Tick::Redelivery };
        apply(&mut **app, &mut policy, arrival, stamp.as_ref(), parser);
        let tick = policy.tick;
        match tick {
            Tick::Redelivery => return,
            Tick::Probe => drop(self.probed[partition].fetch_add(1, Ordering::AcqRel)),
            Tick::First | Tick::Duplicate | Tick::Foreign => {}
        }
        self.positions[partition].store(arrival.offset + 1, Ordering::Release);
        drop(lane);
        if let (Tick::First, Some(stamp)) = (tick, stamp) {
            let due_ns = u64::try_from(clock.ns_of_wall_us(stamp.due_wall_us)).unwrap_or(0);
            recorder.consumed((stamp.shard, stamp.seq), due_ns, polled_ns, clock.now_ns());
        }
    }

    /// Notes what a worker is assigned.
    pub fn set_assigned(&self, worker: usize, partitions: Option<usize>) {
        let count = partitions.map_or(-1, |count| i64::try_from(count).unwrap_or(i64::MAX));
        if let Some(assigned) = self.assigned.get(worker) {
            assigned.store(count, Ordering::Release);
        }
    }

    /// What each worker is assigned.
    #[must_use]
    pub fn workers(&self) -> Vec<WorkerState> {
        self.assigned
            .iter()
            .map(|count| match usize::try_from(count.load(Ordering::Acquire)) {
                Ok(count) => WorkerState::Assigned(count),
                Err(_) => WorkerState::Joining,
            })
            .collect()
    }

    /// Notes what a worker was as a member, once it has ended.
    pub fn set_member(&self, worker: usize, member: GroupMember) {
        if let Some(place) = self.members.get(worker) {
            *place.lock().unwrap_or_else(PoisonError::into_inner) = member;
        }
    }

    /// What each worker was as a member; of one that has not ended, nothing.
    #[must_use]
    pub fn members(&self) -> Vec<GroupMember> {
        let member = |it: &Mutex<GroupMember>| *it.lock().unwrap_or_else(PoisonError::into_inner);
        self.members.iter().map(member).collect()
    }

    /// The partitions of which no worker has seen a probe yet.
    #[must_use]
    pub fn unprobed(&self) -> Vec<usize> {
        (0..self.probed.len())
            .filter(|&partition| self.probed[partition].load(Ordering::Acquire) == 0)
            .collect()
    }

    /// The offset that each partition's lane expects next.
    #[must_use]
    pub fn positions(&self) -> Vec<i64> {
        self.positions.iter().map(|position| position.load(Ordering::Acquire)).collect()
    }

    /// Foreign records that were no event at all.
    #[must_use]
    pub fn garbage(&self) -> u64 {
        self.garbage.load(Ordering::Acquire)
    }

    /// The application's state over all partitions, merged in their order. Takes the states
    /// away: call it when nobody reads any more.
    pub fn into_app(self: Arc<Self>) -> Option<Box<dyn App>> {
        let mut states = Arc::into_inner(self)?
            .lanes
            .into_iter()
            .map(|lane| lane.into_inner().unwrap_or_else(PoisonError::into_inner).app);
        let mut whole = states.next()?;
        for state in states {
            whole.merge(state);
        }
        Some(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{app, arrival, stamped};
    use super::*;
    use crate::base::clock::ManualClock;
    use crate::event::format::JSON;
    use crate::event::{Outcome, Stamp};
    use crate::load::generate::Generator;
    use crate::load::generate::tests::population;
    use crate::measure::latency::window::Stage;

    const RUN: u32 = 3;

    /// A group of one application that counts events, on one partition, with `sent` acked slots.
    fn group(sent: u64) -> Arc<AppGroup> {
        let ledger = Arc::new(Ledger::new(RUN, 1, 1));
        ledger.offered(0, sent);
        for seq in 0..sent {
            ledger.outcome(&stamp(seq), Outcome::Acked);
        }
        let (kind, plan) = app("analytics");
        Arc::new(AppGroup::new(0, 1, 1, JSON, ledger, || (kind.new)(&plan)))
    }

    fn stamp(seq: u64) -> Stamp {
        Stamp { run: RUN, shard: 0, seq, due_wall_us: 1_000 }
    }

    /// Reads these (offset, sequence number); gives the events that the application counted and
    /// the latencies that were recorded.
    fn read(group: Arc<AppGroup>, records: &[(i64, u64)]) -> (u64, u64) {
        let mut users = Generator::new(&population(), 1_000.0, 1, 0, 1);
        let clock = ManualClock::new(0);
        clock.advance_ns(5_000_000);
        let mut parser = JSON.parser();
        let mut recorder = Recorder::new(0..u64::MAX, 1_000_000_000);
        for &(offset, seq) in records {
            let mut payload = Vec::new();
            JSON.encode(&stamp(seq), &users.next(1_000).parts, &mut payload);
            let arrival = arrival(0, offset, None, Some(&payload));
            group.observe(&arrival, clock.now_ns(), &mut *parser, &mut recorder, &clock);
        }
        let window = recorder.flush(0);
        let recorded = window.latency(Stage::EndToEnd).map_or(0, |latency| latency.count());
        (group.into_app().unwrap().summary().totals.events, recorded)
    }

    #[test]
    fn each_event_is_applied_and_recorded_once() {
        assert_eq!(read(group(3), &[(0, 0), (1, 1), (2, 2)]), (3, 3));
    }

    #[test]
    fn a_redelivery_is_neither_applied_nor_recorded() {
        let group = group(3);
        assert_eq!(read(group, &[(0, 0), (1, 1), (0, 0), (1, 1), (2, 2)]), (3, 3));
    }

    #[test]
    fn a_duplicate_is_applied_as_any_application_would_and_has_no_latency_of_its_own() {
        let group = group(2);
        let ledger = group.ledger.clone();
        assert_eq!(read(group, &[(0, 0), (1, 0), (2, 1)]), (3, 2));
        assert_eq!(ledger.close().apps[0].duplicates, 1);
    }

    /// Two workers on three partitions, after these (partition, offset, payload).
    fn after(records: &[(i32, i64, Option<&[u8]>)]) -> Arc<AppGroup> {
        let ledger = Arc::new(Ledger::new(RUN, 1, 1));
        ledger.offered(0, 10);
        let (kind, plan) = app("analytics");
        let group = Arc::new(AppGroup::new(0, 2, 3, JSON, ledger, || (kind.new)(&plan)));
        let mut recorder = Recorder::new(0..u64::MAX, 1_000_000_000);
        for &(partition, offset, payload) in records {
            let arrival = arrival(partition, offset, Some(b"anna"), payload);
            let clock = ManualClock::new(0);
            group.observe(&arrival, 0, &mut *JSON.parser(), &mut recorder, &clock);
        }
        group
    }

    #[test]
    fn a_partition_is_read_up_to_the_last_offset_and_one_that_nobody_has_is_passed_over() {
        let event = stamped(&stamp(0));
        let records = [(1, 41, Some(&event[..])), (2, 0, None), (3, 7, None), (-1, 7, None)];
        assert_eq!(after(&records).positions(), [0, 42, 1]);
    }

    #[test]
    fn a_partition_is_probed_once_a_worker_has_seen_a_probe_of_this_run() {
        let probe = |run| {
            let mut payload = Vec::new();
            JSON.probe(&Stamp { run, ..stamp(0) }, &mut payload);
            payload
        };
        assert_eq!(after(&[]).unprobed(), [0, 1, 2]);
        let (ours, others) = (probe(RUN), probe(RUN + 1));
        let group = after(&[(1, 0, Some(&ours)), (1, 1, Some(&ours)), (2, 0, Some(&others))]);
        assert_eq!(group.unprobed(), [0, 2]);
        assert_eq!(group.into_app().unwrap().summary().totals.events, 0);
    }

    #[test]
    fn what_is_no_event_is_corrupt_with_a_stamp_of_the_run_and_garbage_without() {
        let own = stamped(&stamp(0));
        let foreign = stamped(&Stamp { run: RUN + 1, ..stamp(0) });
        let half = |whole: &[u8]| whole[..whole.len() - 9].to_vec();
        let (own_half, foreign_half) = (half(&stamped(&stamp(1))), half(&foreign));
        let records: [&[u8]; 5] = [&own, &own_half, &foreign, &foreign_half, b"nonsense"];
        let records: Vec<_> =
            (0..).zip(records).map(|(offset, payload)| (0, offset, Some(payload))).collect();
        let group = after(&[&records[..], &[(0, 5, None)]].concat());
        assert_eq!(group.garbage(), 3);
        let found = group.ledger.close().apps[0].clone();
        assert_eq!((found.seen, found.corrupt, found.foreign), (2, 1, 4));
        assert_eq!(group.into_app().unwrap().summary().totals.events, 1);
    }

    #[test]
    fn a_worker_joins_until_it_is_assigned_and_may_have_to_join_again() {
        use WorkerState::{Assigned, Joining};
        let group = after(&[]);
        assert_eq!(group.workers(), [Joining, Joining]);
        group.set_assigned(0, Some(0));
        group.set_assigned(1, Some(3));
        group.set_assigned(2, Some(9));
        assert_eq!(group.workers(), [Assigned(0), Assigned(3)]);
        group.set_assigned(1, None);
        assert_eq!(group.workers(), [Assigned(0), Joining]);
    }
}
