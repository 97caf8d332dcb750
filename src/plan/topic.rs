//! `[topic]`: the topic to make and to load.

use std::time::Duration;

use super::TopicPlan;
use super::kafka::dotted_keys::{Setting, flatten};
use super::toml::diagnostics::ValueLocation;
use super::toml::environment::Environment;
use super::toml::names::is_name_char;
use super::toml::reader::TomlTable;
use super::toml::units::whole_ms;

/// The specification's variable for the topic's name.
const NAME_ENV: &str = "KAFKA_ACTIVITIES_TOPIC";

/// The specification's topic.
const DEFAULT_NAME: &str = "user-activities";

/// Kafka's limit for a topic's name, in characters.
const NAME_CHARS_MAX: usize = 249;

/// What a run adds to the name of a fresh topic: a dash and eight digits.
const RUN_SUFFIX_CHARS: usize = 9;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Topic settings that have a key of their own in `[topic]`.
const OWN_KEYS: [(&str, &str); 1] = [("retention.ms", "topic.retention")];

/// The topic, and its `max.message.bytes` where that is set.
pub(crate) fn resolve(
    table: TomlTable<'_>,
    environment: &Environment,
) -> (TopicPlan, Option<Setting>) {
    let reuse = table.flag("reuse").unwrap_or(false);
    let name = name(&table, environment, reuse);
    let partitions = table.whole("partitions", 1..=100_000, " partitions").unwrap_or(6);
    let copies = table.whole("replication_factor", 1..=100, " copies").unwrap_or(1);
    let retention = table.duration("retention", Duration::from_secs(1), 36_500 * DAY);
    let configs = flatten(&table.table("configs"));
    for (key, own) in OWN_KEYS {
        if let Some(setting) = configs.get(key) {
            let what =
                format!("topic.configs.{key}: has a key of its own; expected {own} = \"7d\"");
            table.faults().add(setting.place, what);
        }
    }
    if let Some(policy) = configs.get("cleanup.policy")
        && policy.text.contains("compact")
    {
        let what = "topic.configs.cleanup.policy: compaction drops all but a user's last event, \
                    so that nothing can be accounted for; expected delete";
        table.faults().add(policy.place, what);
    }
    table.finish();
    let size_limit = configs.get("max.message.bytes").cloned();
    let plan = TopicPlan {
        name,
        reuse,
        partitions: i32::try_from(partitions).unwrap_or(i32::MAX),
        replication_factor: i32::try_from(copies).unwrap_or(i32::MAX),
        retention_ms: i64::try_from(whole_ms(retention.unwrap_or(7 * DAY))).unwrap_or(i64::MAX),
        configs: configs.into_iter().map(|(key, setting)| (key, setting.text)).collect(),
    };
    (plan, size_limit)
}

fn name(table: &TomlTable<'_>, environment: &Environment, reuse: bool) -> String {
    let typed = table.text("name");
    let given = environment.get(NAME_ENV, table.faults());
    let (place, path) = match given {
        Some(_) => (ValueLocation::Given(NAME_ENV), String::new()),
        None => (table.place("name"), "topic.name: ".to_owned()),
    };
    let name = given.or(typed).unwrap_or_else(|| DEFAULT_NAME.to_owned());
    let most = if reuse { NAME_CHARS_MAX } else { NAME_CHARS_MAX - RUN_SUFFIX_CHARS };
    let fits = (1..=most).contains(&name.len()) && name.chars().all(is_name_char);
    if !fits || name == "." || name == ".." {
        let what = format!(
            "{path}{name:?} is not a topic name; expected up to {most} letters, digits, '.', '_' \
             and '-'"
        );
        table.faults().add(place, what);
    }
    name
}
