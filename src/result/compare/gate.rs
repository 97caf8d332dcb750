//! Gates: what fails a comparison, such as `analytics.e2e.p99 > +10%`, and what it has to show,
//! such as `analytics.e2e.p99 < +10%`.

use serde::Serialize;

use super::comparison::MetricComparison;
use super::reading::shown;
use super::stats::{ALPHA, RUNS_MIN};
use crate::plan::metric::{Metric, Unit};
use crate::plan::threshold::{Relation, Threshold};

/// What fails a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// The metric.
    pub metric: Metric,
    /// Whether the limit tells what fails or what is required.
    pub sense: Sense,
    /// The limit.
    pub limit: GateLimit,
    /// As the user wrote it.
    pub text: String,
}

/// What a gate's relation says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sense {
    /// What fails: a change that is shown to be beyond the limit.
    FailOn,
    /// What is required: it fails unless it is shown to be within the limit.
    Require,
}

/// Where a gate closes.
#[derive(Debug, Clone, PartialEq)]
pub enum GateLimit {
    /// The candidate is more than so many times the baseline.
    Above(f64),
    /// The candidate is less than so many times the baseline.
    Below(f64),
    /// A run of the candidate is like this, or, where it is required, is not.
    Each(Threshold),
}

/// What became of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GateState {
    /// The limit is kept: the whole interval lies within it.
    Passed,
    /// The metric has changed, and its best estimate is beyond the limit; it has no figure in
    /// some run; or what is required is not shown.
    Failed,
    /// Neither is shown.
    Inconclusive,
}

/// A gate, judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateResult {
    /// As the user wrote it; with `require` before it, where it tells what is required.
    pub gate: String,
    /// What became of it.
    pub state: GateState,
    /// Expected and actual, in words.
    pub why: String,
}

impl Sense {
    const fn expected(self) -> &'static str {
        match self {
            Self::FailOn => "expected METRIC > +10%, METRIC < -5%, or METRIC > 0 for a count",
            Self::Require => "expected METRIC < +10%, METRIC > -5%, or METRIC < 50ms",
        }
    }

    /// What the sign of a relative limit has to be.
    const fn wants(self) -> &'static str {
        match self {
            Self::FailOn => "> wants a rise and < a fall",
            Self::Require => "< wants a rise and > a fall",
        }
    }
}

impl Gate {
    /// Reads `METRIC > +10%`, `METRIC < -5%` or `METRIC > LIMIT`, where it tells what fails; the
    /// same with the signs turned round, where it tells what is required.
    ///
    /// # Errors
    /// What is wrong, and what was expected.
    pub fn parse<'a>(
        text: &str,
        sense: Sense,
        apps: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, String> {
        let expected = sense.expected();
        let cut = text.find(['<', '>', '=']);
        let (name, rest) = text.split_at(cut.ok_or_else(|| format!("{text:?}: {expected}"))?);
        let metric = Metric::find(name.trim(), apps)?;
        let text = text.trim().to_owned();
        let (relation, limit) =
            Relation::cut(rest).ok_or_else(|| format!("{text:?}: {expected}"))?;
        let Some(percent) = limit.strip_suffix('%') else {
            let threshold = Threshold::parse(metric.clone(), rest).map_err(|what| {
                format!("{name}: {what}, or a change such as \"> +10%\"", name = name.trim())
            })?;
            return Ok(Self { metric, sense, limit: GateLimit::Each(threshold), text });
        };
        if metric.unit() == Unit::Count {
            return Err(format!(
                "{text:?}: a count may be zero, of which nothing is 10 %; expected {name}{}",
                if sense == Sense::FailOn { "> 0" } else { "== 0" }
            ));
        }
        let change: f64 = percent.trim().parse().map_err(|_| format!("{text:?}: {expected}"))?;
        let is_rise = matches!(
            (sense, relation),
            (Sense::FailOn, Relation::More) | (Sense::Require, Relation::Less)
        );
        let is_fall = matches!(
            (sense, relation),
            (Sense::FailOn, Relation::Less) | (Sense::Require, Relation::More)
        );
        let limit = match change {
            _ if is_rise && change >= 0.0 && change.is_finite() => {
                GateLimit::Above(1.0 + change / 100.0)
            }
            _ if is_fall && change <= 0.0 && change > -100.0 => {
                GateLimit::Below(1.0 + change / 100.0)
            }
            _ => return Err(format!("{text:?}: {}; {expected}", sense.wants())),
        };
        Ok(Self { metric, sense, limit, text })
    }
}

/// Judges a gate by its metric's row.
pub(super) fn judge(gate: &Gate, rows: &[MetricComparison]) -> GateResult {
    let row = rows.iter().find(|row| row.metric == gate.metric);
    let (state, why) = row.map_or_else(
        || (GateState::Failed, "not measured on both sides".to_owned()),
        |row| match &gate.limit {
            GateLimit::Above(limit) => relative(row, *limit, false, gate.sense),
            GateLimit::Below(limit) => relative(row, *limit, true, gate.sense),
            GateLimit::Each(threshold) => each(row, threshold, gate.sense),
        },
    );
    let gate = match gate.sense {
        Sense::FailOn => gate.text.clone(),
        Sense::Require => format!("require {}", gate.text),
    };
    GateResult { gate, state, why }
}

