//! Fetch: reads at once if there is enough, or waits until there is.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::{FetchRequest, FetchResponse, TopicName};
use kafka_protocol::protocol::{Encodable, HeaderVersion};
use tokio::time::sleep;

use super::code;
use super::frame::{self, Pieces};
use super::log::Partition;
use super::shared::BrokerState;
use super::stats::add;
use super::wait::Waiter;

/// The most bytes of one answer, whatever the client asks for: as Kafka's `fetch.max.bytes`.
const ANSWER_BYTES_MAX: usize = 55 * 1_024 * 1_024;

/// The longest wait, whatever the client asks for.
const WAIT_MAX_MS: i32 = 300_000;

/// The first version with variable-length integers.
const FLEXIBLE: i16 = 12;

/// One partition as it was asked for.
struct WantedPartition {
    index: i32,
    partition: Option<Arc<Partition>>,
    offset: i64,
    bytes_max: usize,
}

/// What was read of one partition.
struct FetchedPartition {
    head: PartitionData,
    batches: Vec<Bytes>,
    bytes: usize,
}

/// One pass over all partitions.
struct Pass {
    topics: Vec<Vec<FetchedPartition>>,
    bytes: usize,
    records: u64,
    has_error: bool,
}

/// Answers with what there is once it is enough, after the time that the client gave, or at
/// once when a partition can't be read. None when the answer can't be encoded.
pub(super) async fn fetch(
    shared: &BrokerState,
    request: FetchRequest,
    correlation_id: i32,
    version: i16,
) -> Option<Pieces> {
    if request.session_id != 0 && request.session_epoch != -1 {
        // No session was ever given out: session 0 in every answer means a full fetch each time.
        let error = code::FETCH_SESSION_ID_NOT_FOUND;
        let response = FetchResponse::default().with_error_code(error);
        return frame::encode(correlation_id, version, &response);
    }
    let wait_ms = request.max_wait_ms.clamp(0, WAIT_MAX_MS).unsigned_abs();
    let patience = sleep(Duration::from_millis(u64::from(wait_ms)));
    tokio::pin!(patience);
    let bytes_min = usize::try_from(request.min_bytes).unwrap_or(0);
    let bytes_max = usize::try_from(request.max_bytes).unwrap_or(0).min(ANSWER_BYTES_MAX);
    let bytes_min = bytes_min.min(bytes_max);
    let (names, wanted) = resolve(shared, request);
    loop {
        let waiter = Arc::new(Waiter::new(bytes_min));
        let mut pass = read(&wanted, bytes_max, None);
        let must_wait = |pass: &Pass| pass.bytes < bytes_min && !pass.has_error;
        if wait_ms > 0 && !patience.is_elapsed() && must_wait(&pass) {
            // Read again while enlisting: what was appended in between must not be overlooked.
            pass = read(&wanted, bytes_max, Some(&waiter));
            if waiter.count(pass.bytes) {
                waiter.wake();
            }
            if must_wait(&pass) {
                tokio::select! {
                    () = waiter.woken() => {}
                    () = &mut patience => {}
                }
                continue;
            }
        }
        if pass.records > 0 && shared.faults.corrupts_fetch() {
            corrupt(&mut pass);
        }
        add(&shared.counters.records_out, pass.records);
        add(&shared.counters.bytes_out, pass.bytes as u64);
        return encode(correlation_id, version, &names, pass);
    }
}

fn resolve(
    shared: &BrokerState,
    request: FetchRequest,
) -> (Vec<TopicName>, Vec<Vec<WantedPartition>>) {
    let topics = request.topics.into_iter().map(|asked| {
        let topic = shared.topics.get(&asked.topic);
        let partitions = asked.partitions.into_iter().map(|partition| WantedPartition {
            index: partition.partition,
            partition: topic.as_ref().and_then(|topic| topic.partition(partition.partition)),
            offset: partition.fetch_offset,
            bytes_max: usize::try_from(partition.partition_max_bytes).unwrap_or(0),
        });
        (asked.topic, partitions.collect())
    });
    topics.unzip()
}

fn read(wanted: &[Vec<WantedPartition>], bytes_max: usize, waiter: Option<&Arc<Waiter>>) -> Pass {
    let mut pass = Pass { topics: Vec::new(), bytes: 0, records: 0, has_error: false };
    for topic in wanted {
        let mut found = Vec::with_capacity(topic.len());
        for partition in topic {
            found.push(read_one(partition, bytes_max, waiter, &mut pass));
        }
        pass.topics.push(found);
    }
    pass
}

