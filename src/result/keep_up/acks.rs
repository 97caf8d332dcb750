//! Whether the broker answers what is offered: by what it has acknowledged and by how long that
//! took, beside the number of events that have no answer ([`super`]).
//!
//! At one rate the three say the same: by Little's law the number of events without an answer is
//! the rate times the time that an answer takes, so that the one grows as the other does. They
//! differ in what they see. A few events that wait longer and longer, of one slow partition, are
//! soon lost among the others without an answer, and are a percentile of the time to it. And a
//! shortfall of a tenth of all that was offered needs no statistics, however short the run is.

use super::measured::{ALPHA, INTERVALS_MIN, SPAN_MIN_S, is_level, measured};
use super::slope::{Slope, of_lag};
use crate::result::{Interval, RunResult};

/// What has to be acknowledged of the offered, or it is far below.
const ACKED_SHARE: f64 = 0.9;

/// What is missing must be worth so long, of what was offered, and what has no answer of what was
/// reached: less is on its way.
const ON_ITS_WAY_S: f64 = 1.0;

/// By how much the time to an answer may grow, in seconds per second: as much as the number of
/// events without one may, in shares of the rate.
const GROWTH_LIMIT: f64 = crate::result::keep_up::measured::LIMIT_SHARE;

/// What was offered and acknowledged in the measured part, per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct AckedShare {
    pub(super) offered_per_s: f64,
    pub(super) acked_per_s: f64,
    /// Sent, and without an answer when the measured part ended.
    unanswered: u64,
    seconds: f64,
}

impl AckedShare {
    /// `None` where nothing was measured, or nobody counted what had no answer.
    pub(super) fn of(result: &RunResult) -> Option<Self> {
        let rows = measured(result);
        let seconds = rows.len() as f64 * result.interval_s();
        let per_s = |count: fn(&Interval) -> u64| {
            rows.iter().map(|row| count(row) as f64).sum::<f64>() / seconds
        };
        Some(Self {
            unanswered: rows.iter().rev().find_map(|row| row.unanswered)?,
            seconds,
            offered_per_s: per_s(|row| row.offered),
            acked_per_s: per_s(|row| row.acked),
        })
    }

    /// Whether far less was acknowledged than offered, and what is missing still waits for its
    /// answer. What was refused, or never sent, is told of elsewhere.
    pub(super) fn is_far_below(&self) -> bool {
        let missing = (self.offered_per_s - self.acked_per_s) * self.seconds;
        self.acked_per_s < ACKED_SHARE * self.offered_per_s
            && missing > ON_ITS_WAY_S * self.offered_per_s
            && self.unanswered as f64 > ON_ITS_WAY_S * self.acked_per_s
    }

    /// Both rates in words, and what was left.
    pub(super) fn rates(&self) -> String {
        let Self { offered_per_s, acked_per_s, .. } = self;
        format!("offered {offered_per_s:.0}/s, acknowledged {acked_per_s:.0}/s")
    }

    pub(super) fn left(&self) -> String {
        format!("{} events had no answer at the end", self.unanswered)
    }
}

/// By how much the 99th percentile of ack grows, in seconds per second, by interval of due time;
/// the greatest where an interval has too few events for it. `None` where nobody can tell: too few
/// intervals, or a rate that changes, under which it may.
pub(super) fn growth(result: &RunResult) -> Option<Slope> {
    let (rows, interval_s) = (measured(result), result.interval_s());
    let offered: Vec<f64> = rows.iter().map(|row| row.offered as f64).collect();
    if !is_level(&offered) {
        return None;
    }
    let point = |row: &Interval| {
        let ns = row.ack_p99_ns.or(row.ack_max_ns)?;
        Some((row.from_s + interval_s, ns as f64 / 1e9))
    };
    let points: Vec<(f64, f64)> = rows.iter().filter_map(point).collect();
    let span_s = points.len() as f64 * interval_s;
    if points.len() < INTERVALS_MIN || span_s < SPAN_MIN_S - 1e-6 {
        return None;
    }
    of_lag(&points, ALPHA / (result.apps.len() + 1) as f64)
}

/// Whether the time to an answer surely grows by more than it may.
pub(super) fn grows(slope: &Slope) -> bool {
    slope.low > GROWTH_LIMIT
}

/// That it grows, in words.
pub(super) fn words(slope: &Slope) -> String {
    let ms = |seconds: f64| seconds * 1e3;
    format!(
        "ack p99 grew by {:.0} ms/s ({:.0} to {:.0}, limit {:.0})",
        ms(slope.middle),
        ms(slope.low),
        ms(slope.high),
        ms(GROWTH_LIMIT)
    )
}
