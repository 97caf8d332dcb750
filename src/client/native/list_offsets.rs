//! Where partitions begin and end: for readers without an offset to go on from.

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{BrokerId, ListOffsetsRequest, ListOffsetsResponse, TopicName};
use kafka_protocol::protocol::StrBytes;

use super::answer::Answer;
use crate::base::message_shape::{Field, TEXT, fixed, list};

/// The first version with variable-length integers.
const FLEXIBLE: i16 = 6;

const SHAPE: &[Field] = &[
    fixed(4).since(2),
    list(&[TEXT, list(&[fixed(4), fixed(2), fixed(8), fixed(8), fixed(4).since(4)])]),
];

/// Which end of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartitionEnd {
    /// The first record that is still there.
    First,
    /// Behind the last one.
    Last,
}

/// Asks a leader for an end of partitions; behind the last committed record where those are
/// wanted.
pub(crate) fn list_offsets_request(
    topic: &str,
    end: PartitionEnd,
    reads_committed: bool,
    partitions: impl Iterator<Item = i32>,
) -> ListOffsetsRequest {
    // The protocol's words for the ends, in place of a time.
    let timestamp = match end {
        PartitionEnd::First => -2,
        PartitionEnd::Last => -1,
    };
    let partition = |index| {
        ListOffsetsPartition::default().with_partition_index(index).with_timestamp(timestamp)
    };
    let topic = ListOffsetsTopic::default()
        .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
        .with_partitions(partitions.map(partition).collect());
    ListOffsetsRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_isolation_level(i8::from(reads_committed))
        .with_topics(vec![topic])
}

/// Each partition's error and offset.
///
/// # Errors
/// Where the answer is cut, or is none.
pub(crate) fn read_listed(answer: &Answer) -> Result<Vec<(i32, i16, i64)>, String> {
    let response: ListOffsetsResponse = answer.decode(FLEXIBLE, SHAPE)?;
    let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
    Ok(partitions.map(|it| (it.partition_index, it.error_code, it.offset)).collect())
}
