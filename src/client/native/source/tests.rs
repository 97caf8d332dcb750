//! Against the embedded broker; librdkafka writes what is read. With `KBENCH_TEST_KAFKA=host:port`
//! against a Kafka that makes topics of six partitions when they are written to: it has sessions.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::*;
use crate::broker::Broker;
use crate::broker::config::BrokerConfig;

mod faults;
mod sealed;
mod sequences;

const PATIENCE: Duration = Duration::from_secs(60);

/// What tests compare of a record: partition, offset, key, header and value.
type Read = (i32, i64, Vec<u8>, Vec<u8>, Vec<u8>);

/// A broker, and a topic of its own for one test.
struct Place {
    /// `None` for a real Kafka.
    broker: Option<Broker>,
    bootstrap: String,
    topic: String,
}

impl Place {
    fn new() -> Self {
        Self::with_session_min(6_000)
    }

    /// Its sessions may be short.
    fn impatient() -> Self {
        Self::with_session_min(500)
    }

    fn with_session_min(session_timeout_min_ms: i32) -> Self {
        let topic = format!("clicks-{:x}", crate::base::random::fresh());
        if let Ok(bootstrap) = std::env::var("KBENCH_TEST_KAFKA") {
            return Self { broker: None, bootstrap, topic };
        }
        let config = BrokerConfig {
            partitions_default: 6,
            initial_rebalance_delay_ms: 50,
            session_timeout_min_ms,
            ..BrokerConfig::default()
        };
        let broker = Broker::start(&config).unwrap();
        let bootstrap = broker.address().to_string();
        Self { broker: Some(broker), bootstrap, topic }
    }

    /// A member of a group of the topic's own.
    fn member(&self, group: &str, properties: &[(&str, &str)]) -> NativeSource {
        let fast = [
            ("auto.offset.reset", "earliest"),
            ("retry.backoff.ms", "10"),
            ("heartbeat.interval.ms", "50"),
            ("session.timeout.ms", "10000"),
            ("auto.commit.interval.ms", "100"),
        ];
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let properties: BTreeMap<_, _> = fast.iter().chain(properties).map(owned).collect();
        let settings = NativeSettings::consumer(&self.bootstrap, &properties).unwrap();
        let group = format!("{}-{group}", self.topic);
        let topic = (self.topic.as_str(), StampPlace::Payload);
        NativeSource::new(settings, topic, &group, &TargetNotes::default()).unwrap()
    }

    fn writer(&self, codec: &str) -> Writer {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", &self.bootstrap)
            .set("compression.type", codec)
            .set("linger.ms", "5")
            .create()
            .unwrap();
        Writer { producer, topic: self.topic.clone() }
    }
}

/// librdkafka's producer.
struct Writer {
    producer: BaseProducer,
    topic: String,
}

impl Writer {
    /// Writes so many records with numbers from `from` on, round the partitions.
    fn write(&self, from: usize, count: usize) {
        for number in from..from + count {
            let (key, value) = (format!("k{number}"), format!("value {number} {}", "x".repeat(90)));
            let header = Header { key: "n", value: Some(&value) };
            let record = BaseRecord::to(&self.topic)
                .partition(i32::try_from(number % 6).unwrap())
                .key(&key)
                .headers(OwnedHeaders::new().insert(header))
                .payload(&value);
            self.producer.send(record).unwrap_or_else(|(error, _)| panic!("{error}"));
            self.producer.poll(Duration::ZERO);
        }
        self.producer.flush(PATIENCE).unwrap();
    }
}

/// Reads until so many records have come.
fn read(source: &mut NativeSource, count: usize) -> Vec<Read> {
    let (mut found, began) = (Vec::new(), Instant::now());
    while found.len() < count {
        let before = found.len();
        assert!(began.elapsed() < PATIENCE, "{} of {count}; {:?}", found.len(), source.why());
        let polled = source
            .poll(100, Duration::from_millis(50), &mut |arrival| {
                let bytes = |field: Option<&[u8]>| field.unwrap_or_default().to_vec();
                found.push((
                    arrival.partition,
                    arrival.offset,
                    bytes(arrival.key),
                    bytes(arrival.header),
                    bytes(arrival.payload),
                ));
            })
            .unwrap();
        assert_eq!(polled, found.len() - before);
        assert!(polled <= 100, "as many as were asked for at most");
    }
    found
}

/// What [`write`] wrote, by partition and offset.
fn written(from: usize, count: usize) -> Vec<Read> {
    let record = |number: usize| {
        let value = format!("value {number} {}", "x".repeat(90)).into_bytes();
        let partition = i32::try_from(number % 6).unwrap();
        let offset = i64::try_from(number / 6).unwrap();
        (partition, offset, format!("k{number}").into_bytes(), Vec::new(), value)
    };
    let mut all: Vec<Read> = (from..from + count).map(record).collect();
    all.sort();
    all
}

