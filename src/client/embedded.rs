//! How an embedded broker is told from a Kafka.

/// How the cluster id of every embedded broker begins, so that no result of one is taken for a
/// Kafka's.
pub const CLUSTER_ID_PREFIX: &str = "kbench-embedded-";

/// The name of a feature that only embedded brokers have: its level is their version, as one
/// number (`version_level`).
pub const VERSION_FEATURE: &str = "kbench.version";
