//! Produce requests and their answers, by hand: the codec would copy every batch into the request,
//! and allocate for every partition of an answer.

use bytes::{BufMut, Bytes, BytesMut};

use super::super::answer::FieldReader;

/// The first version with variable-length integers.
const FLEXIBLE: i16 = 9;

/// What a request says beside its batches.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProduceHead<'a> {
    pub(super) version: i16,
    pub(super) acks: i16,
    pub(super) timeout_ms: i32,
    pub(super) topic: &'a str,
}

/// Writes a request behind `head`, its header, as pieces that are not joined: a batch for each
/// partition.
pub(super) fn pieces<'b>(
    mut head: BytesMut,
    request: &ProduceHead<'_>,
    batches: impl ExactSizeIterator<Item = (i32, &'b Bytes)>,
) -> Vec<Bytes> {
    let &ProduceHead { version, acks, timeout_ms, topic } = request;
    let is_flexible = version >= FLEXIBLE;
    let mut pieces = Vec::with_capacity(2 * batches.len() + 1);
    // No transaction.
    if is_flexible {
        head.put_u8(0);
    } else {
        head.put_i16(-1);
    }
    head.put_i16(acks);
    head.put_i32(timeout_ms);
    put_length(&mut head, 1, is_flexible);
    if is_flexible {
        put_varint(&mut head, topic.len() + 1);
    } else {
        head.put_u16(u16::try_from(topic.len()).unwrap_or(u16::MAX));
    }
    head.put_slice(topic.as_bytes());
    put_length(&mut head, batches.len(), is_flexible);
    for (partition, batch) in batches {
        head.put_i32(partition);
        put_length(&mut head, batch.len(), is_flexible);
        pieces.push(head.split().freeze());
        pieces.push(batch.clone());
        if is_flexible {
            head.put_u8(0);
        }
    }
    if is_flexible {
        // No tagged field, of the topic and of the request.
        head.put_slice(&[0, 0]);
        pieces.push(head.freeze());
    }
    pieces
}

/// A length of bytes or elements.
fn put_length(bytes: &mut BytesMut, length: usize, is_flexible: bool) {
    if is_flexible {
        put_varint(bytes, length + 1);
    } else {
        // Bounded by the size of a request.
        bytes.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    }
}

fn put_varint(bytes: &mut BytesMut, mut value: usize) {
    while value >= 0x80 {
        bytes.put_u8((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.put_u8(value as u8);
}

/// What a broker says of one partition's batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BatchAnswer {
    pub(super) partition: i32,
    /// Kafka's error code; 0 for none.
    pub(super) error: i16,
    /// Where the batch lies; -1 where it lies nowhere.
    pub(super) base_offset: i64,
    /// The broker's own words, where it has any.
    pub(super) message: String,
}

/// Reads the body of an answer into `batches`; gives for how long the broker asks for silence, in
/// ms. `None` where it is cut.
pub(super) fn read_answer(
    body: &[u8],
    version: i16,
    batches: &mut Vec<BatchAnswer>,
) -> Option<u32> {
    let mut fields = FieldReader::new(body, version >= FLEXIBLE);
    batches.clear();
    for _ in 0..fields.count()? {
        fields.text()?;
        for _ in 0..fields.count()? {
            let (partition, error, base_offset) = (fields.i32()?, fields.i16()?, fields.i64()?);
            // When it was appended, and from version 5 on where the log begins.
            fields.i64()?;
            if version >= 5 {
                fields.i64()?;
            }
            let mut message = String::new();
            if version >= 8 {
                for _ in 0..fields.count()? {
                    fields.i32()?;
                    let of_record = String::from_utf8_lossy(fields.text()?);
                    if message.is_empty() {
                        message = of_record.into_owned();
                    }
                    fields.tags()?;
                }
                let of_batch = fields.text()?;
                if !of_batch.is_empty() {
                    message = String::from_utf8_lossy(of_batch).into_owned();
                }
            }
            fields.tags()?;
            batches.push(BatchAnswer { partition, error, base_offset, message });
        }
        fields.tags()?;
    }
    let throttle_ms = fields.i32()?;
    fields.tags()?;
    Some(u32::try_from(throttle_ms).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::produce_response::{
        BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
    };
    use kafka_protocol::messages::{ProduceRequest, ProduceResponse, TopicName};
    use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

    use super::*;

    /// The codec, which shares no line with it, reads what was written.
    #[test]
    fn a_request_of_every_version_is_read_by_the_codec() {
        for version in 3..=12_i16 {
            for size in [1_usize, 61, 127, 128, 20_000, 3_000_000] {
                let batches = [Bytes::from(vec![7; size]), Bytes::from(vec![9; 61])];
                let request = ProduceHead { version, acks: -1, timeout_ms: 30_000, topic: "tö" };
                let numbered = [4, 70_000].into_iter().zip(&batches);
                let numbered: Vec<(i32, &Bytes)> = numbered.collect();
                let pieces = pieces(BytesMut::new(), &request, numbered.into_iter());
                assert_eq!(pieces[1].as_ptr(), batches[0].as_ptr(), "the batch is not copied");
                let mut joined = Bytes::from(pieces.concat());
                let read = ProduceRequest::decode(&mut joined, version).unwrap();
                assert!(joined.is_empty(), "version {version}");
                assert_eq!((read.acks, read.timeout_ms, read.transactional_id), (-1, 30_000, None));
                assert_eq!((read.topic_data.len(), read.topic_data[0].name.as_str()), (1, "tö"));
                let data = &read.topic_data[0].partition_data;
                let found: Vec<_> =
                    data.iter().map(|data| (data.index, data.records.clone().unwrap())).collect();
                let [first, second] = batches;
                assert_eq!(found, [(4, first), (70_000, second)]);
            }
        }
    }

    #[test]
    fn an_answer_of_every_version_is_read_and_no_cut_one_is() {
        for version in 3..=12_i16 {
            let mut refused = PartitionProduceResponse::default()
                .with_index(5)
                .with_error_code(10)
                .with_base_offset(-1);
            if version >= 8 {
                refused.error_message = Some(StrBytes::from_static_str("too large"));
                let of_record = BatchIndexAndErrorMessage::default()
                    .with_batch_index(2)
                    .with_batch_index_error_message(Some(StrBytes::from_static_str("it")));
                refused.record_errors = vec![of_record];
            }
            let written = PartitionProduceResponse::default().with_index(4).with_base_offset(17);
            let topic = TopicProduceResponse::default()
                .with_name(TopicName(StrBytes::from_static_str("t")))
                .with_partition_responses(vec![written, refused]);
            let response =
                ProduceResponse::default().with_responses(vec![topic]).with_throttle_time_ms(90);
            let mut bytes = BytesMut::new();
            response.encode(&mut bytes, version).unwrap();
            let mut batches = Vec::new();
            assert_eq!(read_answer(&bytes, version, &mut batches), Some(90), "version {version}");
            let found: Vec<_> =
                batches.iter().map(|it| (it.partition, it.error, it.base_offset)).collect();
            assert_eq!(found, [(4, 0, 17), (5, 10, -1)]);
            assert_eq!(batches[1].message, if version >= 8 { "too large" } else { "" });
            for cut in 0..bytes.len() {
                assert_eq!(read_answer(&bytes[..cut], version, &mut batches), None, "{cut}");
            }
        }
    }
}