fn sorted(mut records: Vec<Read>) -> Vec<Read> {
    records.sort();
    records
}

#[test]
fn what_librdkafka_wrote_is_read_whatever_the_codec_and_once() {
    let mut codecs = vec!["none", "gzip", "snappy", "lz4"];
    if cfg!(feature = "zstd") {
        codecs.push("zstd");
    }
    for codec in codecs {
        let place = Place::new();
        place.writer(codec).write(0, 900);
        let mut source = place.member(codec, &[]);
        let found = read(&mut source, 900);
        for partition in 0..6 {
            let offsets = found.iter().filter(|it| it.0 == partition).map(|it| it.1);
            assert!(offsets.eq(0..150), "{codec}: in order");
        }
        assert_eq!(sorted(found), written(0, 900), "{codec}");
        assert_eq!(source.assigned(), Some(6));
        // What comes later is read by the next request, and nothing comes twice.
        place.writer(codec).write(900, 60);
        assert_eq!(sorted(read(&mut source, 60)), written(900, 60), "{codec}");
        let has_sessions = place.broker.is_none();
        assert_eq!(source.fetcher.is_in_session(), has_sessions, "the embedded broker has none");
    }
}

#[test]
fn a_group_goes_on_where_it_has_committed_and_a_new_one_where_it_was_told_to() {
    let place = Place::new();
    let writer = place.writer("lz4");
    writer.write(0, 120);
    let mut first = place.member("g", &[("enable.auto.commit", "false")]);
    assert_eq!(read(&mut first, 120).len(), 120);
    first.commit().unwrap();
    writer.write(120, 60);
    // It reads them and is gone without having committed them.
    assert_eq!(read(&mut first, 60).len(), 60);
    drop(first);
    let mut second = place.member("g", &[]);
    assert_eq!(sorted(read(&mut second, 60)), written(120, 60));
    drop(second);
    let mut third = place.member("g", &[]);
    let mut latest = place.member("new", &[("auto.offset.reset", "latest")]);
    let began = Instant::now();
    // A commit means that it knows where it begins.
    while latest.fetcher.places.uncommitted(None).is_empty()
        && latest.fetcher.places.had().all(|(_, place)| place.committed < 0)
    {
        latest.poll(10, Duration::from_millis(20), &mut |_| panic!("nothing is new")).unwrap();
        third.poll(10, Duration::ZERO, &mut |_| panic!("all was committed on leaving")).unwrap();
        assert!(began.elapsed() < PATIENCE, "{:?}", latest.why());
    }
    writer.write(180, 60);
    assert_eq!(sorted(read(&mut latest, 60)), written(180, 60));
    assert_eq!(sorted(read(&mut third, 60)), written(180, 60));
}

#[test]
fn a_group_without_an_offset_and_without_a_word_where_to_begin_is_an_error() {
    let place = Place::new();
    place.writer("none").write(0, 6);
    let mut source = place.member("g", &[("auto.offset.reset", "error")]);
    let began = Instant::now();
    let error = loop {
        assert!(began.elapsed() < PATIENCE);
        if let Err(error) = source.poll(10, Duration::from_millis(50), &mut |_| {}) {
            break error.to_string();
        }
    };
    assert!(error.contains("has no committed offset; expected"), "{error}");
}

#[test]
fn an_offset_that_is_gone_is_replaced_as_the_property_says() {
    let place = Place::new();
    place.writer("none").write(0, 60);
    let mut source = place.member("g", &[]);
    read(&mut source, 60);
    source.fetcher.places.get(2).unwrap().place(1_000_000);
    let again = read(&mut source, 10);
    assert!(again.iter().map(|it| (it.0, it.1)).eq((0..10).map(|offset| (2, offset))));
    let mut strict = place.member("strict", &[]);
    read(&mut strict, 60);
    strict.fetcher.forbid_reset();
    strict.fetcher.places.get(2).unwrap().place(1_000_000);
    let began = Instant::now();
    let error = loop {
        assert!(began.elapsed() < PATIENCE);
        if let Err(error) = strict.poll(10, Duration::from_millis(50), &mut |_| {}) {
            break error.to_string();
        }
    };
    assert!(error.contains("partition 2") && error.contains("no longer has"), "{error}");
}

#[test]
fn a_stamp_is_taken_from_the_header_of_its_name() {
    let place = Place::new();
    place.writer("lz4").write(0, 12);
    let mut source = place.member("g", &[]);
    source.stamp_place = StampPlace::Header("n");
    let found = read(&mut source, 12);
    assert!(found.iter().all(|(.., header, value)| header == value && !value.is_empty()));
    let mut other = place.member("other", &[]);
    other.stamp_place = StampPlace::Header("m");
    assert!(read(&mut other, 12).iter().all(|(.., header, _)| header.is_empty()));
}

