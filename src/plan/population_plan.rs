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

impl PopulationPlan {
    /// A shop of 100,000 users with the specification's mix and without fraud: what tests and
    /// benches start from.
    #[must_use]
    pub const fn small() -> Self {
        Self {
            users: 100_000,
            user_skew: 0.8,
            products: 100,
            product_skew: 1.0,
            mix: [0.60, 0.25, 0.10, 0.03, 0.02],
            personas: [0.6, 0.25, 0.15],
            think_median_ms: 8_000.0,
            think_sigma: 1.0,
            session_length: 12.0,
            sessions_max: 100_000,
            hurry: Hurry::Flagged,
            fraud: [0.0; 4],
        }
    }
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
