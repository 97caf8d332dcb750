//! One request of every API, with something in every array.

use std::ops::RangeInclusive;

use bytes::Bytes;
use kafka_protocol::messages::alter_configs_request::{self, AlterConfigsResource};
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::incremental_alter_configs_request as incremental;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;

/// Every API that the broker serves.
pub(crate) const KEYS: &[ApiKey] = &[
    ApiKey::Produce,
    ApiKey::Fetch,
    ApiKey::ListOffsets,
    ApiKey::Metadata,
    ApiKey::OffsetCommit,
    ApiKey::OffsetFetch,
    ApiKey::FindCoordinator,
    ApiKey::JoinGroup,
    ApiKey::Heartbeat,
    ApiKey::LeaveGroup,
    ApiKey::SyncGroup,
    ApiKey::DescribeGroups,
    ApiKey::ListGroups,
    ApiKey::ApiVersions,
    ApiKey::CreateTopics,
    ApiKey::DeleteTopics,
    ApiKey::DeleteRecords,
    ApiKey::InitProducerId,
    ApiKey::DescribeConfigs,
    ApiKey::AlterConfigs,
    ApiKey::CreatePartitions,
    ApiKey::DeleteGroups,
    ApiKey::IncrementalAlterConfigs,
    ApiKey::OffsetDelete,
    ApiKey::DescribeCluster,
];

/// The versions served, where they are fewer than the codec's.
pub(crate) fn advertised(key: ApiKey) -> RangeInclusive<i16> {
    match key {
        ApiKey::Produce => 3..=11,
        ApiKey::Fetch => 4..=12,
        ApiKey::Metadata => 0..=12,
        ApiKey::OffsetCommit => 2..=9,
        ApiKey::ListOffsets | ApiKey::OffsetFetch => 1..=9,
        _ => key.valid_versions().min..=key.valid_versions().max,
    }
}

fn text(value: &'static str) -> StrBytes {
    StrBytes::from_static_str(value)
}

fn topic() -> TopicName {
    TopicName(text("hostile"))
}

fn group() -> GroupId {
    GroupId(text("hostile-group"))
}

/// A request that the broker can read; a default one where an API has no arrays.
pub(crate) fn sample(key: ApiKey, version: i16) -> RequestKind {
    match key {
        ApiKey::Produce => {
            let data = PartitionProduceData::default().with_records(Some(Bytes::from(vec![0; 70])));
            let topic = TopicProduceData::default()
                .with_name(topic())
                .with_partition_data(vec![data.clone(), data]);
            RequestKind::Produce(
                ProduceRequest::default().with_acks(1).with_topic_data(vec![topic]),
            )
        }
        ApiKey::Fetch => {
            let partition = FetchPartition::default().with_partition_max_bytes(1_000);
            let topic = FetchTopic::default()
                .with_topic(topic())
                .with_partitions(vec![partition.clone(), partition.with_partition(1)]);
            RequestKind::Fetch(
                FetchRequest::default().with_max_bytes(1_000).with_topics(vec![topic]),
            )
        }
        ApiKey::ListOffsets => {
            let partition = ListOffsetsPartition::default().with_timestamp(-1);
            let topic =
                ListOffsetsTopic::default().with_name(topic()).with_partitions(vec![partition]);
            RequestKind::ListOffsets(ListOffsetsRequest::default().with_topics(vec![topic]))
        }
        ApiKey::Metadata => {
            let topic = MetadataRequestTopic::default().with_name(Some(topic()));
            RequestKind::Metadata(MetadataRequest::default().with_topics(Some(vec![topic])))
        }
        ApiKey::CreateTopics => {
            let config = CreatableTopicConfig::default()
                .with_name(text("retention.ms"))
                .with_value(Some(text("5")));
            let topic = CreatableTopic::default()
                .with_name(topic())
                .with_num_partitions(2)
                .with_replication_factor(1)
                .with_configs(vec![config]);
            RequestKind::CreateTopics(CreateTopicsRequest::default().with_topics(vec![topic]))
        }
        ApiKey::DeleteTopics if version >= 6 => {
            let topic = DeleteTopicState::default().with_name(Some(TopicName(text("gone"))));
            RequestKind::DeleteTopics(DeleteTopicsRequest::default().with_topics(vec![topic]))
        }
        ApiKey::DeleteTopics => RequestKind::DeleteTopics(
            DeleteTopicsRequest::default().with_topic_names(vec![TopicName(text("gone"))]),
        ),
        ApiKey::DeleteRecords => {
            let topic = DeleteRecordsTopic::default()
                .with_name(topic())
                .with_partitions(vec![DeleteRecordsPartition::default()]);
            RequestKind::DeleteRecords(DeleteRecordsRequest::default().with_topics(vec![topic]))
        }
        ApiKey::CreatePartitions => {
            let topic = CreatePartitionsTopic::default().with_name(topic()).with_count(5);
            RequestKind::CreatePartitions(
                CreatePartitionsRequest::default().with_topics(vec![topic]),
            )
        }
        ApiKey::InitProducerId => RequestKind::InitProducerId(
            InitProducerIdRequest::default().with_transactional_id(None),
        ),
        key => of_group(key, version)
            .or_else(|| of_offsets(key, version))
            .or_else(|| of_config(key))
            .unwrap_or_else(|| plain(key)),
    }
}