/// Waiting is by the system: a reader that has nothing to do does nothing.
#[test]
fn a_reader_without_records_takes_no_time_of_the_processor() {
    let used = || {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the pointer is to a timespec of this frame.
        unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
    };
    let idle = |source: &mut NativeSource| {
        let (began, before) = (Instant::now(), used());
        source.poll(10, Duration::from_secs(1), &mut |_| panic!("nothing is there")).unwrap();
        (used() - before).as_secs_f64() / began.elapsed().as_secs_f64()
    };
    let place = Place::new();
    place.writer("none").write(0, 6);
    let mut source = place.member("g", &[]);
    read(&mut source, 6);
    let share = idle(&mut source);
    assert!(share < 0.1, "assigned: {share}");
    let nowhere = Place { broker: None, bootstrap: "127.0.0.1:1".to_owned(), ..Place::new() };
    let share = idle(&mut nowhere.member("g", &[]));
    assert!(share < 0.1, "without a broker: {share}");
}

/// Two members come one after the other while records are written, and one goes: each record is
/// read once, although partitions move.
#[test]
fn nothing_is_lost_and_nothing_doubled_while_members_come_and_go() {
    const RECORDS: usize = 6_000;
    for strategy in ["range", "roundrobin", "cooperative-sticky", "by the broker"] {
        let place = Place::new();
        let sharing = match strategy {
            "by the broker" if place.broker.is_some() => continue,
            "by the broker" => ("group.protocol", "consumer"),
            _ => ("partition.assignment.strategy", strategy),
        };
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let all: Arc<Mutex<Vec<(i32, i64)>>> = Arc::default();
        let run = |lives: usize| {
            let (stop, seen, all) = (stop.clone(), seen.clone(), all.clone());
            let mut source = place.member("g", &[sharing]);
            thread::spawn(move || {
                let began = Instant::now();
                let mut own = 0;
                while !stop.load(Ordering::Relaxed) && own < lives {
                    assert!(began.elapsed() < PATIENCE, "{:?}", source.why());
                    let mut found = Vec::new();
                    let mut each = |it: &Arrival<'_>| found.push((it.partition, it.offset));
                    own += source.poll(64, Duration::from_millis(20), &mut each).unwrap();
                    seen.fetch_add(found.len(), Ordering::Relaxed);
                    all.lock().unwrap().extend(found);
                }
                (own, source.membership().history(i64::MAX).0.len())
            })
        };
        let writer = place.writer("lz4");
        writer.write(0, 60);
        let first = run(usize::MAX);
        let wait_for = |count: usize| {
            let began = Instant::now();
            while seen.load(Ordering::Relaxed) < count {
                let seen = seen.load(Ordering::Relaxed);
                assert!(began.elapsed() < PATIENCE, "{strategy}: {seen} of {count}");
                thread::sleep(Duration::from_millis(5));
            }
        };
        wait_for(60);
        // The second one leaves again, in the midst of it.
        let second = run(1_000);
        let writing = thread::spawn({
            move || {
                for from in (60..RECORDS).step_by(60) {
                    writer.write(from, 60);
                    thread::sleep(Duration::from_millis(20));
                }
            }
        });
        writing.join().unwrap();
        let (own, _) = second.join().unwrap();
        wait_for(RECORDS);
        stop.store(true, Ordering::Relaxed);
        let (_, changes) = first.join().unwrap();
        let mut all = all.lock().unwrap().clone();
        all.sort_unstable();
        let wanted = (0..6).flat_map(|partition| (0..1_000).map(move |offset| (partition, offset)));
        assert_eq!(all, wanted.collect::<Vec<_>>(), "{strategy}");
        assert!(own >= 1_000, "{strategy}: the second one had its share");
        assert!(changes >= 3, "{strategy}: {changes} changes of the first one's partitions");
    }
}

#[test]
fn connections_that_break_cost_nothing_but_time() {
    let place = Place::new();
    let writer = place.writer("none");
    let mut source = place.member("g", &[]);
    let mut found = Vec::new();
    for round in 0..5 {
        writer.write(round * 60, 60);
        found.extend(read(&mut source, 60));
        if let Some(broker) = &place.broker {
            broker.faults().drop_connections();
        }
    }
    assert_eq!(sorted(found), written(0, 300));
    source.commit().unwrap();
}

#[test]
fn what_is_not_supported_is_said_before_anything_is_opened() {
    let refused = |name: &str, value: &str| {
        let properties = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let settings = NativeSettings::consumer("127.0.0.1:1", &properties).unwrap();
        let topic = ("clicks", StampPlace::Payload);
        let made = NativeSource::new(settings, topic, "g", &TargetNotes::default());
        made.err().unwrap().to_string()
    };
    let strategy = |value| refused("partition.assignment.strategy", value);
    assert!(strategy("sticky").contains("expected range, roundrobin or cooperative-sticky"));
    assert!(strategy("range,cooperative-sticky").contains("all eager"));
}
