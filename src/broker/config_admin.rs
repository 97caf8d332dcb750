//! `DescribeConfigs`, `AlterConfigs` and `IncrementalAlterConfigs`.

use std::sync::Arc;

use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult,
};
use kafka_protocol::messages::incremental_alter_configs_request::AlterableConfig;
use kafka_protocol::messages::{
    AlterConfigsRequest, AlterConfigsResponse, DescribeConfigsRequest, DescribeConfigsResponse,
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
    incremental_alter_configs_response as incremental,
};
use kafka_protocol::protocol::StrBytes;

use super::code;
use super::code::Refused;
use super::shared::{BrokerState, NODE_ID};
use super::topic_config::{self, CONFIGS, ConfigKind, ConfigOverrides};
use super::topics::Topic;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;

/// Where a value comes from, as the protocol numbers it: the topic's own, or the default.
pub(super) const fn source(is_own: bool) -> i8 {
    if is_own { 1 } else { 5 }
}

/// The values that hold, of topics and of the broker.
pub(super) fn describe(
    shared: &BrokerState,
    request: DescribeConfigsRequest,
) -> DescribeConfigsResponse {
    let results = request.resources.into_iter().map(|asked| {
        let names = asked.configuration_keys.as_deref();
        let is_wanted = |name: &str| names.is_none_or(|names| names.iter().any(|n| **n == *name));
        let described = match asked.resource_type {
            TOPIC => find(shared, &asked.resource_name).map(|topic| of_topic(&topic.overrides())),
            BROKER => check_broker(&asked.resource_name).map(|()| of_broker(shared)),
            other => Err((code::INVALID_REQUEST, format!("No configs of type {other} here."))),
        };
        let result = DescribeConfigsResult::default()
            .with_resource_type(asked.resource_type)
            .with_resource_name(asked.resource_name);
        match described {
            Ok(mut configs) => {
                configs.retain(|config| is_wanted(&config.name));
                result.with_configs(configs)
            }
            Err((error, message)) => result
                .with_error_code(error)
                .with_error_message(Some(StrBytes::from_string(message))),
        }
    });
    DescribeConfigsResponse::default().with_results(results.collect())
}

fn of_topic(overrides: &ConfigOverrides) -> Vec<DescribeConfigsResourceResult> {
    let all = CONFIGS.iter().map(|config| {
        let own = overrides.get(config.name);
        let value = own.map_or(config.default, String::as_str);
        result(config.name, value.to_owned(), config.kind).with_config_source(source(own.is_some()))
    });
    all.collect()
}

fn of_broker(shared: &BrokerState) -> Vec<DescribeConfigsResourceResult> {
    let config = &shared.config;
    let numbers = [
        ("auto.create.topics.enable", config.auto_create.to_string(), ConfigKind::Bool),
        ("connections.max.idle.ms", config.connections_idle_max_ms.to_string(), ConfigKind::Int),
        ("default.replication.factor", "1".to_owned(), ConfigKind::Int),
        (
            "group.initial.rebalance.delay.ms",
            config.initial_rebalance_delay_ms.to_string(),
            ConfigKind::Int,
        ),
        (
            "group.max.session.timeout.ms",
            config.session_timeout_max_ms.to_string(),
            ConfigKind::Int,
        ),
        (
            "group.min.session.timeout.ms",
            config.session_timeout_min_ms.to_string(),
            ConfigKind::Int,
        ),
        ("max.connections", config.connections_max.to_string(), ConfigKind::Int),
        ("max.connections.per.ip", config.connections_max_per_address.to_string(), ConfigKind::Int),
        ("message.max.bytes", "1048588".to_owned(), ConfigKind::Int),
        ("num.partitions", config.partitions_default.to_string(), ConfigKind::Int),
        ("socket.request.max.bytes", shared.request_bytes_max().to_string(), ConfigKind::Int),
    ];
    // 4: given at the broker's start.
    let of =
        |(name, value, kind)| result(name, value, kind).with_config_source(4).with_read_only(true);
    numbers.into_iter().map(of).collect()
}

fn result(name: &'static str, value: String, kind: ConfigKind) -> DescribeConfigsResourceResult {
    DescribeConfigsResourceResult::default()
        .with_name(StrBytes::from_static_str(name))
        .with_value(Some(StrBytes::from_string(value)))
        .with_config_type(kind.code())
}

fn find(shared: &BrokerState, name: &str) -> Result<Arc<Topic>, Refused> {
    let unknown = || (code::UNKNOWN_TOPIC_OR_PARTITION, "No such topic.".to_owned());
    shared.topics.get(name).ok_or_else(unknown)
}

fn check_broker(name: &str) -> Result<(), Refused> {
    // An empty name stands for the whole cluster's defaults.
    if name.is_empty() || name.parse() == Ok(NODE_ID) {
        return Ok(());
    }
    Err((code::INVALID_REQUEST, format!("Unexpected broker id, expected {NODE_ID}.")))
}

