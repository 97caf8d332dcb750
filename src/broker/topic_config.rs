//! The topic configs that are kept and read back, with Kafka's defaults.
//!
//! Only `max.message.bytes` and the timestamp rules change what the broker does. Retention and
//! compaction never delete anything here: memory is bounded by its own rule.

use std::collections::BTreeMap;

/// A topic's configs that differ from the defaults.
pub(super) type ConfigOverrides = BTreeMap<String, String>;

/// How a value is checked, and its number in the protocol.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum ConfigKind {
    Bool,
    Text,
    Int,
    Long,
    Double,
    List,
}

impl ConfigKind {
    /// The type's number in a `DescribeConfigs` answer.
    pub(super) const fn code(self) -> i8 {
        match self {
            Self::Bool => 1,
            Self::Text => 2,
            Self::Int => 3,
            Self::Long => 5,
            Self::Double => 6,
            Self::List => 7,
        }
    }
}

/// One config.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) name: &'static str,
    pub(super) default: &'static str,
    pub(super) kind: ConfigKind,
    /// The values allowed; any when empty.
    allowed: &'static [&'static str],
}

const fn config(name: &'static str, default: &'static str, kind: ConfigKind) -> Config {
    Config { name, default, kind, allowed: &[] }
}

const fn choice(name: &'static str, default: &'static str, allowed: &'static [&str]) -> Config {
    Config { name, default, kind: ConfigKind::Text, allowed }
}

const LONG_MAX: &str = "9223372036854775807";

/// Every topic config, in the order of the names.
#[rustfmt::skip]
pub(super) const CONFIGS: &[Config] = &[
    Config { name: "cleanup.policy", default: "delete", kind: ConfigKind::List,
             allowed: &["delete", "compact"] },
    choice("compression.type", "producer",
           &["producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"]),
    config("delete.retention.ms", "86400000", ConfigKind::Long),
    config("file.delete.delay.ms", "60000", ConfigKind::Long),
    config("flush.messages", LONG_MAX, ConfigKind::Long),
    config("flush.ms", LONG_MAX, ConfigKind::Long),
    config("index.interval.bytes", "4096", ConfigKind::Int),
    config("local.retention.bytes", "-2", ConfigKind::Long),
    config("local.retention.ms", "-2", ConfigKind::Long),
    config("max.compaction.lag.ms", LONG_MAX, ConfigKind::Long),
    config("max.message.bytes", "1048588", ConfigKind::Int),
    config("message.timestamp.after.max.ms", "3600000", ConfigKind::Long),
    config("message.timestamp.before.max.ms", LONG_MAX, ConfigKind::Long),
    choice("message.timestamp.type", "CreateTime", &["CreateTime", "LogAppendTime"]),
    config("min.cleanable.dirty.ratio", "0.5", ConfigKind::Double),
    config("min.compaction.lag.ms", "0", ConfigKind::Long),
    config("min.insync.replicas", "1", ConfigKind::Int),
    config("preallocate", "false", ConfigKind::Bool),
    config("remote.storage.enable", "false", ConfigKind::Bool),
    config("retention.bytes", "-1", ConfigKind::Long),
    config("retention.ms", "604800000", ConfigKind::Long),
    config("segment.bytes", "1073741824", ConfigKind::Int),
    config("segment.index.bytes", "10485760", ConfigKind::Int),
    config("segment.jitter.ms", "0", ConfigKind::Long),
    config("segment.ms", "604800000", ConfigKind::Long),
    config("unclean.leader.election.enable", "false", ConfigKind::Bool),
];

/// The config of that name.
pub(super) fn find(name: &str) -> Option<&'static Config> {
    CONFIGS.iter().find(|config| config.name == name)
}

/// The value that holds: the topic's own, or the default. None for an unknown name.
pub(super) fn value<'a>(overrides: &'a ConfigOverrides, name: &str) -> Option<&'a str> {
    let own = overrides.get(name).map(String::as_str);
    own.or_else(|| find(name).map(|config| config.default))
}

/// Checks a value, and says what is wrong with it.
pub(super) fn check(name: &str, value: &str) -> Result<(), String> {
    let Some(config) = find(name) else {
        return Err(format!("Unknown topic config name: {name}"));
    };
    let wrong = |what: &str| Err(format!("Invalid value {value} for configuration {name}: {what}"));
    match config.kind {
        ConfigKind::Bool if !matches!(value, "true" | "false") => wrong("not true or false"),
        ConfigKind::Int if value.parse::<i32>().is_err() => wrong("not a number of 32 bits"),
        ConfigKind::Long if value.parse::<i64>().is_err() => wrong("not a number of 64 bits"),
        ConfigKind::Double if value.parse::<f64>().is_err() => wrong("not a number"),
        ConfigKind::Int if name == "max.message.bytes" && value.starts_with('-') => {
            wrong("must be 0 or more")
        }
        ConfigKind::Text | ConfigKind::List => {
            let mut parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
            match parts.find(|part| !config.allowed.contains(part)) {
                Some(part) => wrong(&format!("{part} is not one of {}", config.allowed.join(", "))),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_passes_its_own_check_and_the_names_are_sorted() {
        for config in CONFIGS {
            assert_eq!(check(config.name, config.default), Ok(()), "{}", config.name);
        }
        assert!(CONFIGS.is_sorted_by_key(|config| config.name));
    }

    #[test]
    fn wrong_values_are_refused_by_name() {
        for (name, value) in [
            ("retention.ms", "7d"),
            ("max.message.bytes", "-1"),
            ("preallocate", "yes"),
            ("cleanup.policy", "delete,shred"),
            ("message.timestamp.type", "createtime"),
            ("min.cleanable.dirty.ratio", "half"),
            ("no.such.config", "1"),
        ] {
            let complaint = check(name, value).unwrap_err();
            assert!(complaint.contains(name), "{complaint}");
        }
        assert_eq!(check("cleanup.policy", "compact,delete"), Ok(()));
    }

    #[test]
    fn an_override_stands_before_the_default() {
        let overrides = ConfigOverrides::from([("retention.ms".to_owned(), "5".to_owned())]);
        assert_eq!(value(&overrides, "retention.ms"), Some("5"));
        assert_eq!(value(&overrides, "segment.ms"), Some("604800000"));
        assert_eq!(value(&overrides, "no.such.config"), None);
    }
}
