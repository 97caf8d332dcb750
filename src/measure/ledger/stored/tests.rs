//! Two halves, and the notes of three processes, against what one process finds.

use super::*;
use crate::event::{Outcome, PROBE_SHARD, Stamp};
use crate::measure::ledger::{AppLedger, PartitionTracker};
use proptest::prelude::*;
use std::collections::BTreeSet;

const RUN: u32 = 9;

fn stamp(shard: u16, seq: u64) -> Stamp {
    Stamp { run: RUN, shard, seq, due_wall_us: 0 }
}

proptest! {
    /// What one process would have found is what both halves give together.
    #[test]
    fn two_halves_make_the_same_ledger_as_one_run(
        fates in prop::collection::vec(0_u8..12, 1..400),
    ) {
        let whole = Ledger::new(RUN, 2, 1);
        let (mut lane, mut notes) = (PartitionTracker::default(), Observations::default());
        let mut offset = 0;
        for (seq, fate) in (0..).zip(&fates) {
            let stamp = stamp(u16::from(fate % 2), seq);
            whole.offered(0, seq + 1);
            whole.offered(1, seq + 1);
            match fate {
                0 => whole.unsent(stamp.shard, seq),
                1 => whole.outcome(&stamp, Outcome::Failed),
                2 => whole.outcome(&stamp, Outcome::Unknown),
                _ => whole.outcome(&stamp, Outcome::Acked),
            }
            let records = match fate { 0 | 1 | 3 => 0, 4 => 2, _ => 1 };
            for _ in 0..records {
                lane.tick(&whole, 0, offset, Some(&stamp));
                notes.tick(0, offset, Some(&stamp));
                offset += 1;
            }
        }
        // By way of the files.
        let text = serde_json::to_string(&(whole.outcomes(), &notes)).unwrap();
        let (outcomes, read): (Outcomes, Observations) = serde_json::from_str(&text).unwrap();
        let restored = Ledger::restore(&outcomes, &[vec![&read]]);
        prop_assert_eq!(restored.close(), whole.close());
    }
}

#[test]
fn a_missing_process_leaves_its_events_missing_and_a_second_reading_is_no_duplicate() {
    let whole = Ledger::new(RUN, 1, 1);
    whole.offered(0, 10);
    let (mut one, mut other) = (Observations::default(), Observations::default());
    for seq in 0..10 {
        whole.outcome(&stamp(0, seq), Outcome::Acked);
        let offset = seq.cast_signed();
        if seq < 6 {
            one.tick(0, offset, Some(&stamp(0, seq)));
        }
        if seq >= 4 {
            other.tick(0, offset, Some(&stamp(0, seq)));
        }
    }
    let close = |apps: &[&Observations]| {
        let ledger = Ledger::restore(&whole.outcomes(), &[apps.to_vec()]);
        ledger.close().apps[0].clone()
    };
    let both = close(&[&one, &other]);
    assert_eq!((both.missing, both.redeliveries, both.duplicates), (0, 2, 0));
    assert_eq!(close(&[&other]).missing, 4);
    assert_eq!(close(&[]).missing, 10);
    // The same events at other offsets: written twice.
    let mut copy = Observations::default();
    for offset in 10..12 {
        copy.tick(0, offset, Some(&stamp(0, 0)));
    }
    let doubled = close(&[&one, &other, &copy]);
    assert_eq!((doubled.redeliveries, doubled.duplicates), (2, 2));
}

#[test]
fn a_stamp_that_was_never_sent_is_impossible() {
    let whole = Ledger::new(RUN, 1, 1);
    whole.offered(0, 1);
    whole.outcome(&stamp(0, 0), Outcome::Acked);
    let mut notes = Observations::default();
    for (offset, event) in (0..).zip([stamp(0, 0), stamp(0, 1), stamp(3, 0)]) {
        notes.tick(0, offset, Some(&event));
    }
    let report = Ledger::restore(&whole.outcomes(), &[vec![&notes]]).close();
    assert_eq!((report.apps[0].seen, report.apps[0].impossible), (1, 2));
    assert_eq!(report.apps[0].duplicates, 0);
}

