//! A sweep: one scenario at several points, each run several times.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;
use serde::Serialize;

use super::Plan;

/// How long a trial takes besides its schedule, until one was timed: a broker to start, groups
/// to join, a drain.
pub const TRIAL_OVERHEAD: Duration = Duration::from_secs(4);

/// Several plans that differ along axes, and how often each of them is run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sweep {
    /// The scenario's name.
    pub name: String,
    /// Decides the order of the trials.
    pub seed: u64,
    /// Whole runs of each point.
    pub repeats: u32,
    /// What differs; by the key's name.
    pub axes: Vec<Axis>,
    /// The points that can be run, in the order of their axes' values.
    pub points: Vec<SweepPoint>,
    /// The points that can't.
    pub excluded: Vec<Excluded>,
}

/// A key of the scenario, and the values that it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Axis {
    /// As the scenario names it: `topic.partitions`, or a short form such as `workers`.
    pub key: String,
    /// As the scenario writes them.
    pub values: Vec<String>,
}

/// One value of each axis.
pub type PointSettings = BTreeMap<String, String>;

/// A point that can be run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SweepPoint {
    /// Where it lies.
    pub settings: PointSettings,
    /// What it does.
    pub plan: Plan,
}

/// A point that no run can have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Excluded {
    /// Where it lies.
    pub settings: PointSettings,
    /// The faults of its plan, a line each.
    pub why: Vec<String>,
}

/// One run of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SweepTurn {
    /// Index of the point.
    pub point: usize,
    /// Which repeat of the point, from 0.
    pub repeat: u32,
}

impl Sweep {
    /// The runs in their order: every point once, shuffled by the seed; then, for the next
    /// repeat, the same order backwards, and so on. What drifts evenly with time (a page cache
    /// that fills, a machine that warms up) falls on all points alike: of two points it is the
    /// order ABBA with a random start.
    #[must_use]
    pub fn turns(&self) -> Vec<SweepTurn> {
        let mut rng = Pcg64Mcg::seed_from_u64(self.seed);
        let mut order: Vec<usize> = (0..self.points.len()).collect();
        let mut turns = Vec::with_capacity(order.len() * self.repeats as usize);
        for repeat in 0..self.repeats {
            if repeat % 2 == 0 {
                order.shuffle(&mut rng);
            } else {
                order.reverse();
            }
            turns.extend(order.iter().map(|&point| SweepTurn { point, repeat }));
        }
        turns
    }

    /// How long the schedules of all runs last together, in nanoseconds.
    #[must_use]
    pub fn duration_ns(&self) -> u64 {
        let once: u64 = self.points.iter().map(|point| point.plan.load.duration_ns()).sum();
        once.saturating_mul(u64::from(self.repeats))
    }
}

/// `partitions=3 workers=2`, for messages.
#[must_use]
pub fn shown(settings: &PointSettings) -> String {
    let pairs: Vec<String> = settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if pairs.is_empty() { "the scenario as it is".to_owned() } else { pairs.join(" ") }
}
