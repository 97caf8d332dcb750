//! Rule 2 of honest measuring: every slot ends in one outcome, and no sample is dropped, clipped
//! or thrown away for being zero, negative or huge. Random outcomes and latencies, by window.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::mpsc::channel;

use proptest::prelude::*;

use kbench::base::clock::{Clock, ManualClock};
use kbench::event::{Outcome, Receipt, Stamp};
use kbench::measure::latency::window::Stage;
use kbench::measure::latency::{Recorder, Series};
use kbench::measure::ledger::Ledger;
use kbench::workers::produce::{ReceiptBook, Receiver, ShardReceipts};

const INTERVAL_NS: u64 = 1_000_000_000;
const SECOND_NS: u64 = 1_000_000_000;

/// What becomes of one slot.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// The client's queue is full.
    Unsent,
    /// The client has its last word so long after the due time.
    Told(Outcome, i64),
}

fn fates() -> impl Strategy<Value = Fate> {
    let latency_ns = prop_oneof![
        4 => 1_i64..5_000_000,
        1 => Just(0),
        // A clock that was set: the answer comes before the question.
        1 => -2_000_000_i64..0,
        1 => 3_600_000_000_000_i64..7_200_000_000_000,
    ];
    let outcome = prop_oneof![
        6 => Just(Outcome::Acked),
        1 => Just(Outcome::Failed),
        1 => Just(Outcome::Unknown),
    ];
    prop_oneof![
        1 => Just(Fate::Unsent),
        9 => (outcome, latency_ns).prop_map(|(outcome, ns)| Fate::Told(outcome, ns)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_slot_ends_in_one_outcome_and_every_sample_is_in_some_count(
        fates in prop::collection::vec(fates(), 1..400),
        gap_us in 1_u64..50_000,
    ) {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
        let ledger = Arc::new(Ledger::new(1, 1, 0));
        let book = Arc::new(ReceiptBook::new(1));
        let (windows, taken) = channel();
        let recorder = Recorder::new(0..u64::MAX, INTERVAL_NS);
        let receipts =
            ShardReceipts::new(clock.clone(), ledger.clone(), book.clone(), recorder, windows);
        ledger.offered(0, fates.len() as u64);
        let mut expected = [0_u64; 6];
        for (seq, fate) in (0..).zip(&fates) {
            // Late enough that an answer of 2 ms before still has a time on the clock.
            let due_ns = SECOND_NS + seq * gap_us * 1_000;
            match *fate {
                Fate::Unsent => {
                    ledger.unsent(0, seq);
                    expected[0] += 1;
                }
                Fate::Told(outcome, after_ns) => {
                    let due_wall_us = clock.wall_us(due_ns);
                    book.accept(1);
                    receipts.receive(&Receipt {
                        stamp: Stamp { run: 1, shard: 0, seq, due_wall_us },
                        outcome,
                        at_ns: due_ns.saturating_add_signed(after_ns),
                        partition: 0,
                        offset: seq.cast_signed(),
                        reason: "",
                    });
                    expected[1 + outcome as usize] += 1;
                    if outcome == Outcome::Acked {
                        expected[4] += u64::from(after_ns <= 0);
                        expected[5] += u64::from(after_ns > 3_600_000_000_000);
                    }
                }
            }
        }
        receipts.finish();

        let sums = ledger.close();
        prop_assert!(sums.closes);
        prop_assert_eq!(
            [sums.unsent, sums.acked, sums.failed, sums.unknown],
            [expected[0], expected[1], expected[2], expected[3]]
        );
        prop_assert_eq!(sums.unsent + sums.acked + sums.failed + sums.unknown, fates.len() as u64);
        let mut series = Series::new(Stage::Ack, 1);
        for (stage, window) in taken.try_iter() {
            prop_assert_eq!(stage, Stage::Ack);
            // Within a window nothing is lost either.
            let ack = window.latency(Stage::Ack);
            prop_assert_eq!(ack.map_or(0, |ack| ack.count()), window.events);
            series.add(&window);
        }
        if let Some(ack) = series.total(Stage::Ack) {
            let within = ack.histogram().len();
            prop_assert_eq!(ack.count(), sums.acked);
            prop_assert_eq!([ack.zero_or_negative(), ack.over_range()], [expected[4], expected[5]]);
            prop_assert_eq!(within + expected[4] + expected[5], sums.acked);
        } else {
            prop_assert_eq!(sums.acked, 0);
        }
        prop_assert_eq!(series.rows().values().map(|row| row.events).sum::<u64>(), sums.acked);
        prop_assert_eq!(series.rows().values().map(|row| row.count).sum::<u64>(), sums.acked);
    }
}
