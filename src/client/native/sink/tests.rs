//! Producing into the embedded broker, faults planted, and read back by librdkafka: what the
//! receipts say is what is in the log.

mod bench;
mod pretended;
mod sequences;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use bench::{
    Bench, Heard, MESSAGE_TOO_LARGE, NOT_ENOUGH_REPLICAS, NOT_LEADER, OUT_OF_ORDER, PATIENCE, Told,
    UNKNOWN_PRODUCER_ID, all, broker, codecs, properties,
};

use super::*;
use crate::base::clock::SystemClock;
use crate::base::random::Random;
use crate::broker::Broker;
use crate::broker::config::BrokerConfig;
use crate::client::librdkafka::{ClientLog, KafkaSink};
use crate::event::format::JSON;
use crate::event::{BatchReceipt, Outcome, Receipt, Stamp};
use crate::load::generate::Generator;
use crate::load::generate::tests::population;
use crate::workers::produce::Refusal;

#[test]
fn every_codec_arrives_in_order_at_the_offsets_that_the_receipts_name() {
    for codec in codecs() {
        let mut bench = Bench::new(3, &[("compression.type", codec)]).ready();
        (0..40).for_each(|_| bench.send(50));
        assert_eq!(bench.check(), all(Outcome::Acked, 2_000), "{codec}");
        assert!(bench.log().iter().all(|partition| partition.len() > 100), "{codec}");
        let batches = *bench.heard.batches.lock().unwrap();
        assert!(batches < 400, "{codec}: {batches} receipts for 2000 events");
        let wire = bench.sink.as_ref().unwrap().wire().unwrap();
        let sizes = bench.taken.values().map(|(key, value)| (key.len() + value.len()) as u64);
        assert_eq!((wire.records, wire.payload_bytes), (2_000, sizes.sum()));
        let is_smaller = wire.wire_bytes < wire.payload_bytes * 9 / 10;
        assert_eq!(is_smaller, codec != "none", "{codec}: {wire:?}");
    }
}

/// Another client's choice, of the same keys.
#[test]
fn keys_fall_on_the_partitions_that_librdkafka_would_choose() {
    let mut bench = Bench::new(7, &[]).ready();
    bench.send(300);
    let own = bench.settle();
    let (broker, bootstrap) = broker(7);
    let heard = Arc::new(Heard::default());
    let set = BTreeMap::from([("partitioner".to_owned(), "murmur2_random".to_owned())]);
    let clock = Arc::new(SystemClock::start());
    let log = ClientLog::default();
    let mut sink =
        KafkaSink::new(&bootstrap, &set, ("t", JSON), clock, heard.clone(), &log).unwrap();
    let mut other = Bench::at(broker, &bootstrap, &[]);
    let batch = other.batch(300);
    assert_eq!(sink.send(&batch, 0..300).unwrap().taken, 300);
    let until = Instant::now() + PATIENCE;
    while heard.told.lock().unwrap().len() < 300 && Instant::now() < until {
        thread::sleep(Duration::from_millis(5));
    }
    let partitions = |told: &BTreeMap<u64, Told>| -> Vec<i32> {
        told.values().map(|(_, partition, ..)| *partition).collect()
    };
    assert_eq!(partitions(&own), partitions(&heard.told.lock().unwrap()));
    let each: BTreeSet<i32> = partitions(&own).into_iter().collect();
    assert_eq!(each.len(), 7);
}

#[test]
fn what_is_refused_for_now_or_lost_is_sent_again_in_order_and_lies_there_once() {
    let mut bench = Bench::new(2, &[("batch.size", "4000")]).ready();
    bench.broker.faults().refuse_produce(3, NOT_LEADER);
    bench.send(100);
    bench.settle();
    for round in 0..20 {
        match round % 4 {
            0 => bench.broker.faults().lose_produce_answers(2),
            1 => bench.broker.faults().drop_connections(),
            2 => bench.broker.faults().refuse_produce(1, NOT_LEADER),
            _ => {}
        }
        bench.send(60);
        thread::sleep(Duration::from_millis(3));
    }
    let counts = bench.check();
    let reasons: BTreeSet<String> = bench.told().into_values().map(|it| it.3).collect();
    assert_eq!(counts, all(Outcome::Acked, 1_300), "{reasons:?}");
}

#[test]
fn what_a_broker_refuses_for_good_has_failed_and_the_rest_goes_on_in_a_new_epoch() {
    let mut bench = Bench::new(1, &[("batch.size", "2000"), ("linger.ms", "0")]).ready();
    bench.broker.faults().refuse_produce(1, MESSAGE_TOO_LARGE);
    (0..20).for_each(|_| bench.send(10));
    let counts = bench.check();
    let failed = counts[&Outcome::Failed];
    assert!(failed >= 1 && counts[&Outcome::Acked] + failed == 200, "{counts:?}");
    let told = bench.told();
    let reason = told.values().find(|(outcome, ..)| *outcome == Outcome::Failed);
    assert_eq!(reason.unwrap().3, "the broker answered MessageTooLarge (10)");
}

