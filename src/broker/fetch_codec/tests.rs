use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use kafka_protocol::messages::{FetchRequest, ResponseHeader, TopicName};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

use super::*;

fn name(text: &'static str) -> TopicName {
    TopicName(StrBytes::from_static_str(text))
}

fn request(version: i16) -> (FetchRequest, FetchAsk) {
    let asked = |index: i32| {
        FetchPartition::default()
            .with_partition(index)
            .with_fetch_offset(1 << 40 | i64::from(index))
            .with_partition_max_bytes(1_000 + index)
    };
    let topic = |topic, count| {
        FetchTopic::default()
            .with_topic(name(topic))
            .with_partitions((0..count).map(asked).collect())
    };
    let mut request = FetchRequest::default()
        .with_max_wait_ms(500)
        .with_min_bytes(7)
        .with_max_bytes(9_000)
        .with_topics(vec![topic("clicks", 200), topic("none", 0), topic("orders", 1)]);
    let (mut session_id, mut session_epoch) = (0, -1);
    if version >= 7 {
        let forgotten =
            ForgottenTopic::default().with_topic(name("old")).with_partitions(vec![1, 2]);
        request.forgotten_topics_data = vec![forgotten];
        (session_id, session_epoch) = (5, 6);
        request = request.with_session_id(5).with_session_epoch(6);
    }
    if version >= 11 {
        request = request.with_rack_id(StrBytes::from_static_str("a rack"));
    }
    let partition = |index: i32| PartitionAsk {
        index,
        offset: 1 << 40 | i64::from(index),
        bytes_max: usize::try_from(1_000 + index).unwrap(),
    };
    let topics = [("clicks", 200), ("none", 0), ("orders", 1)]
        .map(|(name, count)| (name.to_owned(), (0..count).map(partition).collect()));
    let (wait_max_ms, bytes_min, bytes_max) = (500, 7, 9_000);
    let topics = topics.to_vec();
    let ask = FetchAsk { wait_max_ms, bytes_min, bytes_max, session_id, session_epoch, topics };
    (request, ask)
}

#[test]
fn a_request_is_read_as_the_codec_writes_it_and_none_that_is_cut() {
    for version in 4..=12 {
        let (request, ask) = request(version);
        let mut bytes = BytesMut::new();
        request.encode(&mut bytes, version).unwrap();
        assert_eq!(read(&bytes, version), Ok(ask), "version {version}");
        for cut in 0..bytes.len() {
            assert_eq!(read(&bytes[..cut], version), Err(Malformed), "{version} at {cut}");
        }
    }
}

#[test]
fn tagged_fields_are_passed_over_and_a_count_without_its_elements_is_refused() {
    let (request, ask) = request(12);
    let mut tagged = request.clone();
    for partition in &mut tagged.topics[0].partitions {
        partition.unknown_tagged_fields.insert(9, Bytes::from_static(b"later"));
    }
    let mut bytes = BytesMut::new();
    tagged.encode(&mut bytes, 12).unwrap();
    assert_eq!(read(&bytes, 12), Ok(ask));
    let mut claims = BytesMut::zeroed(25);
    claims.put_i32(1);
    claims.put_slice(b"\0\x01t");
    claims.put_i32(i32::MAX);
    claims.put_slice(&[0; 4_000]);
    assert_eq!(read(&claims, 7), Err(Malformed));
}

#[test]
fn an_answer_is_what_the_codec_reads() {
    let answer = |index, error, batches, bytes| AnsweredPartition {
        index,
        error,
        end_offset: 1 << 33,
        start_offset: 12,
        batches,
        bytes,
    };
    let clicks = [answer(0, 0, 2, 300), answer(1, 0, 0, 0), answer(2, 3, 0, 0)];
    let topics = [("clicks", &clicks[..]), ("orders", &[answer(9, 0, 1, 5)][..])];
    let batches =
        vec![Bytes::from(vec![1; 100]), Bytes::from(vec![2; 200]), Bytes::from_static(b"other")];
    for version in 4..=12 {
        let pieces = write(77, version, topics.into_iter(), batches.clone()).unwrap();
        let mut bytes = Bytes::from(pieces.concat());
        assert_eq!(bytes.get_i32(), i32::try_from(bytes.len()).unwrap());
        let header = FetchResponse::header_version(version);
        let header = ResponseHeader::decode(&mut bytes, header).unwrap();
        assert_eq!(header.correlation_id, 77);
        let read = FetchResponse::decode(&mut bytes, version).unwrap();
        assert!(bytes.is_empty(), "version {version}");
        assert_eq!(read.responses.len(), 2);
        for ((name, wanted), found) in topics.iter().zip(&read.responses) {
            assert_eq!(*name, &*found.topic.0);
            for (wanted, found) in wanted.iter().zip(&found.partitions) {
                let start = if version >= 5 { 12 } else { -1 };
                assert_eq!(found.partition_index, wanted.index);
                assert_eq!(found.error_code, wanted.error);
                assert_eq!(found.high_watermark, 1 << 33);
                assert_eq!(found.last_stable_offset, 1 << 33);
                assert_eq!(found.log_start_offset, start);
                assert_eq!(found.preferred_read_replica.0, -1);
                assert_eq!(found.records.as_ref().map(Bytes::len), Some(wanted.bytes));
            }
        }
        let records = read.responses[0].partitions[0].records.as_ref().unwrap();
        assert_eq!((records[99], records[100]), (1, 2));
        assert_eq!(read.responses[1].partitions[0].records.as_deref(), Some(&b"other"[..]));
    }
}