/// What forbids a ratio: runs without a figure, or with one that has no end.
fn without(row: &MetricComparison) -> Option<String> {
    let sides = [(&row.baseline, "baseline"), (&row.candidate, "candidate")];
    let count = |is_so: fn(&Option<f64>) -> bool| {
        let counts = sides.map(|(values, side)| {
            (values.iter().filter(|value| is_so(value)).count(), values.len(), side)
        });
        let some = counts.into_iter().filter(|(n, ..)| *n > 0);
        let words = some.map(|(n, all, side)| format!("{n} of {all} {side} runs"));
        words.collect::<Vec<_>>().join(" and ")
    };
    let none = count(Option::is_none);
    if !none.is_empty() {
        return Some(format!("not enough samples, or not measured, in {none}"));
    }
    let endless = count(|value| value.is_some_and(f64::is_infinite));
    (!endless.is_empty()).then(|| format!("without end in {endless}"))
}

/// What fails: failed where it is more than chance, and the best estimate is beyond; passed where
/// all of the interval is within. What is required: failed unless all of the interval is within.
/// Without a figure in some run both fail.
fn relative(row: &MetricComparison, limit: f64, below: bool, sense: Sense) -> (GateState, String) {
    if let Some(why) = without(row) {
        return (GateState::Failed, why);
    }
    let unsure = match sense {
        Sense::FailOn => GateState::Inconclusive,
        Sense::Require => GateState::Failed,
    };
    let (Some(ratio), Some((low, high))) = (row.ratio, row.interval) else {
        return (unsure, row.why.clone().unwrap_or_default());
    };
    let few = row.baseline.len().min(row.candidate.len());
    let beyond = |ratio: f64| if below { ratio < limit } else { ratio > limit };
    let changed = row.p_holm.is_some_and(|p| p <= ALPHA);
    let state = match () {
        () if few < RUNS_MIN => unsure,
        () if sense == Sense::FailOn && changed && beyond(ratio) => GateState::Failed,
        () if !beyond(if below { low } else { high }) => GateState::Passed,
        () => unsure,
    };
    let mut why = format!("{} (95 %: {} to {})", change(ratio), change(low), change(high));
    if sense == Sense::Require && state == GateState::Failed {
        why.insert_str(0, "not shown: ");
    }
    let is_shown = state != unsure || (changed && beyond(ratio));
    if let Some(reason) = row.why.as_ref().filter(|_| !is_shown) {
        why.push_str(&format!("; {reason}"));
    }
    (state, why)
}

/// The limit is on each run of the candidate.
fn each(row: &MetricComparison, threshold: &Threshold, sense: Sense) -> (GateState, String) {
    let Threshold { relation, limit, .. } = threshold;
    let holds = |value: &Option<f64>| value.is_some_and(|value| relation.holds(value, *limit));
    let n = row.candidate.iter().filter(|value| holds(value)).count();
    let all = row.candidate.len();
    let none = row.candidate.iter().filter(|value| value.is_none()).count();
    // The end of the figures at which a limit of this kind closes.
    let is_least = match (sense, relation) {
        (Sense::FailOn, _) => relation.is_upper(),
        (Sense::Require, _) => matches!(relation, Relation::More | Relation::AtLeast),
    };
    let known = row.candidate.iter().flatten().copied();
    let worst = if is_least { known.reduce(f64::min) } else { known.reduce(f64::max) };
    let worst = shown(row.unit, worst);
    if none > 0 && (sense == Sense::Require || n == 0) {
        let why = format!("not enough samples, or not measured, in {none} of {all} candidate runs");
        return (GateState::Failed, why);
    }
    let mut why = format!("so in {n} of {all} candidate runs; worst {worst}");
    if row.few_episodes.1 > 0 {
        let few = row.few_episodes.1;
        why.push_str(&format!("; on too few episodes for one run to know it in {few} of them"));
    }
    let is_kept = if sense == Sense::FailOn { n == 0 } else { n == all };
    (if is_kept { GateState::Passed } else { GateState::Failed }, why)
}

/// A ratio as a change: `+10.0 %`.
#[must_use]
pub fn change(ratio: f64) -> String {
    let percent = 100.0 * (ratio - 1.0);
    if percent.abs() >= 1_000.0 {
        return if ratio < 1e4 { format!("×{ratio:.1}") } else { format!("×{ratio:.1e}") };
    }
    let shown = format!("{percent:+.1} %");
    if shown == "-0.0 %" { "+0.0 %".to_owned() } else { shown }
}

#[cfg(test)]
mod tests;
