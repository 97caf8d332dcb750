//! Whether the applications and the broker kept up with the load.
//!
//! An application keeps up where its lag, in records, does not grow; a broker where what was sent
//! and not answered does not. What counts is the slope over the measured part, by interval: *kept
//! up* where its upper bound lies below half a percent of the offered rate, *fell behind* where
//! its lower bound lies above, and else too short to tell. A second of lag would say nothing: a
//! run of four seconds never gets there, and one of forty with 2.5 % too little just so.
//!
//! The broker has fallen behind, too, where what it has acknowledged is far below what was offered,
//! and where the time that it takes grows (`keep_up/acks.rs`).
//!
//! Where the load changes, a lag that rises in a spike and is worked off is not a failure: there
//! the lag at the end is held against that at the beginning, over the time between.

mod acks;
pub mod measured;
mod slope;

use super::flag::Flag;
pub use super::kept_up::{KeepingUp, KeptUp};
use super::{Interval, RunResult};

use acks::AckedShare;
use measured::{ALPHA, INTERVALS_MIN, LIMIT_SHARE, SPAN_MIN_S, is_level, measured};
use slope::{Slope, between_ends, median, of_lag};

/// A length that is asked for beyond this many times the one there is, is none.
const LONGER_MAX: f64 = 50.0;

/// The verdicts of a run, computed from its intervals.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeepUpVerdicts {
    /// Each application's, in the plan's order; `None` where nobody looked at its lag.
    pub apps: Vec<Option<KeepingUp>>,
    /// The broker's.
    pub broker: Option<KeepingUp>,
}

/// Judges a run by its intervals.
#[must_use]
pub fn judge(result: &RunResult) -> KeepUpVerdicts {
    let (rows, interval_s) = (measured(result), result.interval_s());
    let offered: Vec<f64> = rows.iter().map(|row| row.offered as f64).collect();
    let span_s = rows.len() as f64 * interval_s;
    let rate_per_s = offered.iter().sum::<f64>() / span_s.max(f64::MIN_POSITIVE);
    let (is_level, alpha) = (is_level(&offered), ALPHA / (result.apps.len() + 1) as f64);
    let of = |pick: &dyn Fn(&Interval) -> Option<u64>| {
        let points: Vec<(f64, f64)> = rows
            .iter()
            .filter_map(|row| Some((row.from_s + interval_s, pick(row)? as f64)))
            .collect();
        // Nobody looked, or nothing was offered.
        let is_judged = rate_per_s > 0.0 && !points.is_empty();
        let load = Load { rate_per_s, is_level, interval_s };
        is_judged.then(|| keeping_up(&points, load, alpha))
    };
    let app = |place: usize| of(&|row| row.apps.get(place)?.lag_records);
    let has_broker = result.broker.kind.has_broker();
    KeepUpVerdicts {
        apps: (0..result.apps.len()).map(app).collect(),
        broker: has_broker
            .then(|| of(&|row| row.unanswered))
            .flatten()
            .and_then(|broker| by_acks(result, broker)),
    }
}

/// The verdict on the broker by what it has acknowledged, where that says more than the number of
/// events without an answer. Without acknowledgements nobody can tell that it kept up: an event
/// counts as written once the network has it.
fn by_acks(result: &RunResult, broker: KeepingUp) -> Option<KeepingUp> {
    let is_far_below = AckedShare::of(result).is_some_and(|reached| reached.is_far_below());
    let grows = || acks::growth(result).is_some_and(|slope| acks::grows(&slope));
    if broker.kept_up != KeptUp::No && (is_far_below || grows()) {
        return Some(KeepingUp { kept_up: KeptUp::No, needed_s: None, ..broker });
    }
    (broker.kept_up == KeptUp::No || has_acks(result)).then_some(broker)
}

/// Whether the broker was asked to acknowledge.
fn has_acks(result: &RunResult) -> bool {
    result.plan["kafka"]["producer"]["acks"].as_str() != Some("0")
}

/// What was asked of whoever is judged.
#[derive(Debug, Clone, Copy)]
struct Load {
    rate_per_s: f64,
    is_level: bool,
    interval_s: f64,
}

/// The verdict on a lag: (seconds, records), in the order of time.
fn keeping_up(points: &[(f64, f64)], load: Load, alpha: f64) -> KeepingUp {
    let limit_per_s = LIMIT_SHARE * load.rate_per_s;
    let span_s = points.len() as f64 * load.interval_s;
    let slope = if points.len() < INTERVALS_MIN || span_s < SPAN_MIN_S - 1e-6 {
        None
    } else if load.is_level {
        of_lag(points, alpha)
    } else {
        between_ends(points)
    };
    let Some(slope) = slope else {
        let needed_s = SPAN_MIN_S.max(INTERVALS_MIN as f64 * load.interval_s);
        return KeepingUp {
            kept_up: KeptUp::TooShort,
            lag_slope_per_s: None,
            lag_slope_low_per_s: None,
            lag_slope_high_per_s: None,
            limit_per_s,
            needed_s: Some(needed_s),
        };
    };
    // A robust slope does not see one that stops at the very end.
    let is_left = left_over(points) > limit_per_s * span_s;
    let kept_up = if slope.low > limit_per_s {
        KeptUp::No
    } else if slope.high < limit_per_s && !is_left {
        KeptUp::Yes
    } else {
        KeptUp::TooShort
    };
    KeepingUp {
        kept_up,
        lag_slope_per_s: Some(slope.middle),
        lag_slope_low_per_s: Some(slope.low),
        lag_slope_high_per_s: Some(slope.high),
        limit_per_s,
        needed_s: (kept_up == KeptUp::TooShort)
            .then(|| needed_s(&slope, left_over(points), limit_per_s, span_s))
            .flatten(),
    }
}

