//! `ListOffsets` and `DeleteRecords`.

use kafka_protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::{
    DeleteRecordsRequest, DeleteRecordsResponse, ListOffsetsRequest, ListOffsetsResponse,
};

use super::code;
use super::log::PartitionLog;
use super::shared::BrokerState;

/// Times that are none: what to look up instead.
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const LATEST_BY_TIME: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;

/// Offsets by time, and at both ends of the logs.
pub(super) fn list_offsets(
    shared: &BrokerState,
    request: ListOffsetsRequest,
    version: i16,
) -> ListOffsetsResponse {
    // Before version 4 there is no place for it, and the codec refuses any but its own -1.
    let leader_epoch = if version >= 4 { 0 } else { -1 };
    let topics = request.topics.into_iter().map(|asked| {
        let partitions = asked.partitions.iter().map(|partition| {
            let response = ListOffsetsPartitionResponse::default()
                .with_partition_index(partition.partition_index);
            let found = shared
                .topics
                .partition(&asked.name, partition.partition_index)
                .map(|held| look_up(&held.lock(), partition.timestamp));
            match found {
                // Nothing that late: an answer without an offset.
                Some(None) => response.with_offset(-1).with_timestamp(-1),
                Some(Some((offset, timestamp_ms))) => response
                    .with_offset(offset)
                    .with_timestamp(timestamp_ms)
                    .with_leader_epoch(leader_epoch),
                None => response
                    .with_error_code(code::UNKNOWN_TOPIC_OR_PARTITION)
                    .with_offset(-1)
                    .with_timestamp(-1),
            }
        });
        let partitions = partitions.collect();
        ListOffsetsTopicResponse::default().with_name(asked.name).with_partitions(partitions)
    });
    ListOffsetsResponse::default().with_topics(topics.collect())
}

/// An offset, and the timestamp of its record where it was found by that.
fn look_up(log: &PartitionLog, at_ms: i64) -> Option<(i64, i64)> {
    match at_ms {
        LATEST => Some((log.end_offset(), -1)),
        EARLIEST | EARLIEST_LOCAL => Some((log.start_offset(), -1)),
        LATEST_BY_TIME => log.latest_by_time(),
        LATEST_TIERED => None,
        at_ms => log.offset_at(at_ms),
    }
}

/// Moves the logs' starts forward, to the high watermark at most.
pub(super) fn delete_records(
    shared: &BrokerState,
    request: DeleteRecordsRequest,
) -> DeleteRecordsResponse {
    let topics = request.topics.into_iter().map(|asked| {
        let partitions = asked.partitions.iter().map(|partition| {
            let index = partition.partition_index;
            let trimmed = trim(shared, &asked.name, index, partition.offset);
            let response = DeleteRecordsPartitionResult::default().with_partition_index(index);
            match trimmed {
                Ok(start_offset) => response.with_low_watermark(start_offset),
                Err(error) => response.with_error_code(error).with_low_watermark(-1),
            }
        });
        let partitions = partitions.collect();
        DeleteRecordsTopicResult::default().with_name(asked.name).with_partitions(partitions)
    });
    DeleteRecordsResponse::default().with_topics(topics.collect())
}

fn trim(shared: &BrokerState, topic: &str, index: i32, offset: i64) -> Result<i64, i16> {
    let partition = shared.topics.partition(topic, index);
    let partition = partition.ok_or(code::UNKNOWN_TOPIC_OR_PARTITION)?;
    let mut log = partition.lock();
    let offset = if offset == -1 { log.end_offset() } else { offset };
    if offset < 0 || offset > log.end_offset() {
        return Err(code::OFFSET_OUT_OF_RANGE);
    }
    shared.memory.release(log.trim(offset));
    Ok(log.start_offset())
}
