//! A client of its own, without librdkafka: one connection, one request at a time. For what a
//! well-behaved client never sends.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    FetchRequest, InitProducerIdRequest, ProduceRequest, RequestHeader, ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{
    Decodable, HeaderVersion, Request, StrBytes, encode_request_header_into_buffer,
};
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, Record, RecordBatchEncoder, RecordEncodeOptions,
    TimestampType,
};

use bytes::{Bytes, BytesMut};

use crate::world::World;

/// A connection to the broker.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    correlation: i32,
}

/// The producer that a batch says it comes from: id, epoch, and the first record's sequence.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// From `InitProducerId`; -1 for a producer that is not idempotent.
    pub id: i64,
    /// From `InitProducerId`.
    pub epoch: i16,
    /// The sequence number of the first record.
    pub sequence: i32,
}

impl Origin {
    /// A producer that is not idempotent.
    pub const NONE: Self = Self { id: -1, epoch: -1, sequence: -1 };
}

/// What the broker says to one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// 0, or the protocol's error code.
    pub error: i16,
    /// The offset of the first record.
    pub offset: i64,
}

impl Connection {
    /// Connects to the first broker of the world.
    pub fn open(world: &World) -> Self {
        let address = world.bootstrap().split(',').next().expect("an address");
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(15))).expect("a time limit");
        stream.set_nodelay(true).expect("no delay");
        Self { stream, correlation: 0 }
    }

    /// Sends a request and waits for its response.
    pub fn call<R: Request>(&mut self, request: &R, version: i16) -> R::Response {
        self.correlation += 1;
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation)
            .with_client_id(Some(StrBytes::from_static_str("raw")));
        let mut body = BytesMut::new();
        encode_request_header_into_buffer(&mut body, &header).expect("a header");
        request.encode(&mut body, version).expect("a request of that version");
        let size = u32::try_from(body.len()).expect("a small request");
        self.stream.write_all(&size.to_be_bytes()).expect("the size sent");
        self.stream.write_all(&body).expect("the request sent");

        let mut size = [0; 4];
        self.stream.read_exact(&mut size).expect("the response's size");
        let mut answer = vec![0; u32::from_be_bytes(size) as usize];
        self.stream.read_exact(&mut answer).expect("the response");
        let mut answer = Bytes::from(answer);
        let header = ResponseHeader::decode(&mut answer, R::Response::header_version(version))
            .expect("a response header");
        assert_eq!(header.correlation_id, self.correlation, "the response of another request");
        let response = R::Response::decode(&mut answer, version).expect("a response");
        assert!(answer.is_empty(), "bytes behind the response");
        response
    }

    /// Asks for a producer id, as an idempotent producer does.
    pub fn init_producer(&mut self) -> Origin {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_transaction_timeout_ms(60_000);
        let response = self.call(&request, 3);
        assert_eq!(response.error_code, 0, "InitProducerId");
        Origin { id: response.producer_id.0, epoch: response.producer_epoch, sequence: 0 }
    }

    /// Appends one batch to partition 0.
    pub fn append(&mut self, topic: &str, batch: Bytes) -> Appended {
        let partition = PartitionProduceData::default().with_index(0).with_records(Some(batch));
        let data = TopicProduceData::default()
            .with_name(topic_name(topic))
            .with_partition_data(vec![partition]);
        let request = ProduceRequest::default()
            .with_acks(-1)
            .with_timeout_ms(10_000)
            .with_topic_data(vec![data]);
        let response = self.call(&request, 8);
        let answer = &response.responses[0].partition_responses[0];
        Appended { error: answer.error_code, offset: answer.base_offset }
    }

    /// The stored batches of partition 0 from an offset on, as bytes.
    pub fn fetch(&mut self, topic: &str, offset: i64) -> Bytes {
        let partition = FetchPartition::default()
            .with_partition(0)
            .with_fetch_offset(offset)
            .with_partition_max_bytes(10_000_000);
        let wanted =
            FetchTopic::default().with_topic(topic_name(topic)).with_partitions(vec![partition]);
        let request = FetchRequest::default()
            .with_replica_id((-1).into())
            .with_max_wait_ms(500)
            .with_min_bytes(1)
            .with_max_bytes(10_000_000)
            .with_topics(vec![wanted]);
        let response = self.call(&request, 11);
        let answer = &response.responses[0].partitions[0];
        assert_eq!(answer.error_code, 0, "Fetch");
        answer.records.clone().unwrap_or_default()
    }
}

/// One uncompressed batch of records that carry their number as text.
pub fn batch(count: i32, origin: Origin) -> Bytes {
    let record = |number: i32| Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: origin.id,
        producer_epoch: origin.epoch,
        timestamp_type: TimestampType::Creation,
        offset: i64::from(number),
        // The codec makes one batch of records whose sequences rise with their offsets.
        sequence: origin.sequence + number,
        timestamp: chrono::Utc::now().timestamp_millis(),
        key: None,
        value: Some(Bytes::from(number.to_string())),
        headers: IndexMap::new(),
    };
    let records: Vec<Record> = (0..count).map(record).collect();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    let mut buffer = BytesMut::new();
    RecordBatchEncoder::encode(&mut buffer, &records, &options).expect("a batch");
    buffer.freeze()
}

fn topic_name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}
