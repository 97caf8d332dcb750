//! When events are due: phases, and the pieces of the rate's curve.

use serde::{Deserialize, Serialize};

/// When events are due.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadPlan {
    /// Shards of the schedule; each is a producer with a thread of its own.
    pub producers: u16,
    /// How events spread within the rate.
    pub arrivals: Arrivals,
    /// A producer wakes for events at most this often, where that brings several at once; 0 for
    /// one that wakes for each. Whole microseconds.
    #[serde(default)]
    pub tick_ns: u64,
    /// The warm-up first (if it lasts at all), then the scenario's phases. Empty for a replay
    /// until the recording was looked at.
    pub phases: Vec<PhasePlan>,
    /// A recorded topic is sent instead of what the population does.
    pub replay: Option<ReplayPlan>,
}

/// A recorded topic as the load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplayPlan {
    /// The topic, on the brokers of the run.
    pub topic: String,
    /// 1 keeps the recorded gaps, 2 halves them.
    pub speed: f64,
    /// How long the warm-up lasts, on the run's clock.
    pub warmup_ns: u64,
}

impl LoadPlan {
    /// How long the warm-up lasts, in nanoseconds: events due later are measured.
    #[must_use]
    pub fn warmup_ns(&self) -> u64 {
        self.phases.iter().take_while(|phase| phase.warmup).map(PhasePlan::duration_ns).sum()
    }

    /// How long the whole schedule lasts, in nanoseconds.
    #[must_use]
    pub fn duration_ns(&self) -> u64 {
        self.phases.iter().map(PhasePlan::duration_ns).sum()
    }
}

/// How events spread within the rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// Evenly.
    Uniform,
    /// At random, as independent users would.
    Poisson,
}

/// One named part of the schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhasePlan {
    /// Shown in progress and result.
    pub name: String,
    /// Events of this phase are sent and accounted for, but in no latency figure.
    pub warmup: bool,
    /// The pieces of the rate's curve, one after the other.
    pub segments: Vec<RateSegment>,
    /// A few users send a share of the phase's events.
    pub hot: Option<HotPlan>,
    /// A share of the phase's events is about one product.
    pub sale: Option<SalePlan>,
}

/// Hot keys: a few users who send much.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HotPlan {
    /// So many users: those with the lowest numbers, who do nothing in other phases.
    pub users: u64,
    /// The share of the phase's events that is theirs, above 0 and at most 1.
    pub share: f64,
}

/// A flash sale: everybody wants the same product.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SalePlan {
    /// The product, counted from 0 (`PROD-001`).
    pub product: u32,
    /// The share of the phase's events whose page or properties are about it, above 0 and at
    /// most 1; the nearest that the mix allows.
    pub share: f64,
}

impl PhasePlan {
    /// How long the phase lasts, in nanoseconds.
    #[must_use]
    pub fn duration_ns(&self) -> u64 {
        self.segments.iter().map(|segment| segment.duration_ns).sum()
    }

    /// Its least and its greatest rate, in events per second: a spike's ends alone would hide it.
    #[must_use]
    pub fn rates_per_s(&self) -> (f64, f64) {
        let ends = |segment: &RateSegment| match segment.shape {
            Shape::Linear { from_per_s, to_per_s } => [from_per_s, to_per_s],
            Shape::Sine { mean_per_s, amplitude_per_s, .. } => {
                [mean_per_s - amplitude_per_s, mean_per_s + amplitude_per_s]
            }
        };
        let rates = self.segments.iter().flat_map(ends);
        rates.fold((f64::INFINITY, 0.0), |(least, most), rate| (rate.min(least), rate.max(most)))
    }
}

/// One piece of the rate's curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RateSegment {
    /// How long it lasts; whole microseconds.
    pub duration_ns: u64,
    /// How the rate goes meanwhile.
    pub shape: Shape,
}

/// How a rate (events per second, over all shards) goes within a segment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A straight line; constant where both ends are equal.
    Linear {
        /// At the start.
        from_per_s: f64,
        /// At the end.
        to_per_s: f64,
    },
    /// `mean + amplitude * sin(2 pi t / period)`, t from the segment's start.
    Sine {
        /// The middle.
        mean_per_s: f64,
        /// At most the mean.
        amplitude_per_s: f64,
        /// One swing, in nanoseconds.
        period_ns: u64,
    },
}
