//! The header of a record in which its stamp lies, where a format has it there. Nobody asks for
//! headers else: the client makes a list of them for each record.

use rdkafka::message::{Headers, Message};

use crate::event::codec::StampPlace;

/// The value of the stamp's header; the last, where there are several of its name.
#[inline]
pub(super) fn header(message: &impl Message, stamp_place: StampPlace) -> Option<&[u8]> {
    let name = stamp_place.header()?;
    let headers = message.headers()?;
    (0..headers.count()).rev().find_map(|index| {
        let header = headers.get(index);
        header.value.filter(|_| header.key == name)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    use rdkafka::mocking::MockCluster;

    use super::super::{ClientLog, KafkaSink, KafkaSource};
    use crate::base::clock::ManualClock;
    use crate::event::format::PayloadFormat;
    use crate::event::{Outcome, Receipt, Stamp};
    use crate::load::generate::Generator;
    use crate::load::generate::tests::population;
    use crate::workers::consume::Source;
    use crate::workers::produce::{Batch, Receiver, Sink};

    #[derive(Default)]
    struct Heard(Mutex<Vec<(Stamp, Outcome)>>);

    impl Receiver for Heard {
        fn receive(&self, receipt: &Receipt<'_>) {
            self.0.lock().unwrap().push((receipt.stamp, receipt.outcome));
        }
    }

    /// Against librdkafka's own pretended cluster: receipts and readers get the stamps, wherever a
    /// format has them.
    #[test]
    fn stamps_come_back_from_headers_as_from_payloads() {
        let mock = MockCluster::new(1).unwrap();
        let (bootstrap, none) = (mock.bootstrap_servers(), BTreeMap::new());
        for (topic, format) in [("payload", PayloadFormat::Json), ("header", PayloadFormat::Lines)]
        {
            mock.create_topic(topic, 1, 1).unwrap();
            let codec = format.codec();
            let (heard, log) = (Arc::new(Heard::default()), ClientLog::default());
            let clock = Arc::new(ManualClock::new(0));
            let target = (topic, codec);
            let sink = KafkaSink::new(&bootstrap, &none, target, clock, heard.clone(), &log);
            let (mut sink, mut batch) = (sink.unwrap(), Batch::new(codec));
            let mut users = Generator::new(&population(), 1_000.0, 1, 0, 1);
            let stamps = [0, 1, 2].map(|seq| Stamp { run: 3, shard: 1, seq, due_wall_us: 5 });
            stamps.iter().for_each(|stamp| batch.push(*stamp, 0, &users.next(stamp.seq)));
            assert_eq!(sink.send(&batch, 0..3).unwrap().taken, 3);
            let first = BTreeMap::from([("auto.offset.reset".to_owned(), "earliest".to_owned())]);
            let read = (topic, codec.stamp_place());
            let mut source =
                KafkaSource::new(&bootstrap, &first, read, topic, (&log, "it")).unwrap();
            let (mut found, began) = (Vec::new(), Instant::now());
            while found.len() < 3 && began.elapsed() < Duration::from_secs(30) {
                let mut each = |arrival: &crate::event::Arrival<'_>| {
                    assert_eq!(arrival.header.is_some(), topic == "header");
                    found.extend(codec.stamp(arrival.header, arrival.payload));
                };
                source.poll(10, Duration::from_millis(100), &mut each).unwrap();
            }
            assert_eq!(found, stamps, "{topic}");
            while heard.0.lock().unwrap().len() < 3 && began.elapsed() < Duration::from_secs(30) {
                std::thread::sleep(Duration::from_millis(10));
            }
            let acked = stamps.map(|stamp| (stamp, Outcome::Acked));
            assert_eq!(*heard.0.lock().unwrap(), acked, "{topic}");
        }
    }
}
