//! Reading: offsets, times, the middle of a batch, and fetches that wait.

use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::admin::await_until;
use crate::client::{PATIENCE, Rec, next, read, read_nothing, reader};
use crate::probe::Probe;
use crate::raw::{Connection, Origin, batch};
use crate::sender::{Sender, produce};
use crate::world::World;

pub fn probes() -> Vec<Probe> {
    vec![
        Probe::new("read::watermarks", watermarks),
        Probe::new("read::offsets_by_time", offsets_by_time),
        Probe::new("read::offsets_by_time_in_a_batch", offsets_by_time_in_a_batch),
        Probe::new("read::seek_into_a_batch", seek_into_a_batch),
        Probe::new("read::a_waiting_fetch_wakes", waiting_fetch_wakes),
        Probe::new("read::fetch_waits_for_min_bytes", fetch_waits_for_min_bytes),
        Probe::new("read::out_of_range_earliest", |world| {
            out_of_range(world, "earliest");
        }),
        Probe::new("read::out_of_range_latest", |world| {
            out_of_range(world, "latest");
        }),
        Probe::new("read::out_of_range_error", out_of_range_error),
        Probe::new("read::small_fetches_give_everything", small_fetches),
    ]
}

fn numbered(count: usize) -> Vec<Rec> {
    (0..count).map(|number| Rec::at(0, number.to_string())).collect()
}

fn watermarks(world: &World) {
    let topic = world.topic("marks", 2);
    let reader = reader(world, &topic, &[], &[]);
    let marks = |partition| reader.fetch_watermarks(&topic, partition, PATIENCE).expect("marks");
    assert_eq!(marks(0), (0, 0));
    produce(world, &topic, &[], &numbered(100));
    assert_eq!((marks(0), marks(1)), ((0, 100), (0, 0)));
    let error = reader.fetch_watermarks(&topic, 7, Duration::from_secs(5)).expect_err("no such");
    assert!(
        matches!(error.rdkafka_error_code(), Some(Code::UnknownPartition)),
        "partition 7 of 2: {error}"
    );
}

fn offset_at(reader: &BaseConsumer, topic: &str, time: i64) -> Offset {
    let mut times = TopicPartitionList::new();
    times.add_partition_offset(topic, 0, Offset::Offset(time)).expect("a time");
    let offsets = reader.offsets_for_times(times, PATIENCE).expect("offsets");
    offsets.find_partition(topic, 0).expect("the partition").offset()
}

fn assert_offsets_by_time(world: &World, topic: &str, first: i64) {
    // Ten records, one a second.
    let reader = reader(world, topic, &[], &[]);
    let at = |time| offset_at(&reader, topic, time);
    assert_eq!(at(first - 60_000), Offset::Offset(0), "before the first");
    assert_eq!(at(first), Offset::Offset(0), "at the first");
    assert_eq!(at(first + 3_000), Offset::Offset(3), "at one in between");
    assert_eq!(at(first + 3_001), Offset::Offset(4), "between two");
    assert_eq!(at(first + 9_000), Offset::Offset(9), "at the last");
    assert_eq!(at(first + 9_001), Offset::End, "after the last");
}

fn timed(first: i64) -> Vec<Rec> {
    let mut recs = numbered(10);
    for (number, rec) in (0..).zip(&mut recs) {
        rec.timestamp_ms = Some(first + number * 1_000);
    }
    recs
}

fn offsets_by_time(world: &World) {
    let topic = world.topic("times", 1);
    let first = chrono::Utc::now().timestamp_millis() - 600_000;
    // A batch for each.
    for rec in timed(first) {
        produce(world, &topic, &[], &[rec]);
    }
    assert_offsets_by_time(world, &topic, first);
}

fn offsets_by_time_in_a_batch(world: &World) {
    let topic = world.topic("times", 1);
    let first = chrono::Utc::now().timestamp_millis() - 600_000;
    produce(world, &topic, &[("linger.ms", "100")], &timed(first));
    assert_offsets_by_time(world, &topic, first);
}

