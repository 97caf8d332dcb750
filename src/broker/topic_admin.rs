//! `CreateTopics`, `DeleteTopics` and `CreatePartitions`.

use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::{
    CreatableTopicConfigs, CreatableTopicResult,
};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{
    BrokerId, CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest,
    CreateTopicsResponse, DeleteTopicsRequest, DeleteTopicsResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::code;
use super::code::Refused;
use super::shared::{BrokerState, NODE_ID};
use super::topic_config::{self, CONFIGS, ConfigOverrides};

/// Makes topics.
pub(super) fn create(
    shared: &BrokerState,
    request: CreateTopicsRequest,
    version: i16,
) -> CreateTopicsResponse {
    let topics = request.topics.into_iter().map(|asked| {
        let made = create_one(shared, &asked, request.validate_only);
        let result = CreatableTopicResult::default().with_name(asked.name);
        match made {
            Ok((id, partitions, overrides)) if version >= 5 => result
                .with_topic_id(if version >= 7 { id } else { Uuid::nil() })
                .with_num_partitions(partitions)
                .with_replication_factor(1)
                .with_configs(Some(configs(&overrides))),
            Ok(_) => result,
            Err((error, message)) => result
                .with_error_code(error)
                .with_error_message(Some(StrBytes::from_string(message))),
        }
    });
    CreateTopicsResponse::default().with_topics(topics.collect())
}

fn create_one(
    shared: &BrokerState,
    asked: &CreatableTopic,
    validate_only: bool,
) -> Result<(Uuid, i32, ConfigOverrides), Refused> {
    let partitions = partition_count(shared, asked)?;
    let mut overrides = ConfigOverrides::new();
    for config in &asked.configs {
        let Some(value) = &config.value else {
            let message = format!("Null value not supported for topic config {}", &*config.name);
            return Err((code::INVALID_CONFIG, message));
        };
        topic_config::check(&config.name, value).map_err(|why| (code::INVALID_CONFIG, why))?;
        overrides.insert(config.name.to_string(), value.to_string());
    }
    let refused = |error| (error, explain(error, &asked.name));
    if validate_only {
        shared.topics.check(&asked.name, partitions).map_err(refused)?;
        return Ok((Uuid::nil(), partitions, overrides));
    }
    let made = shared.topics.create(&asked.name, partitions, overrides.clone());
    made.map(|topic| (topic.id, partitions, overrides)).map_err(refused)
}

fn partition_count(shared: &BrokerState, asked: &CreatableTopic) -> Result<i32, Refused> {
    if asked.assignments.is_empty() {
        if !matches!(asked.replication_factor, -1 | 1) {
            let factor = asked.replication_factor;
            let message = format!("Replication factor {factor}: there is one broker.");
            return Err((code::INVALID_REPLICATION_FACTOR, message));
        }
        return Ok(match asked.num_partitions {
            -1 => shared.config.partitions_default,
            count => count,
        });
    }
    let mut indexes: Vec<i32> = asked.assignments.iter().map(|a| a.partition_index).collect();
    indexes.sort_unstable();
    let is_sound = (0..).zip(&indexes).all(|(place, &index)| place == index)
        && asked.assignments.iter().all(|a| *a.broker_ids == [BrokerId(NODE_ID)]);
    let count = i32::try_from(indexes.len()).unwrap_or(i32::MAX);
    let message = "Partitions must be numbered from 0 and stand on the one broker.".to_owned();
    if is_sound { Ok(count) } else { Err((code::INVALID_REPLICA_ASSIGNMENT, message)) }
}

fn explain(error: i16, name: &str) -> String {
    match error {
        code::TOPIC_ALREADY_EXISTS => format!("Topic '{name}' already exists."),
        code::INVALID_TOPIC => format!("Topic name '{name}' is invalid."),
        code::INVALID_PARTITIONS => "Number of partitions must be larger than 0.".to_owned(),
        code::POLICY_VIOLATION => "Too many partitions for the embedded broker.".to_owned(),
        _ => "The topic can't be made.".to_owned(),
    }
}

fn configs(overrides: &ConfigOverrides) -> Vec<CreatableTopicConfigs> {
    let all = CONFIGS.iter().map(|config| {
        let own = overrides.get(config.name);
        let value = own.map_or(config.default, String::as_str).to_owned();
        CreatableTopicConfigs::default()
            .with_name(StrBytes::from_static_str(config.name))
            .with_value(Some(StrBytes::from_string(value)))
            .with_config_source(super::config_admin::source(own.is_some()))
    });
    all.collect()
}

/// Removes topics with their records and the offsets committed for them.
pub(super) fn delete(
    shared: &BrokerState,
    request: DeleteTopicsRequest,
    version: i16,
) -> DeleteTopicsResponse {
    let by_name = |name: TopicName| DeleteTopicState::default().with_name(Some(name));
    let asked: Vec<_> = if version >= 6 {
        request.topics
    } else {
        request.topic_names.into_iter().map(by_name).collect()
    };
    let responses = asked.into_iter().map(|asked| {
        let name = match &asked.name {
            Some(name) => Ok(name.to_string()),
            None => match shared.topics.by_id(asked.topic_id) {
                Some(topic) => Ok(topic.name.clone()),
                None => Err(code::UNKNOWN_TOPIC_ID),
            },
        };
        let error = name.as_deref().map_or_else(|&error| error, |name| delete_one(shared, name));
        let name = name.ok().map(|name| TopicName(StrBytes::from_string(name)));
        DeletableTopicResult::default()
            .with_name(name)
            .with_topic_id(if version >= 6 { asked.topic_id } else { Uuid::nil() })
            .with_error_code(error)
    });
    DeleteTopicsResponse::default().with_responses(responses.collect())
}

fn delete_one(shared: &BrokerState, name: &str) -> i16 {
    let Some(freed) = shared.topics.delete(name) else {
        return code::UNKNOWN_TOPIC_OR_PARTITION;
    };
    shared.memory.release(freed);
    shared.groups.forget_topic(name);
    code::NONE
}

/// Adds partitions to topics.
pub(super) fn create_partitions(
    shared: &BrokerState,
    request: CreatePartitionsRequest,
) -> CreatePartitionsResponse {
    let results = request.topics.into_iter().map(|asked| {
        let grown = grow(shared, &asked, request.validate_only);
        let result = CreatePartitionsTopicResult::default().with_name(asked.name);
        match grown {
            Ok(()) => result,
            Err((error, message)) => result
                .with_error_code(error)
                .with_error_message(Some(StrBytes::from_string(message))),
        }
    });
    CreatePartitionsResponse::default().with_results(results.collect())
}

fn grow(
    shared: &BrokerState,
    asked: &CreatePartitionsTopic,
    validate_only: bool,
) -> Result<(), Refused> {
    let unknown = || (code::UNKNOWN_TOPIC_OR_PARTITION, "No such topic.".to_owned());
    let topic = shared.topics.get(&asked.name).ok_or_else(unknown)?;
    let has = topic.partition_count();
    let assignments = asked.assignments.as_deref().unwrap_or_default();
    let more = i64::from(asked.count) - i64::from(has);
    let is_sound = assignments.is_empty()
        || (i64::try_from(assignments.len()) == Ok(more)
            && assignments.iter().all(|a| *a.broker_ids == [BrokerId(NODE_ID)]));
    if more > 0 && !is_sound {
        let message = "Every new partition must stand on the one broker.".to_owned();
        return Err((code::INVALID_REPLICA_ASSIGNMENT, message));
    }
    shared.topics.grow(&topic, asked.count, validate_only).map_err(|error| match error {
        code::INVALID_PARTITIONS => (error, format!("Topic already has {has} partition(s).")),
        error => (error, explain(error, &topic.name)),
    })
}
