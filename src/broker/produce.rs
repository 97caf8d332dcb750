//! Produce and `InitProducerId`.

use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{
    InitProducerIdRequest, InitProducerIdResponse, ProduceRequest, ProduceResponse,
};

use super::hooks::ProduceFault;
use super::log::{Appended, BATCH_OVERHEAD_BYTES};
use super::shared::BrokerState;
use super::stats::add;
use super::topics::Topic;
use super::wait::Waiter;
use super::{batch, code};

/// What becomes of a Produce request.
#[derive(Debug)]
pub(super) enum Produced {
    Answer(ProduceResponse),
    /// The client asked for no answer (`acks=0`).
    Silence,
    /// The client asked for no answer and must learn that something went wrong, or a fault
    /// wants it so.
    Close,
}

/// Appends one batch to each partition of the request, and wakes who waits for them.
pub(super) fn produce(shared: &BrokerState, request: ProduceRequest) -> Produced {
    let fault = shared.faults.next_produce();
    let refused = match fault {
        Some(ProduceFault::Refuse(error)) => Some(error),
        _ if !(-1..=1).contains(&request.acks) => Some(code::INVALID_REQUIRED_ACKS),
        _ if request.transactional_id.is_some() => Some(code::INVALID_TXN_STATE),
        _ => None,
    };
    let mut woken = Vec::new();
    let mut has_failed = false;
    let mut responses = Vec::with_capacity(request.topic_data.len());
    for asked in request.topic_data {
        let topic = shared.topics.get(&asked.name);
        let mut partitions = Vec::with_capacity(asked.partition_data.len());
        for data in asked.partition_data {
            let refused = refused.or_else(|| shared.faults.refuses(data.index));
            let appended = match (refused, &topic) {
                (Some(error), _) => Err(error),
                (None, None) => Err(code::UNKNOWN_TOPIC_OR_PARTITION),
                (None, Some(topic)) => {
                    append(shared, topic, data.index, data.records.as_ref(), &mut woken)
                }
            };
            has_failed |= appended.is_err();
            partitions.push(answer(data.index, appended));
        }
        let response = TopicProduceResponse::default().with_name(asked.name);
        responses.push(response.with_partition_responses(partitions));
    }
    // Once all is appended, so that a waiting fetch gets it all at once.
    for waiter in woken {
        waiter.wake();
    }
    match (fault, request.acks) {
        (Some(ProduceFault::LoseAnswer), _) => Produced::Close,
        (_, 0) if has_failed => Produced::Close,
        (_, 0) => Produced::Silence,
        _ => Produced::Answer(
            ProduceResponse::default()
                .with_responses(responses)
                .with_throttle_time_ms(shared.faults.next_throttle_ms()),
        ),
    }
}

/// Where a batch stands, when it was appended if the topic stamps that, and the log's start.
#[derive(Debug, Clone, Copy)]
struct Placed {
    base_offset: i64,
    append_time_ms: i64,
    log_start_offset: i64,
}

fn answer(index: i32, appended: Result<Placed, i16>) -> PartitionProduceResponse {
    let response = PartitionProduceResponse::default().with_index(index);
    match appended {
        Ok(placed) => response
            .with_base_offset(placed.base_offset)
            .with_log_append_time_ms(placed.append_time_ms)
            .with_log_start_offset(placed.log_start_offset),
        Err(error) => response
            .with_error_code(error)
            .with_base_offset(-1)
            .with_log_append_time_ms(-1)
            .with_log_start_offset(-1),
    }
}

fn append(
    shared: &BrokerState,
    topic: &Topic,
    index: i32,
    records: Option<&Bytes>,
    woken: &mut Vec<Arc<Waiter>>,
) -> Result<Placed, i16> {
    let partition = topic.partition(index).ok_or(code::UNKNOWN_TOPIC_OR_PARTITION)?;
    let bytes = records.ok_or(code::INVALID_RECORD)?;
    if bytes.len() as u64 > topic.message_bytes_max() {
        return Err(code::MESSAGE_TOO_LARGE);
    }
    let header = batch::check(bytes)?;
    let now_ms = BrokerState::wall_ms();
    let append_time_ms = topic.is_log_append_time().then_some(now_ms);
    if append_time_ms.is_none() && !topic.takes_timestamp(header.max_timestamp_ms, now_ms) {
        return Err(code::INVALID_TIMESTAMP);
    }
    let cost = bytes.len() as u64 + BATCH_OVERHEAD_BYTES;
    if !crate::broker::reclaim::take(shared, cost) {
        // A batch that stands in the log already needs no room.
        let log = partition.lock();
        return match log.judge(&header)? {
            super::sequence::SequenceVerdict::Duplicate { base_offset } => {
                Ok(place(base_offset, append_time_ms, log.start_offset()))
            }
            super::sequence::SequenceVerdict::Append => {
                add(&shared.counters.refused_batches, 1);
                Err(code::NOT_ENOUGH_REPLICAS)
            }
        };
    }
    // Copied before the lock is taken, so that readers of the partition don't wait for it.
    let kept = batch::keep(bytes, append_time_ms);
    let mut log = partition.lock();
    let appended = log.append(&header, kept, append_time_ms);
    if let Ok(Appended { is_duplicate: false, .. }) = appended {
        log.satisfied(bytes.len(), woken);
        add(&shared.counters.records_in, u64::from(header.records.unsigned_abs()));
        add(&shared.counters.bytes_in, bytes.len() as u64);
    } else {
        shared.memory.release(cost);
        add(&shared.counters.duplicate_batches, u64::from(appended.is_ok()));
    }
    appended.map(|appended| place(appended.base_offset, append_time_ms, log.start_offset()))
}

fn place(base_offset: i64, append_time_ms: Option<i64>, log_start_offset: i64) -> Placed {
    Placed { base_offset, append_time_ms: append_time_ms.unwrap_or(-1), log_start_offset }
}

/// Gives an idempotent producer its id. Transactions are refused, finally and at once.
pub(super) fn init_producer_id(
    shared: &BrokerState,
    request: &InitProducerIdRequest,
) -> InitProducerIdResponse {
    let response = InitProducerIdResponse::default();
    if request.transactional_id.is_some() {
        return response
            .with_error_code(code::TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
            .with_producer_id((-1).into())
            .with_producer_epoch(-1);
    }
    response.with_producer_id(shared.next_producer_id().into()).with_producer_epoch(0)
}
