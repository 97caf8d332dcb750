//! Gates: what fails a comparison, such as `analytics.e2e.p99 > +10%`.

use serde::Serialize;

use super::reading::shown;
use super::row::Row;
use super::stats::{ALPHA, Call, RUNS_MIN};
use crate::plan::metric::{Metric, Unit};
use crate::plan::threshold::{Relation, Threshold};

/// What fails a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// The metric.
    pub metric: Metric,
    /// The limit.
    pub limit: Limit,
    /// As the user wrote it.
    pub text: String,
}

/// Where a gate closes.
#[derive(Debug, Clone, PartialEq)]
pub enum Limit {
    /// The candidate is more than so many times the baseline.
    Above(f64),
    /// The candidate is less than so many times the baseline.
    Below(f64),
    /// A run of the candidate is like this.
    Each(Threshold),
}

/// What became of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The limit is kept: the whole interval lies within it.
    Passed,
    /// The metric has changed, and its best estimate is beyond the limit.
    Failed,
    /// Neither is shown.
    Inconclusive,
}

/// A gate, judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateResult {
    /// As the user wrote it.
    pub gate: String,
    /// What became of it.
    pub state: State,
    /// Expected and actual, in words.
    pub why: String,
}

impl Gate {
    /// Reads `METRIC > +10%`, `METRIC < -5%` or `METRIC > LIMIT`.
    ///
    /// # Errors
    /// What is wrong, and what was expected.
    pub fn parse<'a>(text: &str, apps: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let expected = "expected METRIC > +10%, METRIC < -5%, or METRIC > 0 for a count";
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
            return Ok(Self { metric, limit: Limit::Each(threshold), text });
        };
        if metric.unit() == Unit::Count {
            return Err(format!(
                "{text:?}: a count may be zero, of which nothing is 10 %; expected {name}> 0"
            ));
        }
        let change: f64 = percent.trim().parse().map_err(|_| format!("{text:?}: {expected}"))?;
        let limit = match relation {
            Relation::More if change >= 0.0 && change.is_finite() => {
                Limit::Above(1.0 + change / 100.0)
            }
            Relation::Less if change <= 0.0 && change > -100.0 => {
                Limit::Below(1.0 + change / 100.0)
            }
            _ => return Err(format!("{text:?}: > wants a rise and < a fall; {expected}")),
        };
        Ok(Self { metric, limit, text })
    }
}

/// Judges a gate by its metric's row.
pub(super) fn judge(gate: &Gate, rows: &[Row]) -> GateResult {
    let row = rows.iter().find(|row| row.metric == gate.metric);
    let (state, why) = row.map_or_else(
        || (State::Inconclusive, "not measured on both sides".to_owned()),
        |row| match &gate.limit {
            Limit::Above(limit) => relative(row, *limit, false),
            Limit::Below(limit) => relative(row, *limit, true),
            Limit::Each(threshold) => each(row, threshold),
        },
    );
    GateResult { gate: gate.text.clone(), state, why }
}

/// Failed: more than chance, and the best estimate is beyond. Passed: all of the interval is
/// within.
fn relative(row: &Row, limit: f64, below: bool) -> (State, String) {
    let (Some(ratio), Some((low, high))) = (row.ratio, row.interval) else {
        // What is without end in more runs is beyond any percentage.
        let is_beyond = !below && row.endless.1 > row.endless.0 && row.call == Call::Worse;
        let state = if is_beyond { State::Failed } else { State::Inconclusive };
        return (state, row.why.clone().unwrap_or_default());
    };
    let few = row.baseline.len().min(row.candidate.len());
    let beyond = |ratio: f64| if below { ratio < limit } else { ratio > limit };
    let changed = row.p_holm.is_some_and(|p| p <= ALPHA);
    let state = match () {
        () if few < RUNS_MIN => State::Inconclusive,
        () if changed && beyond(ratio) => State::Failed,
        () if !beyond(if below { low } else { high }) => State::Passed,
        () => State::Inconclusive,
    };
    let mut why = format!("{} (95 %: {} to {})", change(ratio), change(low), change(high));
    if let Some(reason) = row.why.as_ref().filter(|_| state == State::Inconclusive) {
        why.push_str(&format!("; {reason}"));
    }
    (state, why)
}

/// The limit is on each run of the candidate.
fn each(row: &Row, threshold: &Threshold) -> (State, String) {
    let Threshold { relation, limit, .. } = threshold;
    let closes = |value: &Option<f64>| value.is_some_and(|value| relation.holds(value, *limit));
    let n = row.candidate.iter().filter(|value| closes(value)).count();
    let all = row.candidate.len();
    let worst = row.candidate.iter().flatten().copied();
    let worst = match relation {
        Relation::Less | Relation::AtMost => worst.reduce(f64::min),
        _ => worst.reduce(f64::max),
    };
    let why = format!("so in {n} of {all} candidate runs; worst {}", shown(row.unit, worst));
    match () {
        () if n > 0 => (State::Failed, why),
        () if row.candidate.iter().any(Option::is_none) => {
            (State::Inconclusive, "not enough samples".to_owned())
        }
        () => (State::Passed, why),
    }
}

/// A ratio as a change: `+10.0 %`.
#[must_use]
pub fn change(ratio: f64) -> String {
    let percent = 100.0 * (ratio - 1.0);
    if percent.abs() >= 1_000.0 {
        return if ratio < 1e4 { format!("×{ratio:.1}") } else { format!("×{ratio:.1e}") };
    }
    // No "-0.0 %".
    let percent = if percent.abs() < 0.05 { 0.0 } else { percent };
    format!("{percent:+.1} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(text: &str) -> Result<Limit, String> {
        Gate::parse(text, ["analytics"]).map(|gate| gate.limit)
    }

    #[test]
    fn gates_are_read_as_they_are_written() {
        let Ok(Limit::Above(rise)) = limit("analytics.e2e.p99 > +10%") else { panic!() };
        assert!((rise - 1.1).abs() < 1e-12);
        assert_eq!(limit("throughput<-5%"), Ok(Limit::Below(0.95)));
        assert!(matches!(limit("ledger.duplicates > 0"), Ok(Limit::Each(_))));
        assert!(matches!(limit("analytics.e2e.p99 > 50ms"), Ok(Limit::Each(_))));
    }

    #[test]
    fn a_wrong_gate_says_what_was_expected() {
        let says = |text: &str, words: &str| {
            let error = limit(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        };
        says("analytics.e2e.p98 > +10%", "nearest are analytics.e2e.p9");
        says("analytics.e2e.p99", "expected METRIC");
        says("analytics.e2e.p99 > -10%", "wants a rise");
        says("throughput < -100%", "wants a rise");
        says("throughput > +x%", "expected METRIC");
        says("ledger.missing > +10%", "may be zero");
        says("analytics.e2e.p99 > 50", "has no unit");
    }
}
