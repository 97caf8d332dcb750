//! Differences that somebody declares.

use serde::Serialize;

/// What a user may declare to differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Allow {
    /// The machine: which one, its processor, cores, limits, kernel; whether the broker shares it.
    Host,
    /// What runs: kbench, its client library, and Kafka.
    Versions,
    /// Kafka's version alone.
    BrokerVersion,
    /// The client that spoke to the brokers: librdkafka or kbench's own.
    Client,
    /// What makes the load: rates, population, events, applications' settings.
    Scenario,
    /// The random choices.
    Seed,
    /// Kafka, the embedded broker, the loopback.
    BrokerKind,
    /// Runs of one side on several clusters, such as a fresh one for each.
    Cluster,
    /// Runs that the harness or its machine limited.
    Limited,
}

impl Allow {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Host,
        Self::Versions,
        Self::BrokerVersion,
        Self::Client,
        Self::Scenario,
        Self::Seed,
        Self::BrokerKind,
        Self::Cluster,
        Self::Limited,
    ];

    /// As the command line has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Versions => "versions",
            Self::BrokerVersion => "broker-version",
            Self::Client => "client",
            Self::Scenario => "scenario",
            Self::Seed => "seed",
            Self::BrokerKind => "broker-kind",
            Self::Cluster => "cluster",
            Self::Limited => "limited",
        }
    }

    /// What has been declared so that this may differ, if it has.
    #[must_use]
    pub(crate) fn declared(self, declared: &[Self]) -> Option<Self> {
        let is_wider = |it: &Self| (self, *it) == (Self::BrokerVersion, Self::Versions);
        declared.iter().copied().find(|it| *it == self || is_wider(it))
    }
}