#[test]
fn strangers_are_counted_once_for_each_place_and_every_further_reading_is_a_redelivery() {
    let (mut one, mut other) = (Observations::default(), Observations::default());
    let of = |run| Some(Stamp { run, ..stamp(0, 0) });
    for notes in [&mut one, &mut other] {
        for (offset, stamp) in (0..).zip([None, None, of(RUN + 1), of(RUN + 2)]) {
            notes.tick(0, offset, stamp.as_ref());
        }
    }
    one.tick(0, 4, of(RUN + 2).as_ref());
    one.tick(0, 4, of(RUN + 2).as_ref());
    let outcomes = Ledger::new(RUN, 1, 1).outcomes();
    let app = &Ledger::restore(&outcomes, &[vec![&one, &other]]).close().apps[0];
    assert_eq!((app.foreign, app.redeliveries), (5, 5));
}

#[test]
fn what_can_not_be_read_counts_once_and_only_in_its_own_run() {
    let (mut one, mut other) = (Observations::default(), Observations::default());
    for notes in [&mut one, &mut other] {
        notes.corrupt(RUN, 0, 5);
    }
    other.corrupt(RUN, 1, 5);
    other.corrupt(RUN + 1, 0, 6);
    let outcomes = Ledger::new(RUN, 1, 1).outcomes();
    let report = Ledger::restore(&outcomes, &[vec![&one, &other]]).close();
    assert_eq!(report.apps[0].corrupt, 2);
}

/// One record of a partition's log.
#[derive(Debug, Clone, Copy)]
enum Written {
    /// The run's next event of a shard, or one that is so many slots ahead of its turn.
    Event(u16, u8),
    /// An event of this partition once more: so many records back.
    Again(u8),
    /// Somebody else's.
    Stranger,
    /// Another run's.
    OtherRun,
    Probe,
}

fn written() -> impl Strategy<Value = Written> {
    prop_oneof![
        12 => (0..2_u16, Just(0)).prop_map(|(shard, ahead)| Written::Event(shard, ahead)),
        2 => (0..2_u16, 1..6_u8).prop_map(|(shard, ahead)| Written::Event(shard, ahead)),
        1 => (1..12_u8).prop_map(Written::Again),
        1 => Just(Written::Stranger),
        1 => Just(Written::OtherRun),
        1 => Just(Written::Probe),
    ]
}

/// The stamps of each partition's records, and how many slots each shard has.
fn logs(partitions: &[Vec<Written>]) -> (Vec<Vec<Option<Stamp>>>, [u64; 2]) {
    let mut left: [Vec<u64>; 2] = [(0..220).rev().collect(), (0..220).rev().collect()];
    let mut other = 0;
    let mut log = |written: &Vec<Written>| {
        let mut log: Vec<Option<Stamp>> = Vec::new();
        for record in written {
            let next = match record {
                Written::Event(shard, ahead) => {
                    let left = &mut left[usize::from(*shard)];
                    let place = left.len() - 1 - usize::from(*ahead);
                    Some(stamp(*shard, left.remove(place)))
                }
                Written::Again(back) => {
                    let place = log.len().checked_sub(usize::from(*back));
                    let Some(Some(copy)) = place.map(|place| log[place]) else { continue };
                    Some(copy)
                }
                Written::Stranger => None,
                Written::OtherRun => {
                    other += 1;
                    Some(Stamp { run: RUN + 1, ..stamp(0, other) })
                }
                Written::Probe => Some(stamp(PROBE_SHARD, 0)),
            };
            log.push(next);
        }
        log
    };
    (partitions.iter().map(&mut log).collect(), [220, 220])
}

