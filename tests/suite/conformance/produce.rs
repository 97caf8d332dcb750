//! Producing: acknowledgements, contents, limits, partitions.

use std::time::{Duration, Instant};

use rdkafka::topic_partition_list::Offset;
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::admin::await_until;
use crate::client::{PATIENCE, Rec, next, read, read_all, reader};
use crate::probe::Probe;
use crate::sender::{Sender, produce};
use crate::world::World;

pub fn probes() -> Vec<Probe> {
    vec![
        Probe::new("produce::acks_0", acks_0),
        Probe::new("produce::acks_1", |world| acknowledged(world, "1")),
        Probe::new("produce::acks_all", |world| acknowledged(world, "all")),
        Probe::new("produce::idempotent", idempotent),
        Probe::new("produce::contents_come_back", contents_come_back),
        Probe::new("produce::too_large_is_refused", too_large_is_refused),
        Probe::new("produce::partitions_as_java", partitions_as_java),
        Probe::new("produce::throughput_keeps_all", throughput_keeps_all),
    ]
}

fn numbered(count: usize) -> Vec<Rec> {
    (0..count).map(|number| Rec::at(0, number.to_string())).collect()
}

fn assert_in_order(recs: &[Rec]) {
    for (number, rec) in recs.iter().enumerate() {
        assert_eq!((rec.text(), rec.offset), (number.to_string().as_str(), number as i64));
    }
}

fn acknowledged(world: &World, acks: &str) {
    let topic = world.topic("acks", 1);
    let places = produce(world, &topic, &[("acks", acks)], &numbered(100));
    let expected: Vec<(i32, i64)> = (0..100).map(|offset| (0, offset)).collect();
    assert_eq!(places, expected);
    assert_in_order(&read_all(world, &topic, 100));
}

fn acks_0(world: &World) {
    // Nobody answers, so there is no offset; the records arrive all the same.
    let topic = world.topic("acks0", 1);
    produce(world, &topic, &[("acks", "0")], &numbered(100));
    let reader = reader(world, &topic, &[(0, Offset::Beginning)], &[]);
    assert_in_order(&read(&reader, 100));
}

fn idempotent(world: &World) {
    let topic = world.topic("idempotent", 1);
    let properties =
        [("enable.idempotence", "true"), ("batch.num.messages", "50"), ("linger.ms", "0")];
    let places = produce(world, &topic, &properties, &numbered(10_000));
    assert!(places.iter().enumerate().all(|(number, place)| *place == (0, number as i64)));
    assert_in_order(&read_all(world, &topic, 10_000));
}

fn contents_come_back(world: &World) {
    let topic = world.topic("contents", 1);
    let now = chrono::Utc::now().timestamp_millis();
    let header = |name: &str, value: Option<&[u8]>| (name.to_owned(), value.map(<[u8]>::to_vec));
    let full = Rec {
        partition: Some(0),
        offset: 0,
        key: Some(b"key".to_vec()),
        value: Some((0..=255).collect()),
        headers: vec![
            header("a", Some(b"1")),
            header("a", Some(b"again")),
            header("empty", Some(b"")),
            header("null", None),
        ],
        timestamp_ms: Some(now - 5_000),
    };
    let mut recs = vec![
        full.clone(),
        // A tombstone, a null key, an empty key, an empty value, nothing at all.
        Rec { value: None, headers: vec![], ..full.clone() },
        Rec { key: None, ..full.clone() },
        Rec { key: Some(vec![]), ..full.clone() },
        Rec { value: Some(vec![]), ..full.clone() },
        Rec { key: None, value: None, headers: vec![], ..full.clone() },
        Rec { value: Some(vec![b'x'; 900_000]), ..full },
    ];
    for (number, rec) in recs.iter_mut().enumerate() {
        rec.offset = number as i64;
    }
    produce(world, &topic, &[], &recs);
    let back = read_all(world, &topic, recs.len());
    for (sent, got) in recs.iter().zip(&back) {
        assert_eq!((&sent.key, &sent.headers), (&got.key, &got.headers), "at {}", sent.offset);
        assert!(sent == got, "record {} differs", sent.offset);
    }
}

fn too_large_is_refused(world: &World) {
    let topic = world.topic("large", 1);
    // The client would send it; the broker's limit is Kafka's default of 1 MiB and a little.
    let mut sender = Sender::new(world, &[("message.max.bytes", "4000000")]);
    let start = Instant::now();
    sender.send(&topic, &Rec::at(0, vec![b'x'; 2_000_000]));
    let receipts = sender.settle();
    assert_eq!(receipts[0].outcome, Err(Code::MessageSizeTooLarge));
    let took = start.elapsed();
    assert!(took < Duration::from_secs(5), "refused for good, not tried again for {took:?}");
    sender.send(&topic, &Rec::at(0, "0"));
    assert_eq!(sender.settle()[1].outcome, Ok((0, 0)), "the connection serves on");
    read_all(world, &topic, 1);
}

fn partitions_as_java(world: &World) {
    // Key, and what Java's murmur2 makes of it.
    let known: [(&str, i32); 6] = [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ];
    let topic = world.topic("murmur2", 6);
    let recs: Vec<Rec> = known.iter().map(|(key, _)| Rec::keyed(*key, *key)).collect();
    let places = produce(world, &topic, &[], &recs);
    for ((key, hash), (partition, _)) in known.iter().zip(places) {
        assert_eq!(partition, (hash & i32::MAX) % 6, "partition of {key}");
    }
}

fn throughput_keeps_all(world: &World) {
    let topic = world.topic("many", 6);
    let count = 200_000_usize;
    let value = vec![b'x'; 200];
    let mut sender = Sender::new(world, &[("linger.ms", "5")]);
    for number in 0..count {
        sender.send(&topic, &Rec::at((number % 6) as i32, value.as_slice()));
    }
    let receipts = sender.settle();
    assert!(receipts.iter().all(|receipt| receipt.outcome.is_ok()), "all are acknowledged");
    let from: Vec<(i32, Offset)> = (0..6).map(|partition| (partition, Offset::Beginning)).collect();
    let reader = reader(world, &topic, &from, &[]);
    let mut expected = [0_i64; 6];
    let mut seen = 0;
    await_until("all records are read", PATIENCE, || {
        while let Some(rec) = next(&reader, Duration::from_millis(100)) {
            let expected = &mut expected[rec.partition.expect("a partition") as usize];
            assert_eq!(rec.offset, *expected, "each offset once, in order");
            *expected += 1;
            seen += 1;
        }
        seen == count
    });
}
