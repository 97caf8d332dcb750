//! What a sink takes, and what it says of it.

use super::*;
use crate::base::clock::ManualClock;
use crate::event::format::JSON;

struct Nobody;

impl Receiver for Nobody {
    fn receive(&self, _: &Receipt<'_>) {}
}

/// What librdkafka says comes in on the thread that times the receipts: it is kept as it is,
/// at no more than the cost of a copy, and read by whoever asks.
#[test]
fn statistics_are_kept_as_text_and_read_by_whoever_asks() {
    let properties = BTreeMap::from([("enable.idempotence".to_owned(), "true".to_owned())]);
    let clock = Arc::new(ManualClock::new(0));
    let receivers: (Arc<dyn Receiver>, _) = (Arc::new(Nobody), &ClientLog::default());
    let sink =
        KafkaSink::with_statistics("127.0.0.1:1", &properties, ("t", JSON), clock, receivers, 0);
    let sink = sink.unwrap();
    let context = sink.producer.client().context().clone();
    assert_eq!(sink.wire(), None);
    context.stats_raw(b"no JSON yet");
    assert_eq!(*context.statistics.lock().unwrap(), b"no JSON yet");
    assert_eq!(sink.wire(), None);
    let text = r#"{"txmsgs":7,"txmsg_bytes":700,"tx_bytes":400,"eos":{"idemp_state":"Init"}}"#;
    context.stats_raw(text.as_bytes());
    let expected = WireBytes { records: 7, payload_bytes: 700, wire_bytes: 400 };
    assert_eq!(sink.wire(), Some(expected));
    assert!(!sink.statistics().unwrap().has_id());
    context.stats_raw(text.replace("Init", "Assigned").as_bytes());
    assert!(sink.statistics().unwrap().has_id());
    assert_eq!(STATISTICS_MS, 1_000, "once a second");
}
