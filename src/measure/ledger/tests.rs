//! Faults are planted; exactly these must be found and named.

use proptest::prelude::*;

use super::*;
use crate::event::{Outcome, PROBE_SHARD, Stamp};

mod sums;

const RUN: u32 = 7;

fn stamp(shard: u16, seq: u64) -> Stamp {
    Stamp { run: RUN, shard, seq, due_wall_us: 0 }
}

/// A ledger in which `count` slots of each shard are acknowledged.
fn acked(shards: u16, apps: usize, count: u64) -> Ledger {
    let ledger = Ledger::new(RUN, shards, apps);
    for shard in 0..shards {
        ledger.offered(shard, count);
        for seq in 0..count {
            ledger.outcome(&stamp(shard, seq), Outcome::Acked);
        }
    }
    ledger
}

/// Lets an application read `records` of one partition, from offset 0 on.
fn read(ledger: &Ledger, app: usize, records: &[Stamp]) -> Vec<Tick> {
    let mut lane = PartitionTracker::default();
    (0..).zip(records).map(|(offset, stamp)| lane.tick(ledger, app, offset, Some(stamp))).collect()
}

#[test]
fn a_clean_run_closes_and_has_no_fault() {
    let ledger = acked(2, 2, 1_000);
    for app in 0..2 {
        for shard in 0..2 {
            let records: Vec<Stamp> = (0..1_000).map(|seq| stamp(shard, seq)).collect();
            assert!(read(&ledger, app, &records).iter().all(|&tick| tick == Tick::First));
        }
    }
    let report = ledger.close();
    assert!(report.closes);
    assert_eq!((report.offered, report.sent, report.acked), (2_000, 2_000, 2_000));
    assert_eq!(report.apps[1].seen, 2_000);
    assert_eq!(report.faults(&["a", "b"]), Vec::<String>::new());
}

#[test]
fn an_event_that_both_applications_miss_is_missing_once() {
    let ledger = acked(1, 2, 200);
    let but = |missed: [u64; 3]| -> Vec<Stamp> {
        (0..200).filter(|seq| !missed.contains(seq)).map(|seq| stamp(0, seq)).collect()
    };
    read(&ledger, 0, &but([3, 64, 199]));
    read(&ledger, 1, &but([3, 65, 199]));
    let report = ledger.close();
    assert_eq!((report.apps[0].missing, report.apps[1].missing), (3, 3));
    assert_eq!(report.missing(), 4, "3, 64, 65 and 199");
    let older = LedgerReport { missing_events: None, ..report };
    assert_eq!(older.missing(), 3, "as many at least");
}

#[test]
fn what_one_application_misses_is_named_for_that_one_only() {
    let ledger = acked(1, 2, 200);
    let all: Vec<Stamp> = (0..200).map(|seq| stamp(0, seq)).collect();
    let some: Vec<Stamp> =
        all.iter().copied().filter(|stamp| ![3, 64, 199].contains(&stamp.seq)).collect();
    read(&ledger, 0, &all);
    read(&ledger, 1, &some);
    let report = ledger.close();
    assert_eq!(report.apps[0].missing, 0);
    assert_eq!(report.apps[1].missing, 3);
    let named: Vec<u64> = report.apps[1].missing_named.iter().map(|slot| slot.seq).collect();
    assert_eq!(named, [3, 64, 199]);
    assert_eq!(report.apps[1].skipped_named, report.apps[1].missing_named);
    assert_eq!(
        report.faults(&["a", "b"]),
        ["b: 3 acknowledged events are missing: they are in the log, and it was not given them \
          (0/3, 0/64, 0/199)"]
    );
}

#[test]
fn doubled_and_swapped_events_are_counted() {
    let ledger = acked(1, 1, 5);
    let order = [0, 1, 1, 3, 2, 4].map(|seq| stamp(0, seq));
    let ticks = read(&ledger, 0, &order);
    assert_eq!(ticks[2], Tick::Duplicate);
    let report = ledger.close();
    assert_eq!((report.apps[0].duplicates, report.apps[0].reordered), (1, 1));
    assert_eq!(report.apps[0].missing, 0);
    assert_eq!(report.faults(&["a"]).len(), 2);
}

#[test]
fn a_redelivery_is_no_duplicate() {
    let ledger = acked(1, 1, 3);
    let mut lane = PartitionTracker::default();
    for offset in [0, 1, 0, 1, 2] {
        let seq = u64::try_from(offset).unwrap();
        lane.tick(&ledger, 0, offset, Some(&stamp(0, seq)));
    }
    let report = ledger.close();
    assert_eq!((report.apps[0].redeliveries, report.apps[0].duplicates), (2, 0));
    assert_eq!(report.faults(&["a"]), Vec::<String>::new());
    assert_eq!(lane.expected_offset(), 3);
}