fn plain(key: ApiKey) -> RequestKind {
    match key {
        ApiKey::ApiVersions => RequestKind::ApiVersions(
            ApiVersionsRequest::default()
                .with_client_software_name(text("hostile"))
                .with_client_software_version(text("1")),
        ),
        ApiKey::DescribeCluster => RequestKind::DescribeCluster(DescribeClusterRequest::default()),
        ApiKey::ListGroups => RequestKind::ListGroups(ListGroupsRequest::default()),
        other => panic!("no sample of {other:?}"),
    }
}

fn of_config(key: ApiKey) -> Option<RequestKind> {
    Some(match key {
        ApiKey::DescribeConfigs => {
            let resource = DescribeConfigsResource::default()
                .with_resource_type(2)
                .with_resource_name(text("hostile"))
                .with_configuration_keys(Some(vec![text("retention.ms")]));
            RequestKind::DescribeConfigs(
                DescribeConfigsRequest::default().with_resources(vec![resource]),
            )
        }
        ApiKey::AlterConfigs => {
            let config = alter_configs_request::AlterableConfig::default()
                .with_name(text("retention.ms"))
                .with_value(Some(text("7")));
            let resource = AlterConfigsResource::default()
                .with_resource_type(2)
                .with_resource_name(text("hostile"))
                .with_configs(vec![config]);
            RequestKind::AlterConfigs(AlterConfigsRequest::default().with_resources(vec![resource]))
        }
        ApiKey::IncrementalAlterConfigs => {
            let config = incremental::AlterableConfig::default()
                .with_name(text("retention.ms"))
                .with_value(Some(text("7")));
            let resource = incremental::AlterConfigsResource::default()
                .with_resource_type(2)
                .with_resource_name(text("hostile"))
                .with_configs(vec![config]);
            RequestKind::IncrementalAlterConfigs(
                IncrementalAlterConfigsRequest::default().with_resources(vec![resource]),
            )
        }
        _ => return None,
    })
}

fn of_group(key: ApiKey, version: i16) -> Option<RequestKind> {
    Some(match key {
        ApiKey::FindCoordinator if version >= 4 => RequestKind::FindCoordinator(
            FindCoordinatorRequest::default().with_coordinator_keys(vec![text("g")]),
        ),
        ApiKey::FindCoordinator => {
            RequestKind::FindCoordinator(FindCoordinatorRequest::default().with_key(text("g")))
        }
        ApiKey::JoinGroup => {
            let protocol = JoinGroupRequestProtocol::default()
                .with_name(text("range"))
                .with_metadata(Bytes::from_static(b"\0\0\0\0\0\0\0\0\0\0"));
            // A member that the group does not know: the answer does not wait for others.
            RequestKind::JoinGroup(
                JoinGroupRequest::default()
                    .with_group_id(group())
                    .with_member_id(text("stranger"))
                    .with_session_timeout_ms(6_000)
                    .with_protocol_type(text("consumer"))
                    .with_protocols(vec![protocol]),
            )
        }
        ApiKey::SyncGroup => {
            let assignment = SyncGroupRequestAssignment::default().with_member_id(text("stranger"));
            RequestKind::SyncGroup(
                SyncGroupRequest::default()
                    .with_group_id(group())
                    .with_assignments(vec![assignment]),
            )
        }
        ApiKey::Heartbeat => {
            RequestKind::Heartbeat(HeartbeatRequest::default().with_group_id(group()))
        }
        ApiKey::LeaveGroup if version >= 3 => RequestKind::LeaveGroup(
            LeaveGroupRequest::default()
                .with_group_id(group())
                .with_members(vec![MemberIdentity::default().with_member_id(text("stranger"))]),
        ),
        ApiKey::LeaveGroup => RequestKind::LeaveGroup(
            LeaveGroupRequest::default().with_group_id(group()).with_member_id(text("stranger")),
        ),
        ApiKey::DescribeGroups => {
            RequestKind::DescribeGroups(DescribeGroupsRequest::default().with_groups(vec![group()]))
        }
        ApiKey::DeleteGroups => RequestKind::DeleteGroups(
            DeleteGroupsRequest::default().with_groups_names(vec![GroupId(text("gone"))]),
        ),
        _ => return None,
    })
}

fn of_offsets(key: ApiKey, version: i16) -> Option<RequestKind> {
    Some(match key {
        ApiKey::OffsetCommit => {
            let topic = OffsetCommitRequestTopic::default()
                .with_name(topic())
                .with_partitions(vec![OffsetCommitRequestPartition::default()]);
            RequestKind::OffsetCommit(
                OffsetCommitRequest::default().with_group_id(group()).with_topics(vec![topic]),
            )
        }
        ApiKey::OffsetFetch if version >= 8 => {
            let topic = OffsetFetchRequestTopics::default()
                .with_name(topic())
                .with_partition_indexes(vec![0, 1]);
            let group = OffsetFetchRequestGroup::default()
                .with_group_id(group())
                .with_topics(Some(vec![topic]));
            RequestKind::OffsetFetch(OffsetFetchRequest::default().with_groups(vec![group]))
        }
        ApiKey::OffsetFetch => {
            let topic = OffsetFetchRequestTopic::default()
                .with_name(topic())
                .with_partition_indexes(vec![0, 1]);
            RequestKind::OffsetFetch(
                OffsetFetchRequest::default().with_group_id(group()).with_topics(Some(vec![topic])),
            )
        }
        ApiKey::OffsetDelete => {
            let topic = OffsetDeleteRequestTopic::default()
                .with_name(topic())
                .with_partitions(vec![OffsetDeleteRequestPartition::default()]);
            RequestKind::OffsetDelete(
                OffsetDeleteRequest::default().with_group_id(group()).with_topics(vec![topic]),
            )
        }
        _ => return None,
    })
}
