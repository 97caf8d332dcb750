//! `OffsetCommit`, `OffsetFetch` and `OffsetDelete`.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::messages::offset_commit_request::OffsetCommitRequestPartition;
use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{
    GroupId, OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest, OffsetDeleteResponse,
    OffsetFetchRequest, OffsetFetchResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use super::group::{Committed, Group};
use super::shared::BrokerState;
use super::{code, memory};

/// The longest text that a client may keep with an offset, as in Kafka.
const METADATA_MAX_BYTES: usize = 4_096;

/// Keeps offsets, if the member may commit and the partitions exist.
pub(super) fn commit(shared: &BrokerState, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let now_ms = shared.now_ms();
    let generation = request.generation_id_or_member_epoch;
    let check = |group: &mut Group| {
        let instance_id = request.group_instance_id.as_deref();
        group.check_commit(&request.member_id, instance_id, generation, now_ms)
    };
    // Only a client without a membership may begin a group by committing.
    let allowed = if let Err(error) = shared.faults.misled() {
        Err(error)
    } else if generation < 0 {
        shared.groups.with_new(&request.group_id, now_ms, check).and_then(|allowed| allowed)
    } else {
        let known = shared.groups.with(&request.group_id, check);
        known.unwrap_or(Err(code::ILLEGAL_GENERATION))
    };
    let topics = request.topics.into_iter().map(|asked| {
        let partitions = asked.partitions.into_iter().map(|partition| {
            let index = partition.partition_index;
            let kept = allowed
                .and_then(|()| check_partition(shared, &asked.name, &partition))
                .and_then(|()| keep(shared, &request.group_id, &asked.name, partition));
            OffsetCommitResponsePartition::default()
                .with_partition_index(index)
                .with_error_code(kept.err().unwrap_or(code::NONE))
        });
        let partitions = partitions.collect();
        OffsetCommitResponseTopic::default().with_name(asked.name).with_partitions(partitions)
    });
    OffsetCommitResponse::default().with_topics(topics.collect())
}

fn check_partition(
    shared: &BrokerState,
    topic: &str,
    partition: &OffsetCommitRequestPartition,
) -> Result<(), i16> {
    if shared.topics.partition(topic, partition.partition_index).is_none() {
        return Err(code::UNKNOWN_TOPIC_OR_PARTITION);
    }
    let metadata_bytes = partition.committed_metadata.as_ref().map_or(0, |text| text.len());
    if metadata_bytes > METADATA_MAX_BYTES {
        return Err(code::OFFSET_METADATA_TOO_LARGE);
    }
    Ok(())
}

fn keep(
    shared: &BrokerState,
    group_id: &str,
    topic: &str,
    partition: OffsetCommitRequestPartition,
) -> Result<(), i16> {
    let committed = Committed {
        offset: partition.committed_offset,
        leader_epoch: partition.committed_leader_epoch,
        metadata: partition.committed_metadata.map(|text| text.to_string()).unwrap_or_default(),
    };
    let place = (topic.to_owned(), partition.partition_index);
    let kept = shared.groups.with(group_id, |group| {
        group.commits.insert(place, committed);
    });
    // Deleted between the check and now.
    kept.ok_or(code::UNKNOWN_MEMBER_ID)
}

/// The committed offsets of partitions, or of a whole group; -1 where there is none.
pub(super) fn fetch(
    shared: &BrokerState,
    request: OffsetFetchRequest,
    version: i16,
) -> OffsetFetchResponse {
    if version >= 8 {
        let groups = request.groups.into_iter().map(|asked| {
            let wanted = asked.topics.map(|topics| {
                topics.into_iter().map(|topic| (topic.name, topic.partition_indexes)).collect()
            });
            let topics = read(shared, &asked.group_id, wanted).into_iter().map(|(name, found)| {
                let partitions = found.into_iter().map(|(index, committed)| {
                    OffsetFetchResponsePartitions::default()
                        .with_partition_index(index)
                        .with_committed_offset(committed.offset)
                        .with_committed_leader_epoch(committed.leader_epoch)
                        .with_metadata(Some(StrBytes::from_string(committed.metadata)))
                });
                let partitions = partitions.collect();
                OffsetFetchResponseTopics::default().with_name(name).with_partitions(partitions)
            });
            let topics = topics.collect();
            OffsetFetchResponseGroup::default().with_group_id(asked.group_id).with_topics(topics)
        });
        return OffsetFetchResponse::default().with_groups(groups.collect());
    }
    let wanted = request.topics.map(|topics| {
        topics.into_iter().map(|topic| (topic.name, topic.partition_indexes)).collect()
    });
    let topics = read(shared, &request.group_id, wanted).into_iter().map(|(name, found)| {
        let partitions = found.into_iter().map(|(index, committed)| {
            let response = OffsetFetchResponsePartition::default()
                .with_partition_index(index)
                .with_committed_offset(committed.offset)
                .with_metadata(Some(StrBytes::from_string(committed.metadata)));
            // Older versions have no place for it.
            if version < 5 {
                return response;
            }
            response.with_committed_leader_epoch(committed.leader_epoch)
        });
        let partitions = partitions.collect();
        OffsetFetchResponseTopic::default().with_name(name).with_partitions(partitions)
    });
    OffsetFetchResponse::default().with_topics(topics.collect())
}

type Asked = Vec<(TopicName, Vec<i32>)>;
type FoundCommits = Vec<(TopicName, Vec<(i32, Committed)>)>;

fn read(shared: &BrokerState, group_id: &GroupId, wanted: Option<Asked>) -> FoundCommits {
    let commits = shared.groups.with(group_id, |group| group.commits.clone()).unwrap_or_default();
    let none = || Committed { offset: -1, leader_epoch: -1, metadata: String::new() };
    if let Some(wanted) = wanted {
        let topics = wanted.into_iter().map(|(name, indexes)| {
            let found = indexes.into_iter().map(|index| {
                let committed = commits.get(&(name.to_string(), index));
                (index, committed.cloned().unwrap_or_else(none))
            });
            let found = found.collect();
            (name, found)
        });
        return topics.collect();
    }
    let mut topics = BTreeMap::<String, Vec<(i32, Committed)>>::new();
    for ((topic, index), committed) in commits {
        topics.entry(topic).or_default().push((index, committed));
    }
    let name = |topic: String| TopicName(StrBytes::from_string(topic));
    topics.into_iter().map(|(topic, found)| (name(topic), found)).collect()
}

/// Forgets offsets of topics that no member of the group subscribes to.
pub(super) fn delete(shared: &BrokerState, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
    let response = OffsetDeleteResponse::default();
    let deleted = shared.groups.with(&request.group_id, |group| {
        // A subscription that can't be read may be to anything.
        let subscribed: Option<BTreeSet<String>> = memory::subscribed_topics(group)
            .map(|topics| topics.into_iter().map(ToOwned::to_owned).collect());
        let topics = request.topics.into_iter().map(|asked| {
            let name = asked.name.to_string();
            let is_free = subscribed.as_ref().is_some_and(|topics| !topics.contains(&name));
            let partitions = asked.partitions.iter().map(|partition| {
                let index = partition.partition_index;
                let error = if is_free {
                    group.commits.remove(&(name.clone(), index));
                    code::NONE
                } else {
                    code::GROUP_SUBSCRIBED_TO_TOPIC
                };
                OffsetDeleteResponsePartition::default()
                    .with_partition_index(index)
                    .with_error_code(error)
            });
            let partitions = partitions.collect();
            OffsetDeleteResponseTopic::default().with_name(asked.name).with_partitions(partitions)
        });
        topics.collect()
    });
    match deleted {
        Some(topics) => response.with_topics(topics),
        None => response.with_error_code(code::GROUP_ID_NOT_FOUND),
    }
}