#[test]
fn a_broker_that_does_not_know_the_producer_gets_a_new_epoch() {
    for error in [OUT_OF_ORDER, UNKNOWN_PRODUCER_ID] {
        let mut bench = Bench::new(1, &[]).ready();
        bench.send(10);
        bench.settle();
        bench.broker.faults().refuse_produce(1, error);
        bench.send(10);
        bench.send(10);
        assert_eq!(bench.check(), all(Outcome::Acked, 30), "error {error}");
    }
}

#[test]
fn a_full_buffer_refuses_at_once_and_takes_again_when_there_is_room() {
    let bound = 40_000;
    let limits = [("buffer.memory", "40000"), ("batch.size", "8000"), ("linger.ms", "0")];
    let mut bench = Bench::new(2, &limits).ready();
    bench.broker.faults().freeze();
    let mut handover = bench.offer(1);
    let began = Instant::now();
    while handover.refusal.is_none() && began.elapsed() < PATIENCE {
        handover = bench.offer(5);
        let memory = bench.sink.as_ref().unwrap().shared.accumulator().memory_bytes();
        assert!(memory <= bound, "{memory} bytes");
    }
    assert_eq!(handover.refusal, Some(Refusal::QueueFull));
    assert!(bench.taken.len() > 20, "{} events fit", bench.taken.len());
    bench.broker.faults().release();
    bench.settle();
    bench.send(3);
    assert_eq!(bench.check(), all(Outcome::Acked, bench.taken.len()));
    let few = [("queue.buffering.max.messages", "10"), ("linger.ms", "10000")];
    let mut bench = Bench::new(2, &few).ready();
    let full = Handover { taken: 10, refusal: Some(Refusal::QueueFull) };
    assert_eq!(bench.offer(12), full);
    bench.settle();
}

