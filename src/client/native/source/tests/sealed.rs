//! What the writer of record batches seals, as others read it.

use bytes::Bytes;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{ProduceRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::*;
use crate::base::record_batch::{BatchCodec, BatchWriter, Compressor, ProducerSequence};

/// Sends one sealed batch to partition 0, and waits until it is written.
fn produce(place: &Place, sealed: Vec<u8>) {
    let settings = NativeSettings::consumer(&place.bootstrap, &BTreeMap::new()).unwrap();
    let mut network = Network::new(settings.connection, &place.topic).unwrap();
    let until = Instant::now() + PATIENCE;
    let link = loop {
        network.turn(until).unwrap();
        while network.next_event().is_some() {}
        let leader = network.view().leaders().first().and_then(|leader| leader.broker);
        let link = leader.and_then(|broker| network.link_of(broker));
        link.into_iter().for_each(|link| network.want(link));
        if let Some(link) = link.filter(|link| network.is_ready(*link)) {
            break link;
        }
        assert!(Instant::now() < until);
    };
    let data = PartitionProduceData::default().with_records(Some(Bytes::from(sealed)));
    let name = TopicName(StrBytes::from_string(place.topic.clone()));
    let topic = TopicProduceData::default().with_name(name).with_partition_data(vec![data]);
    let request = ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(10_000)
        .with_topic_data(vec![topic]);
    let answer = network.ask(link, &request, until).unwrap();
    // The first partition's error follows the topic's name, the counts and the partition.
    let body = answer.body().unwrap();
    let after = body.windows(place.topic.len()).position(|it| it == place.topic.as_bytes());
    let error = &body[after.unwrap() + place.topic.len() + 1 + 4..][..2];
    assert_eq!(error, [0, 0], "{body:?}");
}

/// librdkafka and the broker are the witnesses: both check what this client sealed.
#[test]
fn librdkafka_reads_what_was_sealed_here_whatever_the_codec() {
    const RECORDS: i64 = 3_000;
    let place = Place::new();
    place.writer("none").write(0, 6);
    let value = |number: i64| format!("value {number} {}", "y".repeat(100 + number as usize % 70));
    let codecs = BatchCodec::ALL.into_iter().filter(|codec| codec.is_built_in());
    for (codec, round) in codecs.zip(0..) {
        let (mut writer, mut sealed) = (BatchWriter::default(), Vec::new());
        for number in 0..RECORDS {
            let (key, value) = (format!("k{number}"), value(number));
            let header = (number % 2 == 0).then_some(("h", key.as_bytes()));
            let value = (number % 100 != 7).then_some(value.as_bytes());
            writer.append(1_700_000_000_000 + number, Some(key.as_bytes()), header, value);
        }
        let mut compressor = Compressor::new(codec, None).unwrap();
        writer.seal(&mut compressor, ProducerSequence::NONE, &mut sealed).unwrap();
        produce(&place, sealed);
        let first = 1 + round * RECORDS;
        let reader: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &place.bootstrap)
            .set("group.id", "any")
            .set("check.crcs", "true")
            .create()
            .unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&place.topic, 0, Offset::Offset(first)).unwrap();
        reader.assign(&list).unwrap();
        for number in 0..RECORDS {
            let record = reader.poll(PATIENCE).expect("a record").unwrap();
            assert_eq!(record.offset(), first + number, "{codec:?}");
            assert_eq!(record.timestamp().to_millis(), Some(1_700_000_000_000 + number));
            assert_eq!(record.key(), Some(format!("k{number}").as_bytes()));
            let wanted = (number % 100 != 7).then(|| value(number));
            assert_eq!(record.payload(), wanted.as_ref().map(String::as_bytes), "{codec:?}");
            let header = record.headers().map(|headers| headers.get(0));
            let named = header.map(|header| (header.key, header.value));
            let key = format!("k{number}");
            assert_eq!(named, (number % 2 == 0).then_some(("h", Some(key.as_bytes()))));
        }
    }
}
