//! The embedded broker under hostile bytes and planted faults: it must go on serving, lose
//! nothing, and not grow.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader, RequestKind, ResponseHeader, ResponseKind};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use rand::{Rng, RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;

use kbench::broker::Broker;
use kbench::broker::config::BrokerConfig;

#[path = "hostile_broker/requests.rs"]
mod requests;
#[path = "hostile_broker/slow.rs"]
mod slow;

const PATIENCE: Duration = Duration::from_secs(20);

fn start(change: impl FnOnce(&mut BrokerConfig)) -> Broker {
    let mut config = BrokerConfig { partitions_default: 3, ..BrokerConfig::default() };
    change(&mut config);
    Broker::start(&config).unwrap()
}

fn client(broker: &Broker) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", broker.address().to_string())
        .set("enable.metrics.push", "false")
        .set("retry.backoff.ms", "10")
        .set("reconnect.backoff.ms", "10")
        .set("reconnect.backoff.max.ms", "50");
    config
}

fn connect(broker: &Broker) -> TcpStream {
    let stream = TcpStream::connect(broker.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A request as it goes over the wire, with its length; none when the codec has no such version.
fn encode(request: &RequestKind, key: ApiKey, version: i16) -> Option<Vec<u8>> {
    let mut frame = BytesMut::new();
    frame.put_i32(0);
    RequestHeader::default()
        .with_request_api_key(key as i16)
        .with_request_api_version(version)
        .with_correlation_id(77)
        .with_client_id(Some(StrBytes::from_static_str("hostile")))
        .encode(&mut frame, key.request_header_version(version))
        .ok()?;
    request.encode(&mut frame, version).ok()?;
    let length = i32::try_from(frame.len() - 4).unwrap();
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Some(frame.to_vec())
}

/// Every version that the broker advertises and the codec can write.
fn all_requests() -> Vec<(ApiKey, i16, Vec<u8>)> {
    let mut all = Vec::new();
    for key in requests::KEYS {
        for version in key.valid_versions().min..=key.valid_versions().max {
            let request = requests::sample(*key, version);
            all.extend(encode(&request, *key, version).map(|frame| (*key, version, frame)));
        }
    }
    assert!(all.len() > 100, "the samples cover {} versions only", all.len());
    all
}

fn read_frame(stream: &mut TcpStream) -> Option<Bytes> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut frame = vec![0; usize::try_from(i32::from_be_bytes(length)).unwrap()];
    stream.read_exact(&mut frame).ok()?;
    Some(Bytes::from(frame))
}

/// Sends bytes on a connection of their own, and waits until the broker has closed it.
fn throw(broker: &Broker, bytes: &[u8]) {
    let mut stream = connect(broker);
    // The broker may have closed it already.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut rest = Vec::new();
    if let Err(error) = stream.read_to_end(&mut rest) {
        use std::io::ErrorKind::{ConnectionReset, NotConnected};
        assert!(matches!(error.kind(), ConnectionReset | NotConnected), "{error} on {bytes:?}");
    }
}

fn produce(producer: &BaseProducer, topic: &str, count: usize) {
    for n in 0..count {
        let payload = n.to_string();
        loop {
            producer.poll(Duration::ZERO);
            let record = BaseRecord::to(topic).key(&payload).payload(&payload);
            match producer.send(record) {
                Ok(()) => break,
                Err((error, _)) => {
                    assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull));
                    producer.poll(Duration::from_millis(5));
                }
            }
        }
    }
}

/// Reads until `count` messages or an empty second; gives the numbers read, sorted.
fn consume(consumer: &BaseConsumer, count: usize, commit: bool) -> Vec<usize> {
    let (mut numbers, mut last) = (Vec::new(), Instant::now());
    while numbers.len() < count && last.elapsed() < PATIENCE {
        let Some(message) = consumer.poll(Duration::from_millis(50)) else {
            continue;
        };
        let message = message.unwrap();
        numbers.push(message.payload_view::<str>().unwrap().unwrap().parse().unwrap());
        last = Instant::now();
        if commit && numbers.len() % 500 == 0 {
            consumer.commit_message(&message, CommitMode::Sync).unwrap();
        }
    }
    numbers.sort_unstable();
    numbers
}

fn subscribe(broker: &Broker, group: &str, topic: &str) -> BaseConsumer {
    let consumer: BaseConsumer = client(broker)
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("allow.auto.create.topics", "true")
        .create()
        .unwrap();
    consumer.subscribe(&[topic]).unwrap();
    consumer
}

