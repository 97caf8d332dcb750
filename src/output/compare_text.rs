//! A comparison for a terminal.

use comfy_table::{CellAlignment, Table, TableStyle, presets};

use crate::plan::sweep::shown as shown_point;
use crate::result::compare::comparison::MetricComparison;
use crate::result::compare::conditions::Difference;
use crate::result::compare::gate::{GateState, change};
use crate::result::compare::reading::shown;
use crate::result::compare::repeats::{REPEATS_MAX, effect_to_call};
use crate::result::compare::stats::{Call, Design};
use crate::result::compare::{Comparison, Pair};

const HEAD: [&str; 9] = [
    "metric",
    "baseline",
    "candidate",
    "change",
    "95 % interval",
    "verdict",
    "could find",
    "runs to call",
    "runs for same",
];

/// The comparison for a person at a terminal.
#[must_use]
pub fn text(comparison: &Comparison) -> String {
    let mut out: String = comparison.declared.iter().map(|line| format!("{line}\n")).collect();
    out.push_str(&format!("compare  {}\n", tally(comparison)));
    for (pair, gate) in
        comparison.gates(GateState::Failed).chain(comparison.gates(GateState::Inconclusive))
    {
        out.push_str(&format!("  {}: {}{}: {}\n", word(gate.state), at(pair), gate.gate, gate.why));
    }
    for left_out in &comparison.left_out {
        out.push_str(&format!("  left out: {left_out}\n"));
    }
    for pair in &comparison.pairs {
        out.push('\n');
        out.push_str(&one(pair));
    }
    out.push_str(&format!("\n{}\n", legend(comparison.min_effect)));
    out
}

/// How often each verdict came.
pub(crate) fn tally(comparison: &Comparison) -> String {
    let calls = [Call::Worse, Call::Better, Call::Same, Call::Inconclusive];
    let counts = calls.map(|call| format!("{} {}", comparison.count(call), call.name()));
    counts.join(", ")
}

pub(crate) fn legend(min_effect: f64) -> String {
    let effect = effect_to_call(min_effect);
    let [least, effect] = [min_effect, effect].map(|share| format!("{:.3}", 100.0 * share));
    let [least, effect] =
        [&least, &effect].map(|it| it.trim_end_matches('0').trim_end_matches('.'));
    format!(
        "A sample is a whole run. Better or worse: more than chance (p ≤ 5 % after Holm, over \
         all points and metrics) and more than {least} %. Same: the interval lies within that. \
         Could find: the smallest rise that these runs would have shown. Runs to call: a side, to \
         call a rise of {effect} %. Runs for same: a side, to prove that any change is below \
         {least} % where there is none. All three in 4 cases of 5."
    )
}

/// The point, where there is one, for the front of a line.
pub(crate) fn at(pair: &Pair) -> String {
    if pair.point.is_empty() { String::new() } else { format!("{}: ", shown_point(&pair.point)) }
}

pub(crate) const fn word(state: GateState) -> &'static str {
    match state {
        GateState::Passed => "passed",
        GateState::Failed => "FAILED",
        GateState::Inconclusive => "inconclusive",
    }
}

fn one(pair: &Pair) -> String {
    let mut out = format!("{}{}\n", at(pair), pair.scenario);
    for (what, group) in [("baseline ", &pair.baseline), ("candidate", &pair.candidate)] {
        let runs = runs(group.runs);
        out.push_str(&format!("  {what}  {}: {runs} on {}\n", group.name, group.broker));
    }
    if let Some(hash) = &pair.plan_hash {
        out.push_str(&format!("  plan       {hash} on both sides\n"));
    }
    if let Some(line) = paired(pair) {
        out.push_str(&format!("  {line}\n"));
    }
    for note in &pair.notes {
        out.push_str(&format!("  ! {note}\n"));
    }
    for Difference { what, baseline, candidate, .. } in &pair.compared {
        out.push_str(&format!("  compared: {what}: {baseline} → {candidate}\n"));
    }
    out.push_str(&table(pair, presets::NOTHING));
    for line in reasons(&pair.rows) {
        out.push_str(&format!("  {line}\n"));
    }
    let zeros = zeros(&pair.rows);
    if !zeros.is_empty() {
        out.push_str(&format!("  zero in every run of both sides: {}\n", zeros.join(", ")));
    }
    for gate in pair.gates.iter().filter(|gate| gate.state == GateState::Passed) {
        out.push_str(&format!("  passed: {}: {}\n", gate.gate, gate.why));
    }
    out
}

pub(crate) fn runs(count: usize) -> String {
    if count == 1 { "1 run".to_owned() } else { format!("{count} runs") }
}

/// That runs are compared as pairs, where they are.
pub(crate) fn paired(pair: &Pair) -> Option<String> {
    let pairs = pair.rows.first().map_or(0, |row| row.baseline.len());
    (pair.design == Design::Paired)
        .then(|| format!("compared as {pairs} pairs of runs that were taken in turns"))
}

/// Why metrics are inconclusive, or what their figures can't show: each reason once.
pub(crate) fn reasons(rows: &[MetricComparison]) -> Vec<String> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for row in rows.iter().filter(|row| row.call != Call::Same) {
        let Some(why) = &row.why else { continue };
        match found.iter_mut().find(|(known, _)| *known == why.as_str()) {
            Some((_, metrics)) => metrics.push(&row.metric.name),
            None => found.push((why, vec![&row.metric.name])),
        }
    }
    let line = |(why, metrics): (&str, Vec<&str>)| match metrics.as_slice() {
        [first, _, _, ..] => format!("{first} and {} more: {why}", metrics.len() - 1),
        few => format!("{}: {why}", few.join(", ")),
    };
    found.into_iter().map(line).collect()
}

/// Metrics that are zero everywhere: one line, not a row each.
pub(crate) fn zeros(rows: &[MetricComparison]) -> Vec<&str> {
    rows.iter().filter(|row| is_zero(row)).map(|row| row.metric.name.as_str()).collect()
}

fn is_zero(row: &MetricComparison) -> bool {
    let all = row.baseline.iter().chain(&row.candidate);
    all.into_iter().all(|value| *value == Some(0.0))
}

fn needed(row: &MetricComparison, runs: Option<u32>) -> String {
    match (row.detectable, runs) {
        (Some(_), Some(runs)) => runs.to_string(),
        (Some(_), None) => format!("> {REPEATS_MAX}"),
        _ => "n/a".to_owned(),
    }
}

/// The table of metrics, in one of comfy-table's styles.
pub(crate) fn table(pair: &Pair, style: TableStyle) -> String {
    let mut table = Table::new();
    table.load_style(style).set_header(HEAD);
    let na = || "n/a".to_owned();
    for row in pair.rows.iter().filter(|row| !is_zero(row)) {
        table.add_row([
            row.metric.name.clone(),
            shown(row.unit, row.baseline_mean),
            shown(row.unit, row.candidate_mean),
            row.ratio.map_or_else(na, change),
            row.interval
                .map_or_else(na, |(low, high)| format!("{} … {}", change(low), change(high))),
            row.call.name().to_owned(),
            row.detectable.map_or_else(na, |share| change(1.0 + share)),
            needed(row, row.runs_to_call),
            needed(row, row.runs_for_same),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[cfg(test)]
mod tests;
