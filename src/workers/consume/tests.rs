//! A worker's loop on a clock that moves only when the source takes its time.

use std::sync::mpsc::channel;

use super::*;
use crate::apps;
use crate::base::clock::ManualClock;
use crate::event::format::JSON;
use crate::event::{Outcome, Stamp};
use crate::measure::latency::window::Stage;
use crate::measure::ledger::Ledger;
use crate::plan::AppPlan;

const MS: u64 = 1_000_000;

/// An application of that name, with its own settings.
pub(super) fn app(name: &str) -> (&'static apps::AppKind, AppPlan) {
    let kind = apps::kind(name).unwrap();
    let options = kind.schema.options.iter().map(|o| (o.key.to_owned(), o.default)).collect();
    let group = kind.schema.default_group.to_owned();
    (kind, AppPlan { name: kind.schema.name.to_owned(), group, workers: 1, options })
}

/// A record without a header and a time.
pub(super) fn arrival<'a>(
    partition: i32,
    offset: i64,
    key: Option<&'a [u8]>,
    payload: Option<&'a [u8]>,
) -> Arrival<'a> {
    Arrival { partition, offset, key, header: None, payload, at_us: None }
}

/// An event with that stamp.
pub(super) fn stamped(stamp: &Stamp) -> Vec<u8> {
    let mut payload = Vec::new();
    let rest = br#","user_id":"anna","session_id":"s","event_type":"click","page_url":"/"}"#;
    JSON.join(stamp, rest, &mut payload);
    payload
}

/// Gives in each poll events of which it says how many ms pass before, and when it was due; ends
/// the run after the last poll. What is measured is not known before the first one.
struct Script {
    polls: Vec<Vec<(u64, u64)>>,
    polled: usize,
    offset: i64,
    clock: Arc<ManualClock>,
    stop: Arc<AtomicBool>,
    measured: Arc<OnceLock<Range<u64>>>,
    membership: Membership,
}

impl Source for Script {
    fn poll(
        &mut self,
        max: usize,
        _: Duration,
        each: &mut dyn FnMut(&Arrival<'_>),
    ) -> Result<usize> {
        let records = self.polls[self.polled].clone();
        assert!(records.len() <= max);
        for (pause_ms, due_ms) in &records {
            self.clock.advance_ns(pause_ms * MS);
            let seq = self.offset.unsigned_abs();
            let due_wall_us = (due_ms * 1_000).cast_signed();
            let payload = stamped(&Stamp { run: 1, shard: 0, seq, due_wall_us });
            let offset = self.offset;
            self.offset += 1;
            each(&arrival(0, offset, None, Some(&payload)));
        }
        self.polled += 1;
        if self.polled == 2 {
            self.membership.gained(3);
        }
        if self.polled == 1 {
            self.measured.set(5 * MS..u64::MAX).unwrap();
        }
        self.stop.store(self.polled == self.polls.len(), Ordering::Relaxed);
        Ok(records.len())
    }

    fn membership(&self) -> &Membership {
        &self.membership
    }
}

#[test]
fn a_worker_records_what_is_due_in_the_measured_part_in_the_interval_in_which_it_came() {
    let ledger = Arc::new(Ledger::new(1, 1, 1));
    ledger.offered(0, 10);
    (0..10).for_each(|seq| {
        ledger.outcome(&Stamp { run: 1, shard: 0, seq, due_wall_us: 0 }, Outcome::Acked);
    });
    let (kind, plan) = app("analytics");
    let group = Arc::new(AppGroup::new(0, 2, 1, JSON, ledger, || (kind.new)(&plan)));
    let clock = Arc::new(ManualClock::new(0));
    let (stop, measured) = (Arc::<AtomicBool>::default(), Arc::<OnceLock<_>>::default());
    // At 1 and 4 ms; nothing at first, when the range comes; then at 6, 8, 12, 21 and 22 ms.
    let polls = vec![vec![], vec![(1, 0), (3, 4)], vec![(2, 5), (2, 6), (4, 7), (9, 8), (1, 4)]];
    let source = Script {
        polls,
        polled: 0,
        offset: 0,
        clock: clock.clone(),
        stop: stop.clone(),
        measured: measured.clone(),
        membership: Membership::default(),
    };
    let (sender, windows) = channel();
    let shift = WorkerTask {
        app: 0,
        worker: 1,
        group: group.clone(),
        source: Box::new(source),
        recorder: Recorder::new(0..0, 10 * MS),
        measured,
        clock,
        stop,
        windows: sender,
    };
    let source = run(shift).unwrap();
    assert_eq!(source.assigned(), Some(3));
    assert_eq!(group.workers(), [WorkerState::Joining, WorkerState::Assigned(3)]);
    assert_eq!(
        group.members(),
        [GroupMember::default(), GroupMember { partitions: 3, rebalances: 1 }]
    );
    assert_eq!(group.positions(), [7]);
    let found: Vec<_> = windows
        .try_iter()
        .map(|(app, window)| {
            let arrival = window.latency(Stage::Arrival);
            let arrival = arrival.map(|arrival| (arrival.count(), arrival.max().unwrap()));
            (app, window.index, window.events, arrival)
        })
        .collect();
    let ms = |ms: i64| ms * MS as i64;
    let expected =
        [(0, 0, 4, Some((2, ms(2)))), (0, 1, 1, Some((1, ms(5)))), (0, 2, 2, Some((1, ms(13))))];
    assert_eq!(found, expected);
}