/// The proof that the broker is well: a producer and a consumer group get their work done.
fn assert_serves(broker: &Broker) {
    let producer: BaseProducer = client(broker).set("enable.idempotence", "true").create().unwrap();
    produce(&producer, "well", 1_000);
    producer.flush(PATIENCE).unwrap();
    let consumer = subscribe(broker, "well", "well");
    assert_eq!(consume(&consumer, 1_000, false), (0..1_000).collect::<Vec<_>>());
}

fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0_usize) * 4_096
}

#[test]
fn every_advertised_version_is_answered_in_its_own_shape() {
    let broker = start(|_| ());
    for (key, version, frame) in all_requests() {
        let advertised = requests::advertised(key);
        let mut stream = connect(&broker);
        stream.write_all(&frame).unwrap();
        if !advertised.contains(&version) {
            assert!(read_frame(&mut stream).is_none_or(|_| key == ApiKey::ApiVersions));
            continue;
        }
        let mut answer = read_frame(&mut stream)
            .unwrap_or_else(|| panic!("{key:?} v{version} closed the connection"));
        let header_version = key.response_header_version(version);
        let header = ResponseHeader::decode(&mut answer, header_version).unwrap();
        assert_eq!(header.correlation_id, 77);
        let decoded = ResponseKind::decode(key, &mut answer, version);
        assert!(decoded.is_ok(), "{key:?} v{version}: {:?}", decoded.err());
        assert!(answer.is_empty(), "{key:?} v{version}: {} bytes are left", answer.len());
    }
    assert_serves(&broker);
}

#[test]
fn huge_lengths_at_every_place_of_every_request_close_the_connection_and_nothing_else() {
    let broker = start(|_| ());
    let before = resident_bytes();
    for (_, _, frame) in all_requests() {
        for at in (8..frame.len()).step_by(3) {
            for bomb in [&[0x7f, 0xff, 0xff, 0xff][..], &[0xff, 0xff, 0xff, 0xff, 0x0f], &[0xff]] {
                let mut bytes = frame.clone();
                let end = bytes.len().min(at + bomb.len());
                bytes[at..end].copy_from_slice(&bomb[..end - at]);
                throw(&broker, &bytes);
            }
        }
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 300 << 20, "grew by {grown} bytes");
    assert!(broker.stats().protocol_errors > 1_000, "{:?}", broker.stats());
    assert_serves(&broker);
}

#[test]
fn mutated_cut_and_random_requests_do_no_harm() {
    let broker = start(|_| ());
    let before = resident_bytes();
    let all = all_requests();
    let mut random = Pcg64Mcg::seed_from_u64(20_260_101);
    for _ in 0..6_000 {
        let mut bytes = all[random.random_range(0..all.len())].2.clone();
        for _ in 0..random.random_range(1..6) {
            let at = random.random_range(0..bytes.len());
            match random.random_range(0..4) {
                0 => bytes[at] = random.random(),
                1 => bytes[at] ^= 1 << random.random_range(0..8),
                2 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, random.random()),
            }
        }
        throw(&broker, &bytes);
    }
    for _ in 0..2_000 {
        let mut bytes = vec![0; random.random_range(1..200)];
        random.fill_bytes(&mut bytes);
        // Half of them with a true length and a known API, so that the rest is looked at.
        if random.random() && bytes.len() > 8 {
            let length = i32::try_from(bytes.len() - 4).unwrap();
            bytes[..4].copy_from_slice(&length.to_be_bytes());
            bytes[4..8].copy_from_slice(&[
                0,
                random.random_range(0..62),
                0,
                random.random_range(0..14),
            ]);
        }
        throw(&broker, &bytes);
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 300 << 20, "grew by {grown} bytes");
    assert_serves(&broker);
}

#[test]
fn sizes_that_are_claimed_but_never_sent_take_no_memory() {
    let broker = start(|_| ());
    for claimed in [-1, i32::MIN, i32::MAX, 101 << 20] {
        let mut stream = connect(&broker);
        stream.write_all(&claimed.to_be_bytes()).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "{claimed} is not refused");
    }
    let before = resident_bytes();
    let waiting: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = connect(&broker);
            stream.write_all(&(100_i32 << 20).to_be_bytes()).unwrap();
            stream.write_all(&[0; 100]).unwrap();
            stream
        })
        .collect();
    let producer: BaseProducer = client(&broker).create().unwrap();
    let large = "x".repeat(900_000);
    producer.send(BaseRecord::<str, str>::to("large").payload(&large)).unwrap();
    producer.flush(PATIENCE).unwrap();
    assert_eq!(broker.stats().records_in, 1, "a large request is kept waiting");
    assert_serves(&broker);
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 200 << 20, "grew by {grown} bytes");
    drop(waiting);
}