/// Replaces all of a topic's own configs.
pub(super) fn alter(shared: &BrokerState, request: AlterConfigsRequest) -> AlterConfigsResponse {
    let responses = request.resources.into_iter().map(|asked| {
        let changes = asked.configs.iter().map(|config| {
            AlterableConfig::default()
                .with_name(config.name.clone())
                .with_value(config.value.clone())
        });
        let changes: Vec<_> = changes.collect();
        let kind = asked.resource_type;
        let start = Some(ConfigOverrides::new());
        let altered =
            apply(shared, kind, &asked.resource_name, start, &changes, request.validate_only);
        let response = AlterConfigsResourceResponse::default()
            .with_resource_type(kind)
            .with_resource_name(asked.resource_name);
        match altered {
            Ok(()) => response,
            Err((error, message)) => response
                .with_error_code(error)
                .with_error_message(Some(StrBytes::from_string(message))),
        }
    });
    AlterConfigsResponse::default().with_responses(responses.collect())
}

/// Changes single configs of a topic.
pub(super) fn alter_incrementally(
    shared: &BrokerState,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let responses = request.resources.into_iter().map(|asked| {
        let kind = asked.resource_type;
        let name = &asked.resource_name;
        let altered = apply(shared, kind, name, None, &asked.configs, request.validate_only);
        let response = incremental::AlterConfigsResourceResponse::default()
            .with_resource_type(kind)
            .with_resource_name(asked.resource_name);
        match altered {
            Ok(()) => response,
            Err((error, message)) => response
                .with_error_code(error)
                .with_error_message(Some(StrBytes::from_string(message))),
        }
    });
    IncrementalAlterConfigsResponse::default().with_responses(responses.collect())
}

/// Changes a topic's own configs, beginning with `start` or with those that it has.
fn apply(
    shared: &BrokerState,
    kind: i8,
    name: &str,
    start: Option<ConfigOverrides>,
    changes: &[AlterableConfig],
    validate_only: bool,
) -> Result<(), Refused> {
    if kind != TOPIC {
        let message = "Only topic configs can be altered on the embedded broker.".to_owned();
        return Err((code::INVALID_REQUEST, message));
    }
    let topic = find(shared, name)?;
    let mut overrides = start.unwrap_or_else(|| topic.overrides());
    for change in changes {
        apply_one(&mut overrides, change).map_err(|why| (code::INVALID_CONFIG, why))?;
    }
    if !validate_only {
        topic.set_overrides(overrides);
    }
    Ok(())
}

fn apply_one(overrides: &mut ConfigOverrides, change: &AlterableConfig) -> Result<(), String> {
    const SET: i8 = 0;
    const DELETE: i8 = 1;
    const APPEND: i8 = 2;
    const SUBTRACT: i8 = 3;
    let name = change.name.to_string();
    let value = change.value.as_ref().map(ToString::to_string);
    let Some(config) = topic_config::find(&name) else {
        return Err(format!("Unknown topic config name: {name}"));
    };
    let changed = match (change.config_operation, value) {
        (DELETE, _) => {
            overrides.remove(&name);
            return Ok(());
        }
        (SET, Some(value)) => value,
        (operation @ (APPEND | SUBTRACT), Some(value)) if config.kind == ConfigKind::List => {
            let now = topic_config::value(overrides, &name).unwrap_or_default();
            let named: Vec<&str> = value.split(',').map(str::trim).collect();
            let kept = now.split(',').filter(|part| !part.is_empty() && !named.contains(part));
            let added = if operation == APPEND { named.as_slice() } else { &[] };
            kept.chain(added.iter().copied()).collect::<Vec<_>>().join(",")
        }
        (APPEND | SUBTRACT, Some(_)) => return Err(format!("{name} is not a list.")),
        (_, None) => return Err(format!("Null value for {name}.")),
        (other, _) => return Err(format!("Unknown operation {other} on {name}.")),
    };
    topic_config::check(&name, &changed)?;
    overrides.insert(name, changed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(
        overrides: &mut ConfigOverrides,
        operation: i8,
        value: Option<&str>,
    ) -> Result<(), String> {
        let name = if operation >= 2 { "cleanup.policy" } else { "retention.ms" };
        let change = AlterableConfig::default()
            .with_name(StrBytes::from_static_str(name))
            .with_config_operation(operation)
            .with_value(value.map(|value| StrBytes::from_string(value.to_owned())));
        apply_one(overrides, &change)
    }

    #[test]
    fn values_are_set_deleted_appended_and_subtracted() {
        let mut overrides = ConfigOverrides::new();
        change(&mut overrides, 0, Some("5")).unwrap();
        assert_eq!(overrides["retention.ms"], "5");
        assert!(change(&mut overrides, 0, Some("five")).is_err());
        assert!(change(&mut overrides, 0, None).is_err());
        change(&mut overrides, 1, None).unwrap();
        assert!(overrides.is_empty());
        change(&mut overrides, 2, Some("compact")).unwrap();
        assert_eq!(overrides["cleanup.policy"], "delete,compact");
        change(&mut overrides, 3, Some("delete")).unwrap();
        assert_eq!(overrides["cleanup.policy"], "compact");
    }
}
