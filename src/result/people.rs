//! How the sessions of a phase lived beside what was meant, and what is said of it.

use serde::{Deserialize, Serialize};

use crate::base::text::count;
use crate::load::generate::SessionStats;
use crate::plan::PopulationPlan;

/// The ordinary sessions of a phase: neither planted nor of hot users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PhaseSessions {
    /// Sessions alive, at an event on average.
    pub alive: f64,
    /// Sessions that the rate needs for none to hurry, at an event on average.
    pub needed: f64,
    /// How many times as fast as configured they lived: the pauses that were meant over those that
    /// were made; `None` where none ended.
    pub hurry: Option<f64>,
    /// The most that they hurried over a thousand events: those needed over those alive.
    pub hurry_most: f64,
    /// The configured median of a pause, in seconds.
    pub pause_p50_wanted_s: f64,
    /// Median of the pauses that began, in seconds; those that were cut off count by Kaplan and
    /// Meier's estimate. `None` where too few were seen to their end to tell.
    pub pause_p50_s: Option<f64>,
    /// The configured mean of a session's events.
    pub length_wanted: f64,
    /// Events over those that were their session's last; `None` where none was.
    pub length: Option<f64>,
    /// Sessions that came.
    pub begun: u64,
    /// Sessions that ended.
    pub ended: u64,
}

impl PhaseSessions {
    /// Those of a phase, by its place; `None` where there were none.
    #[must_use]
    pub fn of(population: &PopulationPlan, lived: &SessionStats, phase: usize) -> Option<Self> {
        let stats = lived.of(phase)?;
        Some(Self {
            alive: stats.alive(),
            needed: stats.needed(),
            hurry: stats.hurry(),
            hurry_most: stats.hurry_most(),
            pause_p50_wanted_s: population.think_median_ms / 1e3,
            pause_p50_s: lived.pause_p50_s(phase),
            length_wanted: population.session_length,
            length: stats.length(),
            begun: stats.begun,
            ended: stats.ended,
        })
    }

    /// What a table says of a phase, under [`Self::HEADS`].
    #[must_use]
    pub fn cells(&self) -> [String; 5] {
        let Self { hurry, pause_p50_s, pause_p50_wanted_s, length, length_wanted, .. } = self;
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "n/a".to_owned());
        [
            count(self.alive.round() as u64),
            count(self.needed.round() as u64),
            or_none(hurry.map(|hurry| format!("{hurry:.2}"))),
            format!(
                "{} of {pause_p50_wanted_s:.1} s",
                or_none(pause_p50_s.map(|s| format!("{s:.1}")))
            ),
            format!(
                "{} of {length_wanted:.1}",
                or_none(length.map(|events| format!("{events:.1}")))
            ),
        ]
    }

    /// The heads of a table of phases.
    pub const HEADS: [&'static str; 5] =
        ["sessions alive", "needed", "times as fast", "median pause", "events a session"];
}