/// What an application comes to: by three processes' notes, and by one that reads all places
/// that any of them has read, in order.
fn both_ways(
    partitions: &[Vec<Written>],
    readers: &[Vec<(usize, usize, usize)>],
) -> (AppLedger, AppLedger) {
    let (logs, offered) = logs(partitions);
    let whole = Ledger::new(RUN, 2, 1);
    (0..2).for_each(|shard| whole.offered(shard, offered[usize::from(shard)]));
    for event in logs.iter().flatten().flatten() {
        // A second copy has no receipt of its own.
        if event.run == RUN && event.shard < 2 {
            whole.shards[usize::from(event.shard)].acked.set(event.seq);
        }
    }
    let mut read = vec![BTreeSet::new(); logs.len()];
    let (mut all, mut notes) = (0_u64, Vec::new());
    for stretches in readers {
        let mut own = Observations::default();
        for (partition, from, length) in stretches {
            let partition = partition % logs.len();
            let end = (from + length).min(logs[partition].len());
            for (offset, stamp) in logs[partition].iter().enumerate().take(end).skip(*from) {
                own.tick(partition as i32, offset as i64, stamp.as_ref());
                let is_new = read[partition].insert(offset);
                let is_probe = stamp.is_some_and(|stamp| stamp.shard == PROBE_SHARD);
                all += u64::from(!is_new && !is_probe);
            }
        }
        let text = serde_json::to_string(&own).unwrap();
        notes.push(serde_json::from_str::<Observations>(&text).unwrap());
    }
    let outcomes = whole.outcomes();
    let by_notes = Ledger::restore(&outcomes, &[notes.iter().collect()]);
    let mut lanes: Vec<PartitionTracker> =
        logs.iter().map(|_| PartitionTracker::default()).collect();
    for (partition, offsets) in read.iter().enumerate() {
        for offset in offsets {
            let stamp = logs[partition][*offset];
            lanes[partition].tick(&whole, 0, *offset as i64, stamp.as_ref());
        }
    }
    let mut by_one = whole.close().apps[0].clone();
    // One reader has each place once; what three have more are redeliveries.
    by_one.redeliveries += all;
    (by_notes.close().apps[0].clone(), by_one)
}

/// Where somebody reads, from where, and how far; backwards within one partition it is a
/// redelivery of what the reader itself has read, which its own lane would have refused.
fn reader() -> impl Strategy<Value = Vec<(usize, usize, usize)>> {
    let stretch = (0..2_usize, 0..100_usize, 1..80_usize);
    prop::collection::vec(stretch, 1..4).prop_map(|mut stretches| {
        stretches.sort_unstable_by_key(|(partition, from, _)| (*partition, *from));
        stretches
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whoever read what, and however often: three processes' notes give what one process
    /// would have found in the same records.
    #[test]
    fn three_readers_notes_give_what_one_reader_finds(
        partitions in prop::collection::vec(prop::collection::vec(written(), 1..100), 2),
        readers in prop::collection::vec(reader(), 3),
    ) {
        let (by_notes, by_one) = both_ways(&partitions, &readers);
        prop_assert_eq!(by_notes, by_one);
    }
}

#[test]
fn five_duplicates_are_not_taken_for_five_strangers_in_a_common_stretch() {
    use Written::{Again, Event, Stranger};
    let log = [[Event(0, 0); 5].as_slice(), &[Stranger; 5], &[Again(10); 5]].concat();
    // The strangers are read by both of the first two, and by the third what was doubled.
    let readers = [vec![(0, 0, 10)], vec![(0, 5, 5)], vec![(0, 10, 5)]];
    let (by_notes, by_one) = both_ways(&[log], &readers);
    assert_eq!(by_notes, by_one);
    let found = (by_notes.duplicates, by_notes.redeliveries, by_notes.foreign);
    assert_eq!(found, (5, 5, 5));
}

#[test]
fn an_event_behind_what_another_process_has_read_is_out_of_order() {
    use Written::Event;
    // Two ahead of their turn, and behind them the two that they have overtaken.
    let log = [Event(0, 0), Event(0, 2), Event(0, 2), Event(0, 0), Event(0, 0), Event(0, 0)];
    for border in 1..6 {
        let readers = [vec![(0, 0, border)], vec![(0, border, 6)]];
        let (by_notes, by_one) = both_ways(&[log.to_vec()], &readers);
        assert_eq!((by_notes.reordered, by_one.reordered), (2, 2), "{border}");
    }
}

/// More than a stretch's beginning holds: not all are counted, and never none.
#[test]
fn many_events_behind_another_process_are_seen_and_not_all_counted() {
    let mut log = vec![Written::Event(0, 150)];
    log.extend([Written::Event(0, 0); 120]);
    let (by_notes, by_one) = both_ways(&[log], &[vec![(0, 0, 1)], vec![(0, 1, 200)]]);
    assert_eq!((by_notes.reordered, by_one.reordered), (64, 120));
}
