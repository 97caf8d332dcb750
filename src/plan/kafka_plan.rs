//! How the clients are set up.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use super::kafka::secret::is_secret;

/// How the clients are set up.
///
/// Serialized or printed for debugging, it shows `***` for passwords and keys.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KafkaPlan {
    /// `None`: nobody named a broker, so the embedded one is started.
    pub bootstrap_servers: Option<String>,
    /// librdkafka properties of every producer.
    #[serde(serialize_with = "serialize_masked")]
    pub producer: BTreeMap<String, String>,
    /// librdkafka properties of every consumer.
    #[serde(serialize_with = "serialize_masked")]
    pub consumer: BTreeMap<String, String>,
}

impl KafkaPlan {
    /// Whether the broker confirms what it has written: with `acks=0` it does not.
    #[must_use]
    pub fn confirms(&self) -> bool {
        self.producer.get("acks").is_none_or(|acks| acks != "0")
    }
}

impl fmt::Debug for KafkaPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaPlan")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("producer", &masked(&self.producer))
            .field("consumer", &masked(&self.consumer))
            .finish()
    }
}

/// Properties as they may be shown and saved: the values of secrets are `***`.
#[must_use]
pub fn masked(properties: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    let shown = |(key, value)| {
        let (key, value): (&String, &String) = (key, value);
        (key.as_str(), if is_secret(key) { "***" } else { value.as_str() })
    };
    properties.iter().map(shown).collect()
}

pub(super) fn serialize_masked<S: Serializer>(
    properties: &BTreeMap<String, String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    masked(properties).serialize(serializer)
}