#[test]
fn strangers_probes_and_impossible_stamps_are_told_apart() {
    let ledger = acked(1, 1, 10);
    let mut lane = PartitionTracker::default();
    assert_eq!(lane.tick(&ledger, 0, 0, None), Tick::Foreign);
    let other = Stamp { run: RUN + 1, ..stamp(0, 1) };
    assert_eq!(lane.tick(&ledger, 0, 1, Some(&other)), Tick::Foreign);
    assert_eq!(lane.tick(&ledger, 0, 2, Some(&stamp(PROBE_SHARD, 0))), Tick::Probe);
    assert_eq!(lane.tick(&ledger, 0, 3, Some(&stamp(0, 10))), Tick::Foreign);
    assert_eq!(lane.tick(&ledger, 0, 4, Some(&stamp(1, 0))), Tick::Foreign);
    let report = ledger.close();
    assert_eq!((report.apps[0].foreign, report.apps[0].impossible), (2, 2));
    assert_eq!(report.apps[0].redeliveries, 0);
}

#[test]
fn only_a_probe_comes_again_without_being_counted() {
    let ledger = acked(1, 1, 10);
    let mut lane = PartitionTracker::default();
    let probe = stamp(PROBE_SHARD, 0);
    assert_eq!(lane.tick(&ledger, 0, 0, Some(&probe)), Tick::Probe);
    assert_eq!(lane.tick(&ledger, 0, 0, Some(&probe)), Tick::Redelivery);
    assert_eq!(ledger.close().apps[0].redeliveries, 0);
    for again in [None, Some(stamp(0, 1)), Some(Stamp { run: RUN + 1, ..probe })] {
        assert_eq!(lane.tick(&ledger, 0, 0, again.as_ref()), Tick::Redelivery);
    }
    assert_eq!(ledger.close().apps[0].redeliveries, 3);
}

#[test]
fn a_slot_without_an_outcome_breaks_the_sums() {
    let ledger = acked(1, 0, 100);
    ledger.offered(0, 101);
    let report = ledger.close();
    assert_eq!((report.unresolved, report.closes), (1, false));
    assert!(report.faults(&[])[0].contains("1 without an outcome"));
}

#[test]
fn a_slot_with_two_outcomes_breaks_the_sums() {
    let twice = acked(1, 0, 100);
    twice.outcome(&stamp(0, 5), Outcome::Acked);
    assert!(!twice.close().closes);
    let both = acked(1, 0, 100);
    both.outcome(&stamp(0, 5), Outcome::Failed);
    assert!(!both.close().closes);
    let never_due = acked(1, 0, 100);
    never_due.outcome(&stamp(0, 100), Outcome::Acked);
    assert!(!never_due.close().closes);
}

#[test]
fn what_timed_out_is_settled_by_whoever_saw_it() {
    let ledger = acked(1, 1, 2);
    ledger.offered(0, 5);
    ledger.outcome(&stamp(0, 2), Outcome::Unknown);
    ledger.outcome(&stamp(0, 3), Outcome::Unknown);
    ledger.unsent(0, 4);
    read(&ledger, 0, &[0, 1, 2].map(|seq| stamp(0, seq)));
    let report = ledger.close();
    assert!(report.closes);
    assert_eq!((report.unknown, report.unknown_written, report.unsent), (2, 1, 1));
    assert_eq!(report.apps[0].seen_unacked, 1);
    assert_eq!(report.unknown_unsettled, 1);
    assert_eq!(
        report.faults(&["a"]),
        ["1 events timed out, and whether they were written is not settled: the log was not read \
          again"]
    );
}

/// Of five slots 0 is read, 1 is in the log only, 2 is nowhere; 3 timed out and is in the log, 4
/// timed out and is not; 5 failed. The log is read again, as a whole or not.
fn rescanned(cut_short: Option<&str>) -> LedgerReport {
    let ledger = acked(1, 2, 3);
    ledger.offered(0, 6);
    ledger.outcome(&stamp(0, 3), Outcome::Unknown);
    ledger.outcome(&stamp(0, 4), Outcome::Unknown);
    ledger.outcome(&stamp(0, 5), Outcome::Failed);
    read(&ledger, 0, &[stamp(0, 0), stamp(0, 1), stamp(0, 3)]);
    read(&ledger, 1, &[stamp(0, 0)]);
    assert!(ledger.needs_rescan());
    for seq in [0, 1, 1, 3] {
        ledger.logged(Some(&stamp(0, seq)));
    }
    ledger.logged(None);
    ledger.logged(Some(&Stamp { run: RUN + 1, ..stamp(0, 2) }));
    ledger.logged(Some(&stamp(PROBE_SHARD, 2)));
    // Never due.
    ledger.logged(Some(&stamp(0, 6)));
    ledger.rescanned(12, cut_short.map(str::to_owned));
    ledger.close()
}

