//! Pieces of a rate's curve, and the limits of rates and times.

use std::time::Duration;

use super::toml::reader::{Range, range};
use super::{RateSegment, Shape};

/// Legal rates.
pub(super) const RATE: Range = range(0.0, 1e7, " events/s");

/// Shortest phase.
pub(super) const DURATION_MIN: Duration = Duration::from_millis(1);

/// A segment at one rate.
pub(super) const fn constant(duration_ns: u64, rate_per_s: f64) -> RateSegment {
    linear(duration_ns, rate_per_s, rate_per_s)
}

/// Nanoseconds of a duration; the limits keep it far from overflow.
pub(super) fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

pub(super) const fn linear(duration_ns: u64, from_per_s: f64, to_per_s: f64) -> RateSegment {
    RateSegment { duration_ns, shape: Shape::Linear { from_per_s, to_per_s } }
}

/// The name of the phase that kbench puts before the scenario's own.
pub(super) const WARMUP_NAME: &str = "warm-up";
