//! Events whose times are wrong, among those of a shop that is robbed: no application is blind
//! because of them. The wrong times are forged in the record, too, where nothing else is said.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use super::tests::{app, arrival};
use super::{AppReader, ReadCounts};
use crate::apps::Summary;
use crate::client::tests::planned;
use crate::event::format::JSON;
use crate::event::{Arrival, Stamp};
use crate::load::generate::Generator;
use crate::load::schedule::Schedule;
use crate::plan::toml::source::ScenarioSource;

const PARTITIONS: u64 = 6;
/// 2026-01-01T00:00:00Z.
const START_US: i64 = 1_767_225_600_000_000;
const MINUTE_US: i64 = 60_000_000;
/// When it is read: long after.
const NOW_US: i64 = START_US + 86_400_000_000;

#[derive(Debug, Clone)]
struct PoisonedRecord {
    partition: u64,
    due_us: i64,
    pub(super) payload: Vec<u8>,
}

/// How many times as long as the scenario's the events here take: of fewer sessions at a time each
/// gets as far as its fraud.
const SLOWER: u64 = 20;

/// The first 8,000 events of a shipped scenario, in the order of their times.
fn robbery() -> Vec<PoisonedRecord> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/fraud-burst.toml");
    let source = ScenarioSource::read(path).unwrap();
    let plan = planned(&source);
    let schedule = Schedule::new(&plan.load, plan.seed);
    let mut records = Vec::new();
    for (shard, mut generator) in (0..).zip(Generator::for_shards(&plan)) {
        for (seq, slot) in (0_u64..8_000).zip(schedule.shard(shard)) {
            let due_ns = SLOWER * slot.due_ns;
            let draft = generator.next(due_ns);
            let partition = FixedState::default().hash_one(draft.key) % PARTITIONS;
            let due_us = START_US + (due_ns / 1_000).cast_signed();
            let mut payload = Vec::new();
            let stamp = Stamp { run: 1, shard, seq, due_wall_us: due_us };
            JSON.encode(&stamp, &draft.parts, &mut payload);
            records.push(PoisonedRecord { partition, due_us, payload });
        }
    }
    records.sort_by_key(|record| record.due_us);
    records.truncate(8_000);
    records
}

/// An event of somebody else's, at a time of its own.
fn foreign(partition: u64, due_us: i64, user: usize) -> PoisonedRecord {
    let at = chrono::DateTime::from_timestamp_micros(due_us).unwrap();
    let at = at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let payload = format!(
        r#"{{"event_id":"6f1c","user_id":"foreign-{user}","session_id":"s","event_type":"click",
        "timestamp":"{at}","page_url":"/"}}"#
    );
    PoisonedRecord { partition, due_us, payload: payload.into_bytes() }
}

fn read(name: &str, records: &[PoisonedRecord]) -> (Summary, ReadCounts) {
    let (kind, plan) = app(name);
    let mut reader = AppReader::new(kind, plan, JSON);
    for (offset, record) in (0..).zip(records) {
        let arrival = Arrival {
            partition: i32::try_from(record.partition).unwrap(),
            offset,
            key: None,
            header: None,
            payload: Some(&record.payload),
            at_us: Some(record.due_us),
        };
        reader.observe(&arrival, NOW_US);
    }
    // Asking before the end says the same as the end.
    let before = (reader.summary(), reader.read());
    reader.end();
    assert_eq!((reader.summary(), reader.read()), before);
    before
}

const NAMES: [&str; 4] = ["analytics", "fraud", "dashboard", "behavior"];

/// Holds what each application says of both, to the byte, and that so many were left out.
fn same_answers(with: &[PoisonedRecord], without: &[PoisonedRecord], left_out: u64) {
    for name in NAMES {
        let ((said, read_with), (expected, read_without)) = (read(name, with), read(name, without));
        assert_eq!(read_with.ahead, left_out, "{name}");
        assert_eq!(read_with.events, without.len() as u64, "{name}");
        assert_eq!(read_without.ahead, 0, "{name}");
        let [said, expected] = [said, expected].map(|one| serde_json::to_string(&one).unwrap());
        assert!(said == expected, "{name} says\n{said}\ninstead of\n{expected}");
    }
}

#[test]
fn one_event_fifty_five_minutes_ahead_in_each_partition_changes_no_answer() {
    let clean = robbery();
    let alerts = read("fraud", &clean).0.flags.len();
    assert!(alerts >= 10, "{alerts}");
    let wrong = |partition| foreign(partition, START_US + 55 * MINUTE_US, 1);
    // Before all others, in their midst, and behind the last of them.
    for place in [0, 4_000, clean.len()] {
        let mut poisoned = clean.clone();
        poisoned.splice(place..place, (0..PARTITIONS).map(wrong));
        same_answers(&poisoned, &clean, PARTITIONS);
    }
}

#[test]
fn one_percent_of_wrong_times_in_both_directions_is_left_out_or_late() {
    let (mut poisoned, mut behind, mut ahead) = (Vec::new(), Vec::new(), 0);
    let clean = robbery();
    for (place, record) in clean.iter().enumerate() {
        if place % 100 == 99 {
            let by_us = (2 + (place as i64 * 7) % 54) * MINUTE_US;
            let is_ahead = place % 200 == 99;
            let due_us = record.due_us + if is_ahead { by_us } else { -by_us };
            let wrong = foreign(record.partition, due_us, place);
            ahead += u64::from(is_ahead);
            poisoned.push(wrong.clone());
            behind.extend((!is_ahead).then_some(wrong));
        }
        poisoned.push(record.clone());
        behind.push(record.clone());
    }
    assert_eq!((ahead, poisoned.len()), (40, 8_080));
    same_answers(&poisoned, &behind, ahead);
    for name in NAMES {
        let ((said, _), (expected, _)) = (read(name, &poisoned), read(name, &clean));
        assert_eq!((said.late(), expected.late()), (40, 0), "{name}");
        // What is late is in no window and no alert.
        assert_eq!((said.flags, said.frames), (expected.flags, expected.frames), "{name}");
    }
}

#[test]
fn answers_depend_neither_on_the_clock_nor_on_the_order_of_partitions() {
    let mut records = robbery();
    for partition in 0..PARTITIONS {
        let place = 100 + 900 * partition as usize;
        records.insert(place, foreign(partition, START_US + 55 * MINUTE_US, 1));
    }
    let mut by_partition = records.clone();
    by_partition.sort_by_key(|record| record.partition);
    let mut backwards = by_partition.clone();
    backwards.sort_by_key(|record| PARTITIONS - record.partition);
    for name in NAMES {
        let expected = read(name, &records);
        assert_eq!(read(name, &by_partition), expected);
        assert_eq!(read(name, &backwards), expected);
    }
}

#[test]
fn no_event_is_later_than_its_record_by_more_than_the_lateness() {
    let (kind, plan) = app("analytics");
    let mut reader = AppReader::new(kind, plan, JSON);
    let mut observe = |offset, ahead_us| {
        let record = foreign(0, START_US + ahead_us, 1);
        let payload = Some(&record.payload[..]);
        let at_us = Some(START_US);
        reader.observe(&Arrival { at_us, ..arrival(0, offset, None, payload) }, NOW_US)
    };
    assert!(observe(0, MINUTE_US) && !observe(1, MINUTE_US + 1) && observe(2, -MINUTE_US));
    assert_eq!(reader.read(), ReadCounts { events: 2, ahead: 1, ..ReadCounts::default() });
}
