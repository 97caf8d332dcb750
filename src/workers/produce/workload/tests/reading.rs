//! The reading side of a recording, and the sending side that takes from it, each by itself.

use std::sync::mpsc::Sender;

use super::*;
use crate::event::format::JSON;

/// A recording's script, and what feeds it by hand.
fn recorded() -> (RecordedWorkload, Sender<RecordedEvent>) {
    let (sender, cues) = channel();
    let ahead = Arc::default();
    let codec = JSON;
    (RecordedWorkload { codec, cues, ahead, seq: 0, idle_us: 1_000, shards: 1 }, sender)
}

/// An event that is due so long after the start, and was read at `read_ns`.
fn cue(due_ns: u64, read_ns: u64) -> RecordedEvent {
    let mut merge = ready(Shelf { partitions: vec![vec![of("u", 0)]], ..Shelf::default() }, 0);
    let head = merge.take().unwrap();
    RecordedEvent { due_ns, read_ns, facts: head.facts, bytes: head.bytes, key_len: head.key_len }
}

/// Fills a batch with up to `max` events, whose clock is 1 µs ahead of the schedule.
fn fill(recorded: &mut RecordedWorkload, batch: &mut Batch, max: usize) -> bool {
    recorded.fill(batch, max, |slot| {
        let stamp = Stamp { run: 1, shard: 0, seq: slot.seq, due_wall_us: 0 };
        (stamp, slot.due_ns + 1_000)
    })
}

#[test]
fn an_event_is_late_that_was_read_after_it_had_been_due() {
    let (mut recorded, sender) = recorded();
    for read_ns in [5_000, 6_000, 6_001, 6_400, 6_200] {
        sender.send(cue(5_000, read_ns)).unwrap();
    }
    let mut batch = Batch::new(JSON);
    assert!(!fill(&mut recorded, &mut batch, 5), "there may be more");
    assert_eq!(batch.len(), 5);
    assert_eq!(recorded.ahead.late(), (3, 400));
    drop(sender);
    assert!(fill(&mut recorded, &mut batch, 6));
}

#[test]
fn a_batch_of_a_recording_is_no_larger_than_it_shall_be() {
    let (mut recorded, sender) = recorded();
    (0..5).for_each(|_| sender.send(cue(5_000, 0)).unwrap());
    let mut batch = Batch::new(JSON);
    assert!(!fill(&mut recorded, &mut batch, 3));
    assert_eq!((batch.len(), recorded.ahead.late()), (3, (0, 0)));
}

/// The shortest of some tries: a busy host makes each longer, and none shorter.
#[test]
fn only_an_empty_batch_waits_for_what_is_still_to_be_read() {
    let (mut recorded, sender) = recorded();
    let mut shortest = |events| {
        let tries = (0..10).map(|_| {
            (0..events).for_each(|_| sender.send(cue(5_000, 0)).unwrap());
            let (mut batch, began) = (Batch::new(JSON), Instant::now());
            assert!(!fill(&mut recorded, &mut batch, 64));
            assert_eq!(batch.len(), events);
            began.elapsed()
        });
        tries.min().unwrap()
    };
    assert!(shortest(0) >= recorded::WAIT);
    assert!(shortest(2) < recorded::WAIT);
}

#[test]
fn a_recordings_sessions_are_told_by_user_session_and_time() {
    let (recorded, _sender) = recorded();
    let script = Workload::Recorded(recorded);
    assert!(!script.waits());
    assert!(matches!(script.openings(), Openings::Recorded(_)));
}

/// The events are of equal length: three of them are as much as may be ahead, a fourth is read
/// since there is no more than that, and a fifth is not.
#[test]
fn the_reading_goes_on_while_no_more_is_ahead_than_may_be() {
    let records: Vec<_> = (0..1_000).map(|number| of("u", number)).collect();
    let merge = ready(Shelf { partitions: vec![records], ..Shelf::default() }, 1_000);
    let size = cue(0, 0).bytes.len() as u64;
    let (scripts, mut feed) = cue_up(merge, 1, 1.0, 1_000_000, Arc::new(ManualClock::new(0)));
    // Some 100,000 events of 670 bytes, where nobody says anything else.
    assert!((90_000..110_000).contains(&(feed.ahead_max_bytes / 670)));
    feed.ahead_max_bytes = 3 * size;
    let ahead = feed.ahead();
    let reading = thread::spawn(move || feed.run());
    let began = Instant::now();
    while ahead.bytes.load(Ordering::Relaxed) < 4 * size {
        assert_ends(began);
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(Duration::from_millis(20));
    drop(scripts);
    let (merge, fault) = joined(reading);
    assert_eq!((merge.counts().records, fault.is_none()), (4, true));
}

#[test]
fn only_a_silence_longer_than_the_patience_ends_the_reading() {
    let garbage = (None, "{}".to_owned(), None);
    let shelf = Shelf { partitions: vec![vec![garbage; 1_025]], ..Shelf::default() };
    let clock = Arc::new(ManualClock::new(0));
    let merge = Merge::new(Box::new(shelf), JSON, 0);
    let (_scripts, mut feed) = cue_up(merge, 1, 1.0, 1_000_000, clock.clone());
    feed.patience_ns = 2_000_000_000;
    let mut silence = None;
    let mut after = |feed: &Prefetcher, ns| {
        clock.advance_ns(ns);
        feed.check_silence(&mut silence).map_err(|error| error.to_string())
    };
    assert_eq!(after(&feed, 5_000_000_000), Ok(()));
    assert_eq!(after(&feed, 2_000_000_000), Ok(()), "that is as long as it may be");
    // What comes is not an event, and no silence either.
    assert!(!feed.merge.ready(Duration::ZERO).unwrap());
    assert_eq!(feed.merge.counts().records, 1_024);
    assert_eq!(after(&feed, 3_000_000_000), Ok(()));
    assert_eq!(after(&feed, 2_000_000_000), Ok(()));
    let fault = after(&feed, 1).unwrap_err();
    assert!(
        fault.ends_with("no record of the recording came for 2 s, after 1024 records"),
        "{fault}"
    );
}

#[test]
fn a_records_time_is_its_events_own_before_kafkas_and_a_probe_has_none() {
    let mut restamper = JSON.restamper();
    let mut time = |payload: Option<&[u8]>, at_us| {
        time_us(
            &RecordRef { offset: 0, key: None, header: None, payload, at_us },
            JSON,
            &mut *restamper,
        )
    };
    let (with, without) = (event("u", Some(7)), event("u", None));
    assert_eq!(time(Some(with.as_bytes()), Some(3)), Some(ORIGIN_US + 7));
    assert_eq!(time(Some(without.as_bytes()), Some(3)), Some(3));
    assert_eq!(time(Some(without.as_bytes()), None), None);
    assert_eq!(time(Some(b"{}"), Some(3)), None);
    assert_eq!(time(None, Some(3)), None);
    let mut probe = Vec::new();
    let stamp = Stamp { run: 5, shard: 0, seq: 0, due_wall_us: ORIGIN_US };
    JSON.probe(&stamp, &mut probe);
    assert_eq!(time(Some(&probe), Some(3)), None);
}
