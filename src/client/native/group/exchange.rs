//! Requests to a group's coordinator, and its answers as far as they are of use.

use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::{
    FindCoordinatorRequest, FindCoordinatorResponse, GroupId, HeartbeatResponse, JoinGroupResponse,
    LeaveGroupRequest, OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest,
    OffsetFetchResponse, SyncGroupResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use super::super::answer::Answer;
use crate::base::message_shape::{BLOB, Field, TEXT, fixed, list};

const FIND_FLEXIBLE: i16 = 3;
const FIND: &[Field] = &[
    fixed(4).since(1),
    fixed(2).until(3),
    TEXT.since(1).until(3),
    fixed(4).until(3),
    TEXT.until(3),
    fixed(4).until(3),
    list(&[TEXT, fixed(4), TEXT, fixed(4), fixed(2), TEXT]).since(4),
];

const JOIN_FLEXIBLE: i16 = 6;
const JOIN: &[Field] = &[
    fixed(4).since(2),
    fixed(2),
    fixed(4),
    TEXT.since(7),
    TEXT,
    TEXT,
    fixed(1).since(9),
    TEXT,
    list(&[TEXT, TEXT.since(5), BLOB]),
];

const SYNC_FLEXIBLE: i16 = 4;
const SYNC: &[Field] = &[fixed(4).since(1), fixed(2), TEXT.since(5), TEXT.since(5), BLOB];

const HEARTBEAT_FLEXIBLE: i16 = 4;
const HEARTBEAT: &[Field] = &[fixed(4).since(1), fixed(2)];

const COMMIT_FLEXIBLE: i16 = 8;
const COMMIT: &[Field] = &[fixed(4).since(3), list(&[TEXT, list(&[fixed(4), fixed(2)])])];

const OFFSETS_FLEXIBLE: i16 = 6;
const OFFSETS: &[Field] = &[
    fixed(4).since(3),
    list(&[TEXT, list(&[fixed(4), fixed(8), fixed(4).since(5), TEXT, fixed(2)])]).until(7),
    fixed(2).since(2).until(7),
    list(&[TEXT, list(&[TEXT, list(&[fixed(4), fixed(8), fixed(4), TEXT, fixed(2)])]), fixed(2)])
        .since(8),
];

/// The first version of `OffsetFetch` and of `FindCoordinator` for several groups.
const OFFSETS_OF_GROUPS: i16 = 8;
const FIND_SEVERAL: i16 = 4;

/// The first version of `OffsetFetch` that waits for transactions.
const OFFSETS_STABLE: i16 = 7;

/// The first version of `OffsetFetch` that checks a member's epoch.
const OFFSETS_OF_MEMBER: i16 = 9;

/// The first version of `LeaveGroup` for several members.
const LEAVE_SEVERAL: i16 = 3;

/// Where a coordinator is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CoordinatorPlace {
    pub(super) error_code: i16,
    pub(super) broker: i32,
    pub(super) host: String,
    pub(super) port: i32,
}

pub(super) fn find(group: &str, version: i16) -> FindCoordinatorRequest {
    let key = StrBytes::from_string(group.to_owned());
    if version >= FIND_SEVERAL {
        return FindCoordinatorRequest::default().with_coordinator_keys(vec![key]);
    }
    FindCoordinatorRequest::default().with_key(key)
}

pub(super) fn found(answer: &Answer) -> Result<CoordinatorPlace, String> {
    let response: FindCoordinatorResponse = answer.decode(FIND_FLEXIBLE, FIND)?;
    if answer.version < FIND_SEVERAL {
        return Ok(CoordinatorPlace {
            error_code: response.error_code,
            broker: response.node_id.0,
            host: response.host.to_string(),
            port: response.port,
        });
    }
    let first = response.coordinators.first();
    let first = first.ok_or_else(|| "its answer to FindCoordinator names none".to_owned())?;
    Ok(CoordinatorPlace {
        error_code: first.error_code,
        broker: first.node_id.0,
        host: first.host.to_string(),
        port: first.port,
    })
}

pub(super) fn joined(answer: &Answer) -> Result<JoinGroupResponse, String> {
    answer.decode(JOIN_FLEXIBLE, JOIN)
}

pub(super) fn synced(answer: &Answer) -> Result<SyncGroupResponse, String> {
    answer.decode(SYNC_FLEXIBLE, SYNC)
}

