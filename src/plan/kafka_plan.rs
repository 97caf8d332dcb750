//! How the clients are set up.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use super::kafka::secret::is_secret;

/// Which client speaks to the brokers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientKind {
    /// librdkafka: what services feel that are built on it.
    Librdkafka,
    /// kbench's own, which is made to cost little: what a cluster can do.
    Native,
}

impl ClientKind {
    /// All of them, in the order of [`Self::NAMES`].
    pub const ALL: [Self; 2] = [Self::Librdkafka, Self::Native];

    /// Their names in scenarios and results.
    pub const NAMES: [&'static str; 2] = ["librdkafka", "native"];

    /// The name in scenarios and results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The client of a plan without the word, which is older than the choice.
    #[must_use]
    pub const fn before_the_choice() -> Self {
        Self::Librdkafka
    }
}

/// How the clients are set up.
///
/// Serialized or printed for debugging, it shows `***` for passwords and keys.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KafkaPlan {
    /// `None`: nobody named a broker, so the embedded one is started.
    pub bootstrap_servers: Option<String>,
    /// Which client speaks to them.
    #[serde(default = "ClientKind::before_the_choice")]
    pub client: ClientKind,
    /// Why it isn't the native one, where nobody has named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_reason: Option<String>,
    /// Properties of every producer, by librdkafka's names.
    #[serde(serialize_with = "serialize_masked")]
    pub producer: BTreeMap<String, String>,
    /// Properties of every consumer, by librdkafka's names.
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
            .field("client", &self.client)
            .field("client_reason", &self.client_reason)
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
