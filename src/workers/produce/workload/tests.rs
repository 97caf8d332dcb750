use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::prefetch::{Prefetcher, cue_up};
use super::*;
use crate::base::clock::{Clock, ManualClock, SystemClock};
use crate::base::error::Result;
use crate::event::format::JSON;
use crate::measure::latency::Recorder;
use crate::measure::ledger::Ledger;
use crate::workers::produce::{self, Handover, ProducerTask, ReceiptBook, Sink};

mod made;
mod reading;

const ORIGIN_US: i64 = 1_700_000_000_000_000;

/// Key, payload and Kafka's time.
type Record = (Option<String>, String, Option<i64>);

/// A recording in memory, by partition.
#[derive(Default)]
struct Shelf {
    partitions: Vec<Vec<Record>>,
    read: Vec<usize>,
    /// The reading takes so long for each record.
    pause: Duration,
    /// Nothing more comes after so many records of a partition, and no end either.
    silent_after: Option<usize>,
}

impl RecordStream for Shelf {
    fn partitions(&self) -> usize {
        self.partitions.len()
    }

    fn next(
        &mut self,
        partition: usize,
        _: Duration,
        each: &mut dyn FnMut(&RecordRef<'_>),
    ) -> Result<NextRecord> {
        self.read.resize(self.partitions.len(), 0);
        if self.silent_after == Some(self.read[partition]) {
            return Ok(NextRecord::Nothing);
        }
        let Some((key, payload, at_us)) = self.partitions[partition].get(self.read[partition])
        else {
            return Ok(NextRecord::End);
        };
        let offset = self.read[partition] as i64;
        self.read[partition] += 1;
        thread::sleep(self.pause);
        let (key, payload) = (key.as_ref().map(String::as_bytes), Some(payload.as_bytes()));
        each(&RecordRef { offset, key, header: None, payload, at_us: *at_us });
        Ok(NextRecord::Record)
    }
}

/// A foreign event of a user, so long after the origin; `None` leaves its time out.
fn event(user: &str, at_us: Option<i64>) -> String {
    let at_us = at_us.and_then(|at_us| chrono::DateTime::from_timestamp_micros(ORIGIN_US + at_us));
    let timestamp = at_us.map_or_else(String::new, |at| {
        format!(",\"timestamp\":\"{}\"", at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true))
    });
    format!(
        "{{\"event_type\":\"click\",\"user_id\":\"{user}\",\"session_id\":\"s\",\
         \"page_url\":\"/\"{timestamp}}}"
    )
}

fn of(user: &str, at_us: i64) -> Record {
    (Some(user.to_owned()), event(user, Some(at_us)), None)
}

fn ready(shelf: Shelf, last_us: i64) -> Merge {
    let mut merge = Merge::new(Box::new(shelf), JSON, ORIGIN_US + last_us);
    assert!(merge.ready(Duration::ZERO).unwrap());
    merge
}

/// Key, due time in µs since the start, and payload of each event, in the order of sending.
type Sent = Vec<(String, u64, String)>;

/// Fails where something that ends in no time does not end.
fn assert_ends(began: Instant) {
    assert!(began.elapsed() < Duration::from_secs(5), "it has no end");
}

/// What a thread gives back.
fn joined<T>(thread: JoinHandle<T>) -> T {
    let began = Instant::now();
    while !thread.is_finished() {
        assert_ends(began);
        thread::sleep(Duration::from_millis(1));
    }
    thread.join().unwrap()
}

/// All events of a script, without waiting for their time.
fn play(script: &mut Workload) -> Sent {
    let mut batch = Batch::new(JSON);
    let (mut sent, began) = (Vec::new(), Instant::now());
    let place = |slot: Slot| {
        let due_wall_us = (slot.due_ns / 1_000).cast_signed();
        (Stamp { run: 1, shard: 0, seq: slot.seq, due_wall_us }, slot.due_ns)
    };
    loop {
        batch.clear();
        let over = script.fill(&mut batch, 64, 0, place);
        for index in 0..batch.len() {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            assert_eq!(JSON.stamp(None, Some(batch.payload(index))), Some(*batch.stamp(index)));
            assert_eq!(batch.stamp(index).seq, sent.len() as u64);
            let due_us = batch.due_ns(index) / 1_000;
            sent.push((text(batch.key(index)), due_us, text(batch.payload(index))));
        }
        if over {
            return sent;
        }
        assert_ends(began);
    }
}

fn played(merge: Merge, shards: u16, speed: f64) -> (Vec<Sent>, RecordingCounts) {
    let clock = Arc::new(ManualClock::new(0));
    let (mut scripts, feed) = cue_up(merge, shards, speed, 1_000_000, clock);
    let reading = thread::spawn(move || feed.run());
    let sent = scripts.iter_mut().map(play).collect();
    let (merge, fault) = joined(reading);
    assert!(fault.is_none());
    (sent, merge.counts().clone())
}

