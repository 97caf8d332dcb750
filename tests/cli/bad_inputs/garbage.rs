//! Item 25: what may lie on a topic. It is counted for each application, and kept out of it.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::broker::{result, scenario, start};
use super::program::Case;

/// An event of the specification by somebody else: other order, unknown fields, escapes, and no
/// stamp of kbench's.
const FOREIGN: &str = r#"{"user_id":"u\u0031","x":[{"user_id":7}],"session_id":"s","page_url":"\/",
    "event_type":"purchase","properties":{"price":1e3,"color":"red"},"location":null,
    "timestamp":"2026-01-01T00:00:00Z","event_id":"e"}"#;

/// A kbench event of another run, due in the year 3000.
const FAR: &str = concat!(
    r#"{"event_id":"00000001-0000-8000-8000-000000000001","timestamp":"#,
    r#""3000-01-01T00:00:00.000000Z","user_id":"u","session_id":"s","event_type":"click","#,
    r#""page_url":"/"}"#
);

/// What is an event, though not of the run.
fn strangers() -> Vec<Vec<u8>> {
    [FOREIGN, FAR].map(|text| text.as_bytes().to_vec()).to_vec()
}

/// What is none.
fn garbage() -> Vec<Vec<u8>> {
    let changed = |from: &str, to: &str| FOREIGN.replace(from, to).into_bytes();
    vec![
        b"not JSON".to_vec(),
        b"".to_vec(),
        b"\0".to_vec(),
        FOREIGN.as_bytes()[..FOREIGN.len() - 1].to_vec(),
        FAR.as_bytes()[..120].to_vec(),
        vec![b'x'; 10 << 20],
        vec![b'['; 10 << 20],
        vec![b'['; 1 << 20],
        [br#"{"a":"#.repeat(150_000), b"1".to_vec(), b"}".repeat(150_000)].concat(),
        b"{\"event_id\":\"\xc3\x28\"}".to_vec(),
        changed("\"x\":", "\"user_id\":\"v\",\"x\":"),
        changed("\"u\\u0031\"", "7"),
        changed("1e3", "\"1e3\""),
        changed("null", "[]"),
        changed("purchase", "steal"),
        changed("1e3", "1e999"),
        b"[]".to_vec(),
        b"null".to_vec(),
    ]
}

#[test]
fn item_25_garbage_on_the_topic_is_counted_and_kept_out() {
    let broker = start();
    let further = "partitions = 3\nconfigs.\"max.message.bytes\" = 20000000\n";
    let text = scenario(further).replace("duration = \"1s\"", "duration = \"4s\"");
    let case = Case::new(&text);
    let address = broker.address().to_string();
    let mut child = case
        .command(&["run", "case.toml", "-b", &address])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("the schedule starts") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
    }
    let (strangers, garbage) = (strangers(), garbage());
    send(&address, strangers.iter().chain(&garbage));
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{said}");
    let result = result(&case);
    assert!(result.verdict.valid, "{:?}", result.verdict.reasons);
    assert!(result.checks.len() >= 7 && result.checks.iter().all(kbench::result::Check::agrees));
    // A tombstone, which has no payload at all, is one more.
    let counted = garbage.len() as u64 + 1;
    for (app, ledger) in result.apps.iter().zip(&result.ledger.apps) {
        assert_eq!(app.garbage, counted, "{}", app.name);
        assert_eq!(ledger.foreign, counted + strangers.len() as u64, "{}", app.name);
        assert_eq!((ledger.corrupt, ledger.impossible, ledger.duplicates), (0, 0, 0));
        assert_eq!(ledger.seen, result.ledger.offered);
    }
}

/// Sends each payload once, and a tombstone.
fn send<'a>(address: &str, payloads: impl Iterator<Item = &'a Vec<u8>>) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", address)
        .set("message.max.bytes", "20000000")
        .create()
        .unwrap();
    for (index, payload) in payloads.enumerate() {
        let partition = i32::try_from(index % 3).unwrap();
        let record = BaseRecord::<[u8], [u8]>::to("shared").partition(partition).payload(payload);
        producer.send(record).unwrap();
    }
    producer.send(BaseRecord::<[u8], [u8]>::to("shared").key(b"k").partition(0)).unwrap();
    producer.flush(Duration::from_secs(30)).unwrap();
    assert_eq!(producer.in_flight_count(), 0);
}