#[test]
fn the_log_settles_what_is_in_doubt() {
    let report = rescanned(None);
    assert!(report.closes);
    let rescan = report.rescan.as_ref().unwrap();
    assert_eq!((rescan.records, rescan.events, rescan.doubled), (8, 3, 1));
    let unknown = (report.unknown_written, report.unknown_not_written, report.unknown_unsettled);
    assert_eq!(unknown, (1, 1, 0));
    assert_eq!((report.lost, report.lost_named[0].seq), (1, 2));
    let skipped: Vec<u64> = report.apps.iter().map(|app| app.skipped).collect();
    assert_eq!((skipped, report.apps[1].skipped_named[0].seq), (vec![0, 1], 1));
    assert_eq!(
        report.faults(&["a", "b"]),
        [
            "2 events were sent and not written",
            "1 acknowledged events were never in the log (0/2)",
            "b: 1 acknowledged events are missing: they are in the log, and it was not given them \
             (0/1)",
            "b: 1 events are in the log without an acknowledgement, and unread",
        ]
    );
}

#[test]
fn a_log_that_was_read_in_part_settles_what_was_found_and_says_why_the_rest_is_not() {
    let report = rescanned(Some("9 records were not read in time"));
    let unknown = (report.unknown_written, report.unknown_not_written, report.unknown_unsettled);
    assert_eq!(unknown, (1, 0, 1));
    let missing: Vec<(u64, u64, u64)> =
        report.apps.iter().map(|app| (app.missing, app.skipped, app.missing_unsettled)).collect();
    assert_eq!((report.lost, missing), (0, vec![(1, 0, 1), (2, 1, 1)]));
    let unsettled = |what: &str| format!("{what} is not settled: 9 records were not read in time");
    let missing = "acknowledged events are missing, and whether they are in the log";
    let skipped = "b: 1 acknowledged events are missing: they are in the log, and it was not given \
                   them (0/1)";
    assert_eq!(
        report.faults(&["a", "b"]),
        [
            "1 events were sent and not written",
            &unsettled("1 events timed out, and whether they were written"),
            &unsettled(&format!("a: 1 {missing}")),
            skipped,
            &unsettled(&format!("b: 1 {missing}")),
            "b: 1 events are in the log without an acknowledgement, and unread",
        ]
    );
}

#[test]
fn what_was_said_to_be_not_written_and_is_in_the_log_is_a_fault_of_its_own() {
    let ledger = acked(1, 0, 1);
    ledger.offered(0, 3);
    ledger.outcome(&stamp(0, 1), Outcome::Failed);
    for seq in 0..3 {
        ledger.logged(Some(&stamp(0, seq)));
    }
    ledger.rescanned(1, None);
    let report = ledger.close();
    assert_eq!((report.failed_written, report.unresolved, report.unresolved_written), (1, 1, 1));
    assert!(report.faults(&[])[1].starts_with("1 events were said to be not written"));
}

#[test]
fn nothing_in_doubt_asks_for_no_rescan() {
    let ledger = acked(1, 1, 3);
    read(&ledger, 0, &[0, 1, 2].map(|seq| stamp(0, seq)));
    assert!(!ledger.needs_rescan() && !ledger.has_unknown());
}

proptest! {
    #[test]
    fn random_faults_are_found_one_by_one(
        fates in prop::collection::vec(0_u8..12, 1..400),
    ) {
        let ledger = Ledger::new(RUN, 1, 1);
        ledger.offered(0, fates.len() as u64);
        let mut log = Vec::new();
        let mut expected = LedgerReport::default();
        for (seq, fate) in (0..).zip(&fates) {
            let stamp = stamp(0, seq);
            match fate {
                0 => { ledger.unsent(0, seq); expected.unsent += 1; continue }
                1 => { ledger.outcome(&stamp, Outcome::Failed); expected.failed += 1; continue }
                2 => { ledger.outcome(&stamp, Outcome::Unknown); expected.unknown += 1; continue }
                _ => { ledger.outcome(&stamp, Outcome::Acked); expected.acked += 1 }
            }
            match fate {
                3 => {}
                4 => log.extend([stamp, stamp]),
                _ => log.push(stamp),
            }
        }
        read(&ledger, 0, &log);
        let report = ledger.close();
        let count = |wanted: u8| fates.iter().filter(|&&fate| fate == wanted).count() as u64;
        prop_assert!(report.closes);
        prop_assert_eq!(report.unsent, expected.unsent);
        prop_assert_eq!(report.failed, expected.failed);
        prop_assert_eq!(report.unknown, expected.unknown);
        prop_assert_eq!(report.acked, expected.acked);
        prop_assert_eq!(report.apps[0].missing, count(3));
        prop_assert_eq!(report.apps[0].duplicates, count(4));
        prop_assert_eq!(report.acked, report.apps[0].seen + report.apps[0].missing);
    }
}