/// By how many records the lag is greater at the end than at the beginning.
fn left_over(points: &[(f64, f64)]) -> f64 {
    const ENDS: usize = 3;
    let middle =
        |points: &[(f64, f64)]| median(&points.iter().map(|point| point.1).collect::<Vec<_>>());
    let from = points.len().saturating_sub(ENDS);
    middle(&points[from..]) - middle(&points[..points.len().min(ENDS)])
}

/// How long it takes, about, until the interval lies on one side of the limit, and what is left
/// at the end is less than the limit allows.
fn needed_s(slope: &Slope, left: f64, limit_per_s: f64, span_s: f64) -> Option<f64> {
    let (reach, room) = if slope.middle < limit_per_s {
        // A lag that falls does so by chance, or not for long.
        (slope.high - slope.middle, limit_per_s - slope.middle.max(0.0))
    } else {
        (slope.middle - slope.low, slope.middle - limit_per_s)
    };
    let times = (reach / room).powf(1.0 / slope.narrows).max(left / limit_per_s / span_s);
    (times.is_finite() && times <= LONGER_MAX).then(|| (span_s * times.max(1.0)).ceil())
}

/// The verdicts as they were saved; of a result that has none, as its intervals say.
#[must_use]
pub fn judged(result: &RunResult) -> KeepUpVerdicts {
    if result.apps.iter().all(|app| app.keeping_up.is_none()) {
        return judge(result);
    }
    KeepUpVerdicts {
        apps: result.apps.iter().map(|app| app.keeping_up).collect(),
        broker: result.broker_keeping_up,
    }
}

/// Puts the verdicts into a result.
pub(crate) fn tell(result: &mut RunResult) {
    let judged = judge(result);
    for (app, keeping_up) in result.apps.iter_mut().zip(judged.apps) {
        app.keeping_up = keeping_up;
    }
    result.broker_keeping_up = judged.broker;
}

/// What has to stand above the numbers: who fell behind.
pub(crate) fn flags(result: &RunResult) -> Vec<Flag> {
    let is_behind = |one: &KeepingUp| one.kept_up == KeptUp::No;
    let mut flags = Vec::new();
    for (place, app) in result.apps.iter().enumerate() {
        let Some(keeping_up) = app.keeping_up.filter(is_behind) else { continue };
        let lag_s = measured(result).iter().rev().find_map(|row| row.apps.get(place)?.lag_s);
        let (app, slope) = (app.name.clone(), keeping_up.words());
        flags.push(Flag::AppFellBehind { app, slope, lag_s });
    }
    flags.extend(result.broker_keeping_up.filter(is_behind).map(|it| broker_flag(result, &it)));
    flags
}

/// That the broker fell behind, with the rate that was reached, and by what it was found.
fn broker_flag(result: &RunResult, broker: &KeepingUp) -> Flag {
    let reached = AckedShare::of(result);
    let is_by_slope = broker.lag_slope_low_per_s.is_some_and(|low| low > broker.limit_per_s);
    let found = if is_by_slope {
        format!("the broker fell behind by {}", broker.words())
    } else if let Some(reached) = reached.as_ref().filter(|reached| reached.is_far_below()) {
        reached.left()
    } else {
        acks::growth(result).map_or_else(String::new, |slope| acks::words(&slope))
    };
    Flag::BrokerFellBehind { rates: reached.map(|reached| reached.rates()), found }
}

/// Who kept up and who did not, a line each kind.
#[must_use]
pub fn lines(result: &RunResult) -> Vec<String> {
    let mut all: Vec<(&str, KeepingUp)> =
        result.apps.iter().filter_map(|app| Some((app.name.as_str(), app.keeping_up?))).collect();
    all.extend(result.broker_keeping_up.map(|broker| ("broker", broker)));
    let names = |kind: KeptUp| -> Vec<&str> {
        all.iter().filter(|(_, one)| one.kept_up == kind).map(|(name, _)| *name).collect()
    };
    let mut lines = Vec::new();
    for (kind, words) in [(KeptUp::Yes, "kept up"), (KeptUp::No, "fell behind")] {
        let names = names(kind);
        if !names.is_empty() {
            lines.push(format!("{words}: {}", names.join(", ")));
        }
    }
    let short = names(KeptUp::TooShort);
    if !short.is_empty() {
        let who = if short.len() == all.len() { String::new() } else { short.join(", ") };
        let colon = if who.is_empty() { "" } else { ": " };
        lines.push(format!("too short to tell who kept up{colon}{who}{}", needed(&all)));
    }
    if result.broker.kind.has_broker() && !has_acks(result) {
        lines.push("acks=0: an event counts as acknowledged once the network has it".to_owned());
    }
    lines
}

/// What would be long enough.
fn needed(all: &[(&str, KeepingUp)]) -> String {
    let short = all.iter().filter(|(_, one)| one.kept_up == KeptUp::TooShort);
    let needed: Option<Vec<f64>> = short.map(|(_, one)| one.needed_s).collect();
    let most_s = needed.and_then(|all| all.into_iter().reduce(f64::max));
    most_s.map_or_else(
        || "; a lag grows by about the limit".to_owned(),
        |s| format!("; measure {s:.0} s or longer"),
    )
}

#[cfg(test)]
mod tests;