/// One partition takes nothing for as long as the others need for all that they get.
#[test]
fn a_partition_that_takes_nothing_holds_up_no_other() {
    let mut bench = Bench::new(3, &[("batch.size", "1000"), ("linger.ms", "0")]).ready();
    bench.broker.faults().refuse_partition(1, NOT_ENOUGH_REPLICAS);
    (0..30).for_each(|_| bench.send(20));
    let until = Instant::now() + PATIENCE;
    let of = |told: &BTreeMap<u64, Told>, wanted: i32| {
        told.values().filter(|(_, partition, ..)| *partition == wanted).count()
    };
    let keys = |bench: &Bench, wanted: usize| {
        let keys = bench.taken.values().map(|(key, _)| partitioner::partition_of(key, 3));
        keys.filter(|partition| *partition == wanted).count()
    };
    let (first, last) = (keys(&bench, 0), keys(&bench, 2));
    assert!(first > 100 && last > 100 && keys(&bench, 1) > 100);
    while (of(&bench.told(), 0), of(&bench.told(), 2)) != (first, last) {
        assert!(Instant::now() < until, "they wait for the one that takes nothing");
        thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(of(&bench.told(), 1), 0);
    bench.broker.faults().refuse_partition(1, 0);
    assert_eq!(bench.check(), all(Outcome::Acked, 600));
}

#[test]
fn an_event_that_no_request_can_hold_is_rejected() {
    let mut bench = Bench::new(1, &[("message.max.bytes", "300")]).ready();
    let Handover { taken, refusal } = bench.offer(2);
    let Some(Refusal::Rejected(why)) = refusal else { panic!("{refusal:?}") };
    assert!(taken == 0 && why.contains("expected at most 300"), "{why}");
}

#[test]
fn what_never_left_has_failed_at_the_timeout_and_what_left_is_unknown() {
    let soon = [("message.timeout.ms", "300")];
    // A port that nobody listens on.
    let (broker, _) = broker(1);
    let mut bench = Bench::at(broker, "127.0.0.1:1", &soon);
    bench.send(5);
    let why = "no acknowledgement within 300 ms".to_owned();
    assert!(bench.settle().values().all(|it| *it == (Outcome::Failed, -1, -1, why.clone())));
    let mut bench = Bench::new(1, &soon).ready();
    bench.broker.faults().freeze();
    bench.send(5);
    assert!(bench.settle().values().all(|it| *it == (Outcome::Unknown, 0, -1, why.clone())));
    bench.broker.faults().release();
    // They are in the log, and what follows begins a new epoch behind them.
    bench.send(5);
    let counts = bench.check();
    assert_eq!(counts, BTreeMap::from([(Outcome::Acked, 5), (Outcome::Unknown, 5)]));
    assert_eq!(bench.log()[0].len(), 10);
}

#[test]
fn events_that_come_before_the_metadata_wait_for_their_partition() {
    let mut bench = Bench::new(3, &[]);
    bench.send(50);
    assert_eq!(bench.check(), all(Outcome::Acked, 50));
}

#[test]
fn without_confirmation_all_is_unknown_and_lies_there() {
    let mut bench = Bench::new(2, &[("acks", "0")]).ready();
    (0..10).for_each(|_| bench.send(20));
    let told = bench.settle();
    assert!(told.values().all(|it| (it.0, it.2, it.3.as_str()) == (Outcome::Unknown, -1, "")));
    let until = Instant::now() + PATIENCE;
    while bench.log().iter().map(Vec::len).sum::<usize>() < 200 {
        assert!(Instant::now() < until);
    }
    assert_eq!(bench.check(), all(Outcome::Unknown, 200));
}

#[test]
fn a_batch_waits_for_its_linger_and_a_full_one_does_not() {
    let mut bench = Bench::new(1, &[("linger.ms", "200"), ("batch.size", "1000000")]).ready();
    let began = Instant::now();
    (0..5).for_each(|_| bench.send(10));
    bench.settle();
    assert!(began.elapsed() >= Duration::from_millis(200));
    assert_eq!(*bench.heard.batches.lock().unwrap(), 1, "one batch, and one receipt");
    let mut bench = Bench::new(1, &[("linger.ms", "50000"), ("batch.size", "2000")]).ready();
    bench.send(9);
    let until = Instant::now() + PATIENCE / 2;
    while bench.told().is_empty() {
        assert!(Instant::now() < until, "full batches wait for the linger");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn what_is_under_way_when_the_sink_is_closed_has_its_receipt() {
    let mut bench = Bench::new(1, &[("linger.ms", "50000")]).ready();
    bench.send(5);
    drop(bench.sink.take());
    let closed = (Outcome::Failed, 0, -1, "the client was closed".to_owned());
    assert!(bench.settle().values().all(|it| *it == closed));
    let mut bench = Bench::new(1, &[("linger.ms", "0")]).ready();
    bench.broker.faults().freeze();
    bench.send(5);
    let sent = bench.sink.as_ref().unwrap().shared.clone();
    let until = Instant::now() + PATIENCE;
    while sent.wire().records < 5 && Instant::now() < until {
        thread::sleep(Duration::from_millis(2));
    }
    drop(bench.sink.take());
    assert!(bench.settle().values().all(|it| it.0 == Outcome::Unknown));
}

/// Faults at random, from a seed: whatever happens, the account agrees with the log.
#[test]
fn the_account_agrees_with_the_log_after_any_sequence_of_faults() {
    for seed in 0..12 {
        let mut random = Random::new(seed, 0, 0);
        let codec = codecs()[usize::try_from(seed).unwrap() % codecs().len()];
        let set =
            [("compression.type", codec), ("batch.size", "3000"), ("message.timeout.ms", "2000")];
        let mut bench = Bench::new(3, &set).ready();
        for _ in 0..60 {
            let faults = bench.broker.faults();
            match random.below(12) {
                0 => faults.lose_produce_answers(1),
                1 => faults.refuse_produce(1, NOT_LEADER),
                2 => faults.drop_connections(),
                3 => faults.refuse_produce(1, [2, 3, 7, 19, 20][random.below(5) as usize]),
                4 => faults.refuse_produce(1, OUT_OF_ORDER),
                5 => faults.refuse_produce(1, UNKNOWN_PRODUCER_ID),
                6 => faults.refuse_produce(1, MESSAGE_TOO_LARGE),
                7 => {
                    faults.freeze();
                    thread::sleep(Duration::from_millis(random.below(20)));
                    bench.broker.faults().release();
                }
                _ => {}
            }
            let count = 1 + random.below(40);
            bench.send(count);
            thread::sleep(Duration::from_micros(random.below(2_000)));
        }
        let counts = bench.check();
        let total: usize = counts.values().sum();
        assert!(counts[&Outcome::Acked] * 2 > total, "seed {seed}: {counts:?}");
    }
}

#[test]
fn a_property_that_it_does_not_support_is_refused_before_anything_is_opened() {
    let clock = Arc::new(SystemClock::start());
    let set = properties(&[("transactional.id", "it")]);
    let sink = NativeSink::new("127.0.0.1:1", &set, "t", clock, Arc::new(Heard::default()));
    assert!(sink.err().unwrap().to_string().contains("has no transactions"));
}
