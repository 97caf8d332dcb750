//! Requests of the tests' own, one at a time, by the codec crate: a witness that has no line in
//! common with the client.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    CreateTopicsRequest, DeleteTopicsRequest, FetchRequest, ProduceRequest, RequestHeader,
    ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{
    Decodable, HeaderVersion, Request, StrBytes, encode_request_header_into_buffer,
};
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, Record, RecordBatchDecoder, RecordBatchEncoder,
    RecordEncodeOptions, TimestampType,
};

/// How many sequences of faults are tried, or from which seed to which.
const ASKED: &str = "KBENCH_FAULT_SEQUENCES";

/// How many run at the same time, each on a broker of its own: mostly they wait.
const AT_ONCE: usize = 8;

/// How many have one broker after each other, which keeps what all of them wrote.
const OF_A_BROKER: usize = 50;

/// A key and a value.
pub(super) type RawRecord = (Vec<u8>, Vec<u8>);

/// A connection.
pub(super) struct RawConnection(TcpStream);

impl RawConnection {
    pub(super) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    fn call<R: Request>(&mut self, request: &R, version: i16) -> R::Response {
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_client_id(Some(StrBytes::from_static_str("raw")));
        let mut body = BytesMut::new();
        encode_request_header_into_buffer(&mut body, &header).unwrap();
        request.encode(&mut body, version).unwrap();
        let mut size = u32::try_from(body.len()).unwrap().to_be_bytes();
        self.0.write_all(&[&size, &body[..]].concat()).unwrap();
        self.0.read_exact(&mut size).unwrap();
        let mut answer = vec![0; u32::from_be_bytes(size) as usize];
        self.0.read_exact(&mut answer).unwrap();
        let mut answer = Bytes::from(answer);
        ResponseHeader::decode(&mut answer, R::Response::header_version(version)).unwrap();
        R::Response::decode(&mut answer, version).unwrap()
    }

    pub(super) fn create_topic(&mut self, topic: &str, partitions: i32) {
        let wanted = CreatableTopic::default()
            .with_name(name(topic))
            .with_num_partitions(partitions)
            .with_replication_factor(1);
        let request = CreateTopicsRequest::default().with_topics(vec![wanted]);
        assert_eq!(self.call(&request, 5).topics[0].error_code, 0);
    }

    pub(super) fn delete_topic(&mut self, topic: &str) {
        let request = DeleteTopicsRequest::default().with_topic_names(vec![name(topic)]);
        assert_eq!(self.call(&request, 3).responses[0].error_code, 0);
    }

    /// Writes records of those offsets, in one batch.
    pub(super) fn write(
        &mut self,
        topic: &str,
        partition: i32,
        offsets: Range<i64>,
        value: impl Fn(i64) -> String,
    ) {
        let record = |(place, offset): (i32, i64)| Record {
            transactional: false,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
            producer_id: -1,
            producer_epoch: -1,
            timestamp_type: TimestampType::Creation,
            offset: place.into(),
            sequence: place - 1,
            timestamp: 1_700_000_000_000,
            key: None,
            value: Some(Bytes::from(value(offset))),
            headers: IndexMap::new(),
        };
        let records: Vec<Record> = (0..).zip(offsets).map(record).collect();
        if records.is_empty() {
            return;
        }
        let options = RecordEncodeOptions { version: 2, compression: Compression::None };
        let mut batch = BytesMut::new();
        RecordBatchEncoder::encode(&mut batch, &records, &options).unwrap();
        let data = PartitionProduceData::default()
            .with_index(partition)
            .with_records(Some(batch.freeze()));
        let data =
            TopicProduceData::default().with_name(name(topic)).with_partition_data(vec![data]);
        let request = ProduceRequest::default().with_acks(1).with_topic_data(vec![data]);
        let response = self.call(&request, 8);
        assert_eq!(response.responses[0].partition_responses[0].error_code, 0);
    }

    /// All records of a partition, whose batches are not compressed; from offset 0 on, without a
    /// gap.
    pub(super) fn read(&mut self, topic: &str, partition: i32) -> Vec<RawRecord> {
        let mut records = Vec::new();
        loop {
            let from = i64::try_from(records.len()).unwrap();
            let mut batches = self.fetch(topic, partition, from);
            if batches.is_empty() {
                return records;
            }
            while !batches.is_empty() {
                for record in RecordBatchDecoder::decode(&mut batches).unwrap().records {
                    assert_eq!(record.offset, i64::try_from(records.len()).unwrap());
                    let owned = |field: Option<Bytes>| field.unwrap_or_default().to_vec();
                    records.push((owned(record.key), owned(record.value)));
                }
            }
        }
    }

    fn fetch(&mut self, topic: &str, partition: i32, from: i64) -> Bytes {
        let wanted = FetchPartition::default()
            .with_partition(partition)
            .with_fetch_offset(from)
            .with_partition_max_bytes(10_000_000);
        let wanted = FetchTopic::default().with_topic(name(topic)).with_partitions(vec![wanted]);
        let request = FetchRequest::default()
            .with_replica_id((-1).into())
            .with_max_bytes(10_000_000)
            .with_topics(vec![wanted]);
        let response = self.call(&request, 11);
        let found = &response.responses[0].partitions[0];
        assert_eq!(found.error_code, 0);
        found.records.clone().unwrap_or_default()
    }
}

fn name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

/// Tries sequences of faults from their seeds, many at a time; the sums of what they count. `lab`
/// makes what some of them have one after the other.
///
/// # Panics
/// With the words of all that failed, by their seeds.
#[allow(clippy::print_stderr, reason = "what came of thousands")]
pub(super) fn run_sequences<L, K: Ord + Debug + Send>(
    count: u64,
    lab: impl Fn() -> L + Sync,
    sequence: impl Fn(&mut L, u64) -> BTreeMap<K, u64> + Sync,
) -> BTreeMap<K, u64> {
    let (seeds, began) = (seeds(count), Instant::now());
    let next = AtomicU64::new(seeds.start);
    let (counts, faults) = (Mutex::new(BTreeMap::new()), Mutex::new(Vec::new()));
    let work = || {
        let (mut own, mut used) = (lab(), 0);
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            match catch_unwind(AssertUnwindSafe(|| sequence(&mut own, seed))) {
                Ok(found) => {
                    used += 1;
                    let mut counts = counts.lock().unwrap();
                    found.into_iter().for_each(|(what, n)| *counts.entry(what).or_insert(0) += n);
                }
                Err(panic) => {
                    used = OF_A_BROKER;
                    faults.lock().unwrap().push(format!("seed {seed}: {}", words(&*panic)));
                }
            }
            if used >= OF_A_BROKER {
                (own, used) = (lab(), 0);
            }
        }
    };
    thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
    let (counts, faults) = (counts.into_inner().unwrap(), faults.into_inner().unwrap());
    let count = seeds.end - seeds.start;
    eprintln!("{count} sequences in {:.1} s: {counts:?}", began.elapsed().as_secs_f64());
    assert!(faults.is_empty(), "{} of {count}: {faults:#?}", faults.len());
    counts
}

fn seeds(count: u64) -> Range<u64> {
    let Ok(asked) = std::env::var(ASKED) else { return 0..count };
    let number = |text: &str| text.parse::<u64>().expect("a number");
    match asked.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => 0..number(&asked),
    }
}

/// A panic in words.
fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}
