//! How clients find their way: `ApiVersions`, Metadata, `DescribeCluster`, `FindCoordinator`.

use std::collections::BTreeSet;

use kafka_protocol::messages::api_versions_response::{
    ApiVersion, ApiVersionsResponse, SupportedFeatureKey,
};
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    DescribeClusterRequest, DescribeClusterResponse, FindCoordinatorRequest,
    FindCoordinatorResponse, MetadataRequest, MetadataResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::api::APIS;
use super::code;
use super::shared::{BrokerState, NODE_ID, version_level};
use super::topic_config::ConfigOverrides;
use super::topics::Topic;
use crate::client::embedded::VERSION_FEATURE;

/// The "operations allowed" field of a client that did not ask for it.
pub(super) const OPERATIONS_UNKNOWN: i32 = i32::MIN;

/// The APIs served, with an error for a client whose own version is unknown; and, to those whose
/// version of the answer has room for it, which kbench this is.
pub(super) fn api_versions(error: i16, version: i16) -> ApiVersionsResponse {
    let keys = APIS.iter().map(|api| {
        ApiVersion::default()
            .with_api_key(api.key as i16)
            .with_min_version(api.min)
            .with_max_version(api.max)
    });
    let response =
        ApiVersionsResponse::default().with_error_code(error).with_api_keys(keys.collect());
    if version < 3 {
        return response;
    }
    let level = version_level();
    let feature = SupportedFeatureKey::default()
        .with_name(StrBytes::from_static_str(VERSION_FEATURE))
        .with_min_version(level)
        .with_max_version(level);
    response.with_supported_features(vec![feature])
}

/// The broker and the topics asked for; unknown ones are made if the client allows that.
pub(super) fn metadata(
    shared: &BrokerState,
    request: &MetadataRequest,
    version: i16,
) -> MetadataResponse {
    let may_create = shared.config.auto_create && request.allow_auto_topic_creation;
    let topics = match &request.topics {
        // Version 0 has no null: there, an empty list asks for all.
        Some(topics) if version > 0 || !topics.is_empty() => {
            // Each topic once, however often it is named: an answer may be large.
            let asked: BTreeSet<_> = topics.iter().map(|t| (&t.name, t.topic_id)).collect();
            let describe = |(name, id): (&Option<TopicName>, Uuid)| match name {
                Some(name) => named(shared, name, may_create),
                None => identified(shared, id),
            };
            asked.into_iter().map(describe).collect()
        }
        _ => shared.topics.all().iter().map(|topic| describe(topic)).collect(),
    };
    let broker = MetadataResponseBroker::default()
        .with_node_id(NODE_ID.into())
        .with_host(shared.host())
        .with_port(shared.port());
    MetadataResponse::default()
        .with_brokers(vec![broker])
        .with_cluster_id(Some(StrBytes::from_string(shared.cluster_id.clone())))
        .with_controller_id(NODE_ID.into())
        .with_topics(topics)
        .with_cluster_authorized_operations(OPERATIONS_UNKNOWN)
}

fn named(shared: &BrokerState, name: &TopicName, may_create: bool) -> MetadataResponseTopic {
    if let Some(topic) = shared.topics.get(name) {
        return describe(&topic);
    }
    let partitions = shared.config.partitions_default;
    let made = if may_create {
        shared.topics.create(name, partitions, ConfigOverrides::new())
    } else {
        Err(code::UNKNOWN_TOPIC_OR_PARTITION)
    };
    match made {
        Ok(topic) => describe(&topic),
        // Two clients asked at once.
        Err(code::TOPIC_ALREADY_EXISTS) => shared
            .topics
            .get(name)
            .map_or_else(|| absent(Some(name.clone())), |topic| describe(&topic)),
        Err(error) => absent(Some(name.clone())).with_error_code(error),
    }
}

fn identified(shared: &BrokerState, id: Uuid) -> MetadataResponseTopic {
    match shared.topics.by_id(id) {
        Some(topic) => describe(&topic),
        None => absent(None).with_topic_id(id).with_error_code(code::UNKNOWN_TOPIC_ID),
    }
}

fn absent(name: Option<TopicName>) -> MetadataResponseTopic {
    // Only from version 12 on may the name be null.
    MetadataResponseTopic::default()
        .with_error_code(code::UNKNOWN_TOPIC_OR_PARTITION)
        .with_name(Some(name.unwrap_or_default()))
        .with_topic_authorized_operations(OPERATIONS_UNKNOWN)
}

fn describe(topic: &Topic) -> MetadataResponseTopic {
    let partitions = (0..topic.partition_count()).map(|index| {
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(NODE_ID.into())
            .with_leader_epoch(0)
            .with_replica_nodes(vec![NODE_ID.into()])
            .with_isr_nodes(vec![NODE_ID.into()])
    });
    MetadataResponseTopic::default()
        .with_name(Some(TopicName(StrBytes::from_string(topic.name.clone()))))
        .with_topic_id(topic.id)
        .with_partitions(partitions.collect())
        .with_topic_authorized_operations(OPERATIONS_UNKNOWN)
}

/// The cluster of one broker.
pub(super) fn describe_cluster(
    shared: &BrokerState,
    request: &DescribeClusterRequest,
) -> DescribeClusterResponse {
    let response = DescribeClusterResponse::default()
        .with_cluster_authorized_operations(OPERATIONS_UNKNOWN)
        .with_endpoint_type(request.endpoint_type);
    // 1 asks for brokers; 2 for controllers, which can't be reached by themselves.
    if request.endpoint_type != 1 {
        return response.with_error_code(code::INVALID_REQUEST);
    }
    let broker = DescribeClusterBroker::default()
        .with_broker_id(NODE_ID.into())
        .with_host(shared.host())
        .with_port(shared.port());
    response
        .with_cluster_id(StrBytes::from_string(shared.cluster_id.clone()))
        .with_controller_id(NODE_ID.into())
        .with_brokers(vec![broker])
}

/// This broker coordinates everything.
pub(super) fn find_coordinator(
    shared: &BrokerState,
    request: FindCoordinatorRequest,
    version: i16,
) -> FindCoordinatorResponse {
    if version < 4 {
        return FindCoordinatorResponse::default()
            .with_node_id(NODE_ID.into())
            .with_host(shared.host())
            .with_port(shared.port());
    }
    let coordinator = |key| {
        Coordinator::default()
            .with_key(key)
            .with_node_id(NODE_ID.into())
            .with_host(shared.host())
            .with_port(shared.port())
    };
    let coordinators = request.coordinator_keys.into_iter().map(coordinator).collect();
    FindCoordinatorResponse::default().with_coordinators(coordinators)
}
