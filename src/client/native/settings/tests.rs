//! Defaults, names, and what is refused.

use super::*;
use crate::plan::toml::source::ScenarioSource;

fn properties(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn producer(pairs: &[(&str, &str)]) -> Result<NativeSettings<ProducerSettings>> {
    NativeSettings::producer("a:1, plaintext://b:2,", &properties(pairs))
}

fn faults(pairs: &[(&str, &str)]) -> String {
    producer(pairs).unwrap_err().to_string()
}

#[test]
fn what_is_not_set_is_as_javas_client_has_it() {
    let NativeSettings { connection, own } = producer(&[]).unwrap();
    assert_eq!(connection.bootstrap, ["a:1", "b:2"]);
    let seconds = |duration: Duration| duration.as_secs_f64();
    assert!((seconds(connection.request_timeout) - 30.0).abs() < 1e-9);
    assert!((seconds(own.delivery_timeout) - 120.0).abs() < 1e-9);
    assert_eq!((own.linger.as_millis(), own.batch_bytes, own.in_flight_max), (5, 16_384, 5));
    assert_eq!((own.acks, own.is_idempotent, own.compression), (AckLevel::All, true, "none"));
    assert_eq!((own.buffer_bytes, own.request_bytes_max), (32 << 20, 1 << 20));
    assert_eq!((own.buffer_records, own.retries), (usize::MAX, u32::MAX));
}

#[test]
fn kafkas_and_librdkafkas_names_mean_the_same() {
    let java = [
        ("acks", "1"),
        ("enable.idempotence", "false"),
        ("linger.ms", "7"),
        ("compression.type", "lz4"),
        ("delivery.timeout.ms", "9000"),
        ("max.in.flight.requests.per.connection", "3"),
        ("buffer.memory", "65536"),
        ("max.request.size", "2000"),
        ("metadata.max.age.ms", "2000"),
    ];
    let own = [
        ("request.required.acks", "1"),
        ("queue.buffering.max.ms", "7.2"),
        ("compression.codec", "lz4"),
        ("message.timeout.ms", "9000"),
        ("max.in.flight", "3"),
        ("queue.buffering.max.kbytes", "64"),
        ("message.max.bytes", "2000"),
        ("topic.metadata.refresh.interval.ms", "2000"),
    ];
    assert_eq!(producer(&java).unwrap(), producer(&own).unwrap());
    let forever = producer(&[("message.timeout.ms", "0")]).unwrap().own.delivery_timeout;
    assert!(forever > Duration::from_secs(1_000_000));
}

#[test]
fn what_is_not_supported_is_said_in_a_line_with_what_is() {
    assert_eq!(
        faults(&[("partitioner", "consistent")]),
        "kafka.producer: partitioner=consistent: the native client chooses as Java's does; \
         expected murmur2_random or murmur2"
    );
    let both = faults(&[("sticky.partitioning.linger.ms", "1"), ("compression.type", "brotli")]);
    let lines: Vec<&str> = both.lines().collect();
    assert!(lines[0].contains("the native client has none, gzip, snappy, lz4, zstd only"));
    assert!(lines[1].contains("sticky.partitioning.linger.ms: the native client does not have it"));
    assert!(faults(&[("linger.ms", "soon")]).contains("linger.ms=soon: expected a number from 0"));
    assert!(faults(&[("acks", "1"), ("enable.idempotence", "true")]).contains("needs acks=all"));
    assert!(faults(&[("max.in.flight", "6")]).contains("allows 5 at most"));
    assert!(faults(&[("security.protocol", "ssl")]).contains("without TLS and SASL"));
}

/// What a plan gives each side by itself is taken, without a word.
#[test]
fn the_properties_of_a_plan_are_taken_as_they_are() {
    let source = ScenarioSource::read("scenarios/smoke.toml");
    let plan = crate::client::tests::planned(&source.unwrap());
    let NativeSettings { own, .. } = NativeSettings::producer("a:1", &plan.kafka.producer).unwrap();
    assert_eq!((own.acks, own.is_idempotent), (AckLevel::All, true));
    let NativeSettings { own, .. } = NativeSettings::consumer("a:1", &plan.kafka.consumer).unwrap();
    assert_eq!(own.offset_reset, OffsetReset::Earliest);
}

#[test]
fn a_broker_assigns_where_the_protocol_says_so_and_only_then_by_an_assignor() {
    let consumer = |pairs: &[(&str, &str)]| NativeSettings::consumer("a:1", &properties(pairs));
    let own = consumer(&[]).unwrap().own;
    assert_eq!((own.is_broker_assigned, own.assignor), (false, None));
    let both = [("group.protocol", "consumer"), ("group.remote.assignor", "range")];
    let own = consumer(&both).unwrap().own;
    assert_eq!((own.is_broker_assigned, own.assignor.as_deref()), (true, Some("range")));
    assert!(!consumer(&both[..1]).unwrap().own.strategies.is_empty());
    let fault = consumer(&both[1..]).unwrap_err().to_string();
    assert!(fault.contains("needs group.protocol=consumer; expected both, or neither"), "{fault}");
}