fn dues(sent: &[(String, u64, String)]) -> Vec<(&str, u64)> {
    sent.iter().map(|(key, due_us, _)| (key.as_str(), *due_us)).collect()
}

#[test]
fn partitions_merge_by_time_and_gaps_are_kept_or_divided() {
    let shelf = || Shelf {
        partitions: vec![
            vec![of("a", 100), of("a", 1_100), of("a", 1_101)],
            vec![of("b", 600), of("b", 2_100)],
            vec![],
        ],
        ..Shelf::default()
    };
    let (sent, counts) = played(ready(shelf(), 2_100), 1, 1.0);
    let expected = [("a", 0), ("b", 500), ("a", 1_000), ("a", 1_001), ("b", 2_000)];
    assert_eq!(dues(&sent[0]), expected);
    assert_eq!((counts.records, counts.events(), counts.other_keys), (5, 5, 0));
    let (sent, _) = played(ready(shelf(), 2_100), 1, 2.0);
    assert_eq!(dues(&sent[0]), [("a", 0), ("b", 250), ("a", 500), ("a", 501), ("b", 1_000)]);
}

#[test]
fn times_never_go_back_and_absurd_ones_are_not_believed() {
    let (of_kafka, of_none) = (Some(ORIGIN_US + 40), None);
    let partitions = vec![vec![
        of("a", 10),
        of("a", 30),
        of("a", 20),
        (None, event("u", None), of_kafka),
        of("a", 9_000_000),
        (None, event("u", None), of_none),
        of("a", 50),
    ]];
    let shelf = Shelf { partitions, ..Shelf::default() };
    let (sent, counts) = played(ready(shelf, 50), 1, 1.0);
    let expected = [("a", 0), ("a", 20), ("a", 20), ("u", 30), ("a", 30), ("u", 30), ("a", 40)];
    assert_eq!(dues(&sent[0]), expected);
    assert_eq!(counts.disbelieved, 1);
}

#[test]
fn what_is_no_event_is_counted_by_its_reason_and_probes_are_left_out() {
    let mut probe = Vec::new();
    let stamp = Stamp { run: 5, shard: 0, seq: 0, due_wall_us: ORIGIN_US - 1 };
    JSON.probe(&stamp, &mut probe);
    let odd = |payload: &str| (Some("k".to_owned()), payload.to_owned(), None);
    let partitions = vec![vec![
        (None, String::from_utf8(probe).unwrap(), None),
        odd("{"),
        (Some("other".to_owned()), event("u", Some(5)), None),
        odd("{}"),
        odd("nonsense"),
        of("u", 7),
    ]];
    let (sent, counts) = played(ready(Shelf { partitions, ..Shelf::default() }, 7), 1, 1.0);
    assert_eq!(dues(&sent[0]), [("other", 0), ("u", 2)]);
    let skipped: Vec<_> = counts.skipped.iter().map(|(why, &n)| (why.as_str(), n)).collect();
    assert_eq!(skipped, [("not JSON", 2), ("not an event: `user_id` is missing", 1)]);
    assert_eq!((counts.records, counts.probes, counts.events(), counts.other_keys), (6, 1, 2, 1));
}

#[test]
fn a_user_stays_with_one_shard_in_order() {
    let partitions = (0..4_usize)
        .map(|partition| {
            let record = |number: usize| {
                let user = format!("u{}", (number * 7 + partition) % 20 * 4 + partition);
                of(&user, (number * 10 + partition) as i64)
            };
            (0..500).map(record).collect()
        })
        .collect();
    let (sent, counts) = played(ready(Shelf { partitions, ..Shelf::default() }, 10_000), 3, 1.0);
    assert_eq!(sent.iter().map(Vec::len).sum::<usize>() as u64, counts.events());
    let mut owner = std::collections::BTreeMap::new();
    for (shard, sent) in sent.iter().enumerate() {
        assert!(sent.len() > 300, "shard {shard} got {}", sent.len());
        assert!(sent.is_sorted_by_key(|(_, due_us, _)| *due_us));
        for (key, _, _) in sent {
            assert_eq!(*owner.entry(key.clone()).or_insert(shard), shard, "{key}");
        }
    }
    assert_eq!(owner.len(), 80);
}

/// Keeps the sending times of what it gets.
struct Keeper(Arc<SystemClock>, Arc<Mutex<Vec<i64>>>);

impl Sink for Keeper {
    fn send(&mut self, batch: &Batch, range: Range<usize>) -> Result<Handover> {
        let mut delays_ns = self.1.lock().unwrap();
        for index in range.clone() {
            delays_ns.push(self.0.now_ns() as i64 - batch.due_ns(index) as i64);
        }
        Ok(Handover { taken: range.len(), refusal: None })
    }
}

