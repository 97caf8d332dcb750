//! Who the users are, resolved.

use serde::{Deserialize, Serialize};

/// Who the users are and how they behave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PopulationPlan {
    /// How many users there are.
    pub users: u64,
    /// Zipf exponent of the users' activity; 0 makes all alike.
    pub user_skew: f64,
    /// Number of products; the first four are the specification's.
    pub products: u32,
    /// Zipf exponent of the products' popularity.
    pub product_skew: f64,
    /// Shares of event types by [`crate::event::EventType::index`]; they sum to 1.
    pub mix: [f64; 5],
    /// Shares of browsers, buyers and researchers; they sum to 1.
    pub personas: [f64; 3],
    /// Median of the time that a user thinks between two events, in milliseconds.
    pub think_median_ms: f64,
    /// Standard deviation of the think time's logarithm.
    pub think_sigma: f64,
    /// Mean number of events in a session.
    pub session_length: f64,
    /// Most sessions alive at once, over all shards; beyond it users think less.
    pub sessions_max: u32,
    /// Whether that is said.
    #[serde(default)]
    pub hurry: Hurry,
    /// Shares of the sessions that are planted fraud, by [`crate::event::FraudKind::index`].
    pub fraud: [f64; 4],
}

/// What becomes of sessions that have to live faster than configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hurry {
    /// It is a flag of the run.
    #[default]
    Flagged,
    /// It is meant so.
    Allowed,
}
