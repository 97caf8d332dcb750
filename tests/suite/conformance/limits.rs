//! The embedded broker's bound on memory: a full broker says no, and loses nothing.

use std::thread;
use std::time::Duration;

use rdkafka::topic_partition_list::Offset;
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::client::{Rec, read, reader};
use crate::group::{Member, Seen};
use crate::probe::Probe;
use crate::sender::Sender;
use crate::world::{Kind, World};
use kbench::broker::config::BrokerConfig;

pub fn probes() -> Vec<Probe> {
    vec![
        Probe::new("limits::a_full_broker_waits_for_readers", waits_for_readers)
            .only(&[Kind::Embedded]),
        Probe::new("limits::a_full_broker_refuses", refuses).only(&[Kind::Embedded]),
    ]
}

const LIMIT_BYTES: u64 = 2_000_000;

fn small_world() -> World {
    let config = BrokerConfig { memory_limit_bytes: LIMIT_BYTES, ..BrokerConfig::default() };
    World::embedded(&config).expect("an embedded broker")
}

/// Records of a kilobyte, three times as many as there is room for.
fn too_much() -> Vec<Rec> {
    (0..6_000).map(|n: i32| Rec::at(n % 2, format!("{n:01000}"))).collect()
}

fn waits_for_readers(_: &World) {
    let world = small_world();
    let topic = world.topic("full", 2);
    let mut sender = Sender::new(&world, &[("enable.idempotence", "true")]);
    let recs = too_much();
    for rec in &recs {
        sender.send(&topic, rec);
    }
    thread::sleep(Duration::from_millis(1_500));
    let stats = world.broker().stats();
    assert!(sender.in_flight() > 3_000, "only {} are waiting", sender.in_flight());
    assert!(stats.refused_batches > 0 && stats.held_bytes <= LIMIT_BYTES, "{stats:?}");
    assert_eq!(stats.dropped_bytes, 0, "nobody has read anything yet");
    // A group reads and commits; what it has read makes room for the rest.
    let seen = Seen::default();
    let group = world.name("full");
    let _member = Member::join(&world, &topic, &group, &seen, &[]);
    let receipts = sender.settle_within(Duration::from_secs(40));
    assert!(receipts.iter().all(|receipt| receipt.outcome.is_ok()), "all are acknowledged");
    seen.assert_each_once(recs.len());
    let stats = world.broker().stats();
    assert!(stats.dropped_bytes > 0 && stats.held_bytes <= LIMIT_BYTES, "{stats:?}");
}

fn refuses(_: &World) {
    let world = small_world();
    let topic = world.topic("full", 2);
    // A busy host's batches are full: with all of a partition in one, the first fills the broker.
    let small_batches = ("batch.num.messages", "100");
    let mut sender = Sender::new(&world, &[("message.timeout.ms", "5000"), small_batches]);
    for rec in too_much() {
        sender.send(&topic, &rec);
    }
    let receipts = sender.settle();
    let (acked, failed): (Vec<_>, Vec<_>) =
        receipts.iter().partition(|receipt| receipt.outcome.is_ok());
    assert!(acked.len() > 1_000 && failed.len() > 1_000, "{} were acknowledged", acked.len());
    let timed_out = |code: &Code| *code == Code::MessageTimedOut;
    assert!(failed.iter().all(|receipt| receipt.outcome.as_ref().is_err_and(timed_out)));
    // What was acknowledged is there, all of it.
    let from = [(0, Offset::Beginning), (1, Offset::Beginning)];
    let back = read(&reader(&world, &topic, &from, &[]), acked.len());
    for (partition, offset) in acked.iter().filter_map(|receipt| receipt.outcome.ok()) {
        let is_it = |rec: &&Rec| rec.partition == Some(partition) && rec.offset == offset;
        assert!(back.iter().any(|rec| is_it(&rec)), "{partition}/{offset} is missing");
    }
}