/// Runs the loops on a recording; gives each shard's send delays, and what was late.
fn run(shelf: Shelf, last_us: i64, shards: u16, ahead_max_bytes: u64) -> (Vec<Vec<i64>>, u64) {
    let clock = Arc::new(SystemClock::start());
    let (scripts, mut feed) = cue_up(ready(shelf, last_us), shards, 1.0, 1_000_000, clock.clone());
    feed.ahead_max_bytes = ahead_max_bytes;
    let ahead = feed.ahead();
    let reading = thread::spawn(move || feed.run());
    let start_ns = (clock.now_ns() + 20_000_000).next_multiple_of(1_000);
    let ledger = Arc::new(Ledger::new(1, shards, 0));
    let (windows, _collected) = channel();
    let mut producing = Vec::new();
    for (shard, script) in (0..).zip(scripts) {
        let delays_ns = Arc::new(Mutex::new(Vec::new()));
        let shift = ProducerTask {
            shard,
            run: 1,
            start_ns,
            script,
            sink: Box::new(Keeper(clock.clone(), delays_ns.clone())),
            recorder: Recorder::new(0..u64::MAX, 1_000_000_000),
            clock: clock.clone(),
            ledger: ledger.clone(),
            receipts: Arc::new(ReceiptBook::new(1)),
            stop: Arc::default(),
            tick_ns: 0,
            interval_ns: 1_000_000_000,
            windows: windows.clone(),
        };
        producing.push((thread::spawn(move || produce::run(shift)), delays_ns));
    }
    let mut all = Vec::new();
    for (thread, delays_ns) in producing {
        let done = joined(thread).unwrap();
        let delays_ns = std::mem::take(&mut *delays_ns.lock().unwrap());
        assert_eq!(done.books.events, delays_ns.len() as u64);
        assert!(delays_ns.iter().all(|&delay_ns| delay_ns >= 0), "sent before it was due");
        all.push(delays_ns);
    }
    assert!(joined(reading).1.is_none());
    assert_eq!(ahead.bytes.load(Ordering::Relaxed), 0, "what was read was not all sent");
    (all, ahead.late().0)
}

/// One busy user, and one in another shard who comes once at the very end, far beyond what may
/// be read ahead: nobody waits for the other for ever.
#[test]
fn a_skewed_recording_flows_through_a_small_memory() {
    let shard = |user: &str| {
        use std::hash::BuildHasher;
        foldhash::fast::FixedState::default().hash_one(user.as_bytes()) % 2
    };
    let rare = (0..99).map(|n| format!("rare{n}")).find(|user| shard(user) != shard("busy"));
    let mut busy: Vec<_> = (0..4_000).map(|number| of("busy", number * 50)).collect();
    busy.push(of(&rare.unwrap(), 200_000));
    let shelf = Shelf { partitions: vec![busy], ..Shelf::default() };
    let (sent, _) = run(shelf, 200_000, 2, 2_000);
    let mut counts: Vec<usize> = sent.iter().map(Vec::len).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 4_000]);
}

#[test]
fn a_slow_reading_shows_as_send_delay_and_is_counted() {
    let records = (0..100).map(|number| of("u", number)).collect();
    let pause = Duration::from_millis(1);
    let shelf = Shelf { partitions: vec![records], pause, ..Shelf::default() };
    let (sent, late) = run(shelf, 100, 1, 1 << 20);
    assert_eq!(sent[0].len(), 100);
    // Due within 100 µs, 20 ms from the start, and read in 100 ms.
    assert!(late >= 50, "{late} of 100 were late");
    assert!(sent[0].iter().any(|&delay_ns| delay_ns > 50_000_000));
}

#[test]
fn the_reading_ends_when_nobody_sends() {
    let records = (0..1_000_000).map(|number| of("u", number)).collect();
    let merge = ready(Shelf { partitions: vec![records], ..Shelf::default() }, 1_000_000);
    let (scripts, mut feed) = cue_up(merge, 2, 1.0, 1_000_000, Arc::new(ManualClock::new(0)));
    feed.ahead_max_bytes = 10_000;
    let ahead = feed.ahead();
    let reading = thread::spawn(move || feed.run());
    let began = Instant::now();
    while ahead.bytes.load(Ordering::Relaxed) <= 10_000 {
        assert_ends(began);
        thread::yield_now();
    }
    assert!(!reading.is_finished(), "it waits for room");
    drop(scripts);
    let (merge, _) = joined(reading);
    assert!(merge.counts().records < 1_000, "{:?}", merge.counts());
}

#[test]
fn a_recording_that_falls_silent_is_given_up() {
    let partitions = vec![(0..10).map(|number| of("u", number)).collect()];
    let shelf = Shelf { partitions, silent_after: Some(5), ..Shelf::default() };
    let clock = Arc::new(SystemClock::start());
    let (mut scripts, mut feed) = cue_up(ready(shelf, 10), 1, 1.0, 1_000_000, clock);
    feed.patience_ns = 20_000_000;
    let reading = thread::spawn(move || feed.run());
    assert_eq!(play(&mut scripts[0]).len(), 5);
    let (_, fault) = joined(reading);
    assert!(fault.unwrap().to_string().ends_with("after 5 records"));
}