fn read_one(
    wanted: &WantedPartition,
    bytes_max: usize,
    waiter: Option<&Arc<Waiter>>,
    pass: &mut Pass,
) -> FetchedPartition {
    let head = PartitionData::default()
        .with_partition_index(wanted.index)
        .with_preferred_read_replica((-1).into());
    let mut found = FetchedPartition { head, batches: Vec::new(), bytes: 0 };
    let Some(partition) = &wanted.partition else {
        pass.has_error = true;
        found.head = unreadable(found.head, code::UNKNOWN_TOPIC_OR_PARTITION);
        return found;
    };
    let room = wanted.bytes_max.min(bytes_max.saturating_sub(pass.bytes));
    let mut log = partition.lock();
    match log.read(wanted.offset, room, pass.bytes == 0, &mut found.batches) {
        Ok(read) => {
            found.bytes = read.bytes;
            found.head = found
                .head
                .with_high_watermark(log.end_offset())
                .with_last_stable_offset(log.end_offset())
                .with_log_start_offset(log.start_offset());
            pass.bytes += read.bytes;
            pass.records += read.records;
            if let Some(waiter) = waiter {
                log.enlist(waiter);
            }
        }
        Err(error) => {
            pass.has_error = true;
            found.head = unreadable(found.head, error);
        }
    }
    found
}

fn unreadable(head: PartitionData, error: i16) -> PartitionData {
    head.with_error_code(error)
        .with_high_watermark(-1)
        .with_last_stable_offset(-1)
        .with_log_start_offset(-1)
}

/// Flips a bit in the last record of the first batch, and leaves the log's own as it is.
fn corrupt(pass: &mut Pass) {
    let mut batches = pass.topics.iter_mut().flatten().flat_map(|found| &mut found.batches);
    if let Some(batch) = batches.next() {
        let mut broken = batch.to_vec();
        broken.last_mut().into_iter().for_each(|byte| *byte ^= 1);
        *batch = Bytes::from(broken);
    }
}

/// Encodes the answer around the batches, which stay where the log has them.
fn encode(
    correlation_id: i32,
    version: i16,
    names: &[TopicName],
    mut pass: Pass,
) -> Option<Pieces> {
    let mut pieces = vec![Bytes::new()];
    let mut part = frame::begin(correlation_id, FetchResponse::header_version(version));
    part.put_i32(0);
    if version >= 7 {
        part.put_i16(code::NONE);
        part.put_i32(0);
    }
    put_length(&mut part, version, names.len())?;
    let mut body = BytesMut::new();
    for (name, found) in names.iter().zip(pass.topics.drain(..)) {
        put_name(&mut body, version, name)?;
        put_length(&mut body, version, found.len())?;
        for found in found {
            put_partition(&mut body, version, found, &mut pieces)?;
        }
        put_tags(&mut body, version);
    }
    put_tags(&mut body, version);
    pieces.push(body.freeze());
    let more = pieces.iter().map(Bytes::len).sum();
    pieces[0] = frame::finish(part, more)?;
    Some(pieces)
}

/// The codec writes the partition without records, whose place is at the end; the batches then
/// take the place of the null.
fn put_partition(
    body: &mut BytesMut,
    version: i16,
    found: FetchedPartition,
    pieces: &mut Pieces,
) -> Option<()> {
    found.head.encode(body, version).ok()?;
    // A null length and no tagged fields take two bytes when flexible; a null length takes four.
    let null_bytes = if version >= FLEXIBLE { 2 } else { 4 };
    body.truncate(body.len() - null_bytes);
    if version >= FLEXIBLE {
        put_varint(body, found.bytes + 1)?;
    } else {
        body.put_i32(i32::try_from(found.bytes).ok()?);
    }
    if found.bytes > 0 {
        pieces.push(body.split().freeze());
        pieces.extend(found.batches);
    }
    put_tags(body, version);
    Some(())
}

fn put_name(body: &mut BytesMut, version: i16, name: &TopicName) -> Option<()> {
    if version >= FLEXIBLE {
        put_varint(body, name.len() + 1)?;
    } else {
        body.put_i16(i16::try_from(name.len()).ok()?);
    }
    body.put_slice(name.as_bytes());
    Some(())
}

fn put_length(body: &mut BytesMut, version: i16, length: usize) -> Option<()> {
    if version >= FLEXIBLE {
        return put_varint(body, length + 1);
    }
    body.put_i32(i32::try_from(length).ok()?);
    Some(())
}

fn put_tags(body: &mut BytesMut, version: i16) {
    if version >= FLEXIBLE {
        body.put_u8(0);
    }
}

fn put_varint(body: &mut BytesMut, value: usize) -> Option<()> {
    let mut rest = u32::try_from(value).ok()?;
    while rest >= 0x80 {
        body.put_u8((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    body.put_u8(rest as u8);
    Some(())
}