#[test]
fn connections_are_capped_and_come_free_again() {
    let broker = start(|config| config.connections_max = 20);
    let fetch = encode(&requests::sample(ApiKey::Fetch, 4), ApiKey::Fetch, 4).unwrap();
    // Clients that fetch are of use: they are not sent away for one more.
    let clients = (0..20).map(|_| {
        let mut stream = connect(&broker);
        stream.write_all(&fetch).unwrap();
        assert!(read_frame(&mut stream).is_some());
        stream
    });
    let clients: Vec<_> = clients.collect();
    assert_eq!(connect(&broker).read(&mut [0]).unwrap_or(0), 0);
    let stats = broker.stats();
    assert!(stats.connections_refused == 1 && stats.connections_evicted == 0, "{stats:?}");
    drop(clients);
    assert_serves(&broker);
}

#[test]
fn full_memory_refuses_producers_until_the_groups_have_read_and_nothing_is_lost() {
    let broker = start(|config| config.memory_limit_bytes = 200_000);
    let producer: BaseProducer = client(&broker)
        .set("enable.idempotence", "true")
        .set("batch.num.messages", "100")
        .create()
        .unwrap();
    produce(&producer, "full", 40_000);
    let started = Instant::now();
    while broker.stats().refused_batches == 0 && started.elapsed() < PATIENCE {
        producer.poll(Duration::from_millis(10));
    }
    let full = broker.stats();
    assert!(full.refused_batches > 0 && full.dropped_bytes == 0, "{full:?}");
    assert!(full.held_bytes <= full.memory_limit_bytes, "{full:?}");

    let consumer = subscribe(&broker, "reader", "full");
    let reader = std::thread::spawn(move || consume(&consumer, 40_000, true));
    while !reader.is_finished() {
        producer.poll(Duration::from_millis(10));
    }
    assert_eq!(reader.join().unwrap(), (0..40_000).collect::<Vec<_>>());
    let stats = broker.stats();
    assert!(stats.dropped_bytes > 0 && stats.records_in == 40_000, "{stats:?}");
}

#[test]
fn an_idempotent_producer_survives_lost_answers_without_loss_or_duplicate() {
    let broker = start(|_| ());
    let producer: BaseProducer = client(&broker)
        .set("enable.idempotence", "true")
        .set("batch.num.messages", "50")
        .create()
        .unwrap();
    for _ in 0..10 {
        broker.faults().lose_produce_answers(2);
        broker.faults().refuse_produce(2, 19);
        produce(&producer, "once", 500);
        producer.flush(PATIENCE).unwrap();
    }
    let stats = broker.stats();
    assert_eq!(stats.records_in, 5_000, "{stats:?}");
    assert!(stats.duplicate_batches > 0, "no answer was lost: {stats:?}");
    let consumer = subscribe(&broker, "once", "once");
    let expected: Vec<_> = (0..500).flat_map(|n| [n; 10]).collect();
    assert_eq!(consume(&consumer, 5_000, false), expected);
}

#[test]
fn a_transactional_producer_is_refused_at_once() {
    let broker = start(|_| ());
    let producer: BaseProducer = client(&broker).set("transactional.id", "tx").create().unwrap();
    let started = Instant::now();
    assert!(producer.init_transactions(PATIENCE).is_err());
    assert!(started.elapsed() < Duration::from_secs(5), "took {:?}", started.elapsed());
}

#[test]
fn a_frozen_broker_answers_nothing_until_released() {
    let broker = start(|_| ());
    assert_serves(&broker);
    broker.faults().freeze();
    let producer: BaseProducer = client(&broker).create().unwrap();
    producer.send(BaseRecord::<str, str>::to("well").payload("1000")).unwrap();
    assert!(producer.flush(Duration::from_millis(700)).is_err());
    broker.faults().release();
    producer.flush(PATIENCE).unwrap();
    broker.faults().drop_connections();
    assert_serves_again(&broker);
}

fn assert_serves_again(broker: &Broker) {
    let consumer = subscribe(broker, "again", "well");
    assert_eq!(consume(&consumer, 1_001, false), (0..=1_000).collect::<Vec<_>>());
}