/// The error of an answer to a heartbeat.
pub(super) fn heard(answer: &Answer) -> Result<i16, String> {
    let response: HeartbeatResponse = answer.decode(HEARTBEAT_FLEXIBLE, HEARTBEAT)?;
    Ok(response.error_code)
}

pub(super) fn leave(group: &str, member_id: StrBytes, version: i16) -> LeaveGroupRequest {
    let request = LeaveGroupRequest::default().with_group_id(named(group));
    if version >= LEAVE_SEVERAL {
        let member = MemberIdentity::default().with_member_id(member_id);
        return request.with_members(vec![member]);
    }
    request.with_member_id(member_id)
}

/// Commits the offsets that are wanted next; `identity` is the member's id, generation and name.
pub(super) fn commit(
    group: &str,
    topic: &str,
    (member_id, generation, instance_id): (StrBytes, i32, Option<StrBytes>),
    offsets: &[(i32, i64)],
) -> OffsetCommitRequest {
    let partition = |(partition, offset): &(i32, i64)| {
        OffsetCommitRequestPartition::default()
            .with_partition_index(*partition)
            .with_committed_offset(*offset)
            .with_committed_metadata(Some(StrBytes::default()))
    };
    let topic = OffsetCommitRequestTopic::default()
        .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
        .with_partitions(offsets.iter().map(partition).collect());
    OffsetCommitRequest::default()
        .with_group_id(named(group))
        .with_generation_id_or_member_epoch(generation)
        .with_member_id(member_id)
        .with_group_instance_id(instance_id)
        .with_topics(vec![topic])
}

/// Each partition's error.
pub(super) fn committed(answer: &Answer) -> Result<Vec<(i32, i16)>, String> {
    let response: OffsetCommitResponse = answer.decode(COMMIT_FLEXIBLE, COMMIT)?;
    let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
    Ok(partitions.map(|it| (it.partition_index, it.error_code)).collect())
}

/// Asks for committed offsets; a reader of committed records waits for open transactions. A member
/// whose partitions the broker assigns says who it is and in which epoch.
pub(super) fn offsets(
    group: &str,
    member: Option<(StrBytes, i32)>,
    (topic, partitions): (&str, &[i32]),
    is_stable: bool,
    version: i16,
) -> OffsetFetchRequest {
    let name = TopicName(StrBytes::from_string(topic.to_owned()));
    let request =
        OffsetFetchRequest::default().with_require_stable(is_stable && version >= OFFSETS_STABLE);
    if version >= OFFSETS_OF_GROUPS {
        let topic = OffsetFetchRequestTopics::default()
            .with_name(name)
            .with_partition_indexes(partitions.to_vec());
        let mut group = OffsetFetchRequestGroup::default()
            .with_group_id(named(group))
            .with_topics(Some(vec![topic]));
        if let Some((member_id, epoch)) = member.filter(|_| version >= OFFSETS_OF_MEMBER) {
            group = group.with_member_id(Some(member_id)).with_member_epoch(epoch);
        }
        return request.with_groups(vec![group]);
    }
    let topic = OffsetFetchRequestTopic::default()
        .with_name(name)
        .with_partition_indexes(partitions.to_vec());
    request.with_group_id(named(group)).with_topics(Some(vec![topic]))
}

/// A partition, its offset (−1 where none was ever committed), and its error.
pub(super) type CommittedOffset = (i32, i64, i16);

/// The group's error, and what each partition has.
pub(super) fn offsets_found(answer: &Answer) -> Result<(i16, Vec<CommittedOffset>), String> {
    let response: OffsetFetchResponse = answer.decode(OFFSETS_FLEXIBLE, OFFSETS)?;
    if answer.version >= OFFSETS_OF_GROUPS {
        let first = response.groups.first();
        let first = first.ok_or_else(|| "its answer to OffsetFetch has no group".to_owned())?;
        let partitions = first.topics.iter().flat_map(|topic| &topic.partitions);
        let found = partitions.map(|it| (it.partition_index, it.committed_offset, it.error_code));
        return Ok((first.error_code, found.collect()));
    }
    let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
    let found = partitions.map(|it| (it.partition_index, it.committed_offset, it.error_code));
    Ok((response.error_code, found.collect()))
}

fn named(group: &str) -> GroupId {
    GroupId(StrBytes::from_string(group.to_owned()))
}