fn seek_into_a_batch(world: &World) {
    let topic = world.topic("seek", 1);
    let appended = Connection::open(world).append(&topic, batch(100, Origin::NONE));
    assert_eq!((appended.error, appended.offset), (0, 0));
    let reader = reader(world, &topic, &[(0, Offset::Offset(40))], &[]);
    let expect = |from: usize, to: usize| {
        for (rec, number) in read(&reader, to - from).iter().zip(from..) {
            assert_eq!((rec.offset, rec.text()), (number as i64, number.to_string().as_str()));
        }
    };
    expect(40, 100);
    reader.seek(&topic, 0, Offset::Offset(97), PATIENCE).expect("a seek");
    expect(97, 100);
    read_nothing(&reader, Duration::from_millis(300));
}

fn waiting_fetch_wakes(world: &World) {
    let topic = world.topic("wake", 1);
    let properties = [("fetch.wait.max.ms", "5000")];
    let reader = reader(world, &topic, &[(0, Offset::Beginning)], &properties);
    let mut sender = Sender::new(world, &[("linger.ms", "0")]);
    for number in 0..5 {
        // Long enough for the next fetch to be waiting at the broker.
        read_nothing(&reader, Duration::from_millis(400));
        let start = Instant::now();
        sender.send(&topic, &Rec::at(0, number.to_string()));
        assert_eq!(read(&reader, 1)[0].text(), number.to_string());
        let took = start.elapsed();
        assert!(took < Duration::from_millis(1_500), "record {number} took {took:?}");
    }
}

fn fetch_waits_for_min_bytes(world: &World) {
    let topic = world.topic("min", 1);
    let properties = [("fetch.wait.max.ms", "1500"), ("fetch.min.bytes", "100000")];
    let reader = reader(world, &topic, &[(0, Offset::Beginning)], &properties);
    // The first fetch is waiting now; a little data does not end it, time does.
    read_nothing(&reader, Duration::from_millis(500));
    let start = Instant::now();
    produce(world, &topic, &[], &[Rec::at(0, "little")]);
    read(&reader, 1);
    let took = start.elapsed();
    assert!(took > Duration::from_millis(500), "came at once: {took:?}");
    assert!(took < Duration::from_millis(4_000), "came late: {took:?}");
    // Enough data ends it early.
    thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    produce(world, &topic, &[], &[Rec::at(0, vec![b'x'; 200_000])]);
    read(&reader, 1);
    let took = start.elapsed();
    assert!(took < Duration::from_millis(1_000), "much data took {took:?}");
}

fn out_of_range(world: &World, reset: &str) {
    let topic = world.topic("range", 1);
    produce(world, &topic, &[], &numbered(10));
    let reader =
        reader(world, &topic, &[(0, Offset::Offset(1_000))], &[("auto.offset.reset", reset)]);
    if reset == "earliest" {
        assert_eq!(read(&reader, 10)[0].text(), "0");
        return;
    }
    // The end is found some time soon; only what comes after that is read.
    let mut found = None;
    await_until("a new record is read", PATIENCE, || {
        produce(world, &topic, &[], &[Rec::at(0, "new")]);
        found = next(&reader, Duration::from_millis(300));
        found.is_some()
    });
    assert_eq!(found.map(|rec| rec.text().to_owned()).as_deref(), Some("new"));
}

fn out_of_range_error(world: &World) {
    let topic = world.topic("range", 1);
    produce(world, &topic, &[], &numbered(10));
    let properties = [("auto.offset.reset", "error")];
    let reader = reader(world, &topic, &[(0, Offset::Offset(1_000))], &properties);
    let start = Instant::now();
    let error = loop {
        assert!(start.elapsed() < PATIENCE, "no error");
        if let Some(result) = reader.poll(Duration::from_millis(100)) {
            break result.map(|message| message_text(&Rec::from(&message))).expect_err("an error");
        }
    };
    assert_eq!(error.rdkafka_error_code(), Some(Code::AutoOffsetReset));
}

fn message_text(rec: &Rec) -> String {
    rec.text().to_owned()
}

fn small_fetches(world: &World) {
    // Batches larger than what a fetch may return: each comes whole, one after another.
    let topic = world.topic("small", 1);
    let recs: Vec<Rec> = (0..20).map(|_| Rec::at(0, vec![b'x'; 50_000])).collect();
    produce(world, &topic, &[], &recs);
    let properties = [
        ("fetch.message.max.bytes", "1000"),
        ("fetch.max.bytes", "1000"),
        ("message.max.bytes", "1000"),
    ];
    let reader = reader(world, &topic, &[(0, Offset::Beginning)], &properties);
    let back = read(&reader, 20);
    assert!(back.iter().zip(0..).all(|(rec, offset)| rec.offset == offset), "in order");
}
