//! One group of runs against another: whether they may be compared, and every metric of both.

use serde::Serialize;

use super::comparison::{MetricComparison, MetricDraft as RowDraft, measure};
use super::conditions::{Difference, differences, disagreements, identity, same_plan, told};
use super::gate::{self, GateResult};
use super::options::CompareOptions;
use super::paired;
use super::stats::{Call, Design};
use crate::plan::metric::{Form, FormEntry, Metric, Unit};
use crate::plan::sweep::PointSettings;
use crate::result::Saved;
use crate::result::flag::FlagKind;

/// The runs of one side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SideRuns {
    /// As the user named it.
    pub name: String,
    /// How many runs.
    pub runs: usize,
    /// What they ran against, in words.
    pub broker: String,
    /// When the first of them started: RFC 3339, UTC.
    pub first: String,
    /// When the last of them started.
    pub last: String,
}

/// Two groups of runs beside each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// The point of the sweep; empty where there is none.
    pub point: PointSettings,
    /// The scenario's name.
    pub scenario: String,
    /// The number of the plan that both sides ran, in hexadecimal; `None` where they ran two, or
    /// where an older result has no number.
    pub plan_hash: Option<String>,
    /// The baseline.
    pub baseline: SideRuns,
    /// The candidate.
    pub candidate: SideRuns,
    /// How their runs belong together.
    pub design: Design,
    /// What differs by the user's declaration.
    pub declared: Vec<Difference>,
    /// What the reader has to know before the numbers.
    pub notes: Vec<String>,
    /// What is compared: topic, clients, workers.
    pub compared: Vec<Difference>,
    /// Every metric, the worst first.
    pub rows: Vec<MetricComparison>,
    /// The gates.
    pub gates: Vec<GateResult>,
}

/// Two groups before they are judged, which takes all points.
#[derive(Debug)]
pub(super) struct PairDraft {
    pair: Pair,
    /// The metrics that were named, by themselves or by a gate.
    pub named: Vec<RowDraft>,
    /// The usual metrics, and the ledger's counts.
    pub usual: Vec<RowDraft>,
}

/// Measures two groups, or says why they can't be compared.
pub(super) fn measure_both(
    point: &PointSettings,
    (base_name, base): (&str, &[Saved]),
    (name, runs): (&str, &[Saved]),
    options: &CompareOptions,
) -> Result<PairDraft, Vec<String>> {
    let mut reasons = disagreements(base_name, base, &options.allow);
    reasons.extend(disagreements(name, runs, &options.allow));
    let both = runs.iter().filter(|saved| {
        base.iter().any(|other| identity(&other.result) == identity(&saved.result))
    });
    reasons.extend(both.map(|saved| {
        let run = &saved.result.run;
        format!("{}: run {run} is on both sides: a run with itself", saved.folder.display())
    }));
    let (Some(base_first), Some(first)) = (base.first(), runs.first()) else {
        return Err(reasons);
    };
    let found = differences(&base_first.result, &first.result);
    let (compared, guarded): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|difference| difference.allow.is_none());
    let mut declared = Vec::new();
    for mut difference in guarded {
        let allow = difference.allow.and_then(|needed| needed.declared(&options.allow));
        match allow {
            Some(_) => {
                difference.allow = allow;
                declared.push(difference);
            }
            None => reasons.push(refusal(&difference)),
        }
    }
    if !reasons.is_empty() {
        return Err(reasons);
    }
    let mut notes = told(base, runs);
    notes.extend(order(base, runs));
    notes.extend(flags(base_name, base));
    notes.extend(flags(name, runs));
    let together = paired::runs(base, runs);
    notes.extend(together.notes.iter().cloned());
    let [named, usual] = metrics(base, runs, options)
        .map(|metrics| metrics.iter().map(|metric| measure(metric, &together)).collect());
    let pair = Pair {
        point: point.clone(),
        scenario: first.result.scenario.clone(),
        plan_hash: same_plan(&base_first.result, &first.result).map(str::to_owned),
        baseline: group(base_name, base),
        candidate: group(name, runs),
        design: together.design,
        declared,
        notes,
        compared,
        rows: Vec::new(),
        gates: Vec::new(),
    };
    Ok(PairDraft { pair, named, usual })
}

impl PairDraft {
    /// What differs by the user's declaration.
    pub(super) fn declared(&self) -> &[Difference] {
        &self.pair.declared
    }

    /// The pair, once its rows are judged.
    pub(super) fn finish(self, options: &CompareOptions) -> Pair {
        let Self { mut pair, named, usual } = self;
        pair.rows = named.into_iter().chain(usual).map(|draft| draft.row).collect();
        let decided = |row: &MetricComparison| matches!(row.call, Call::Worse | Call::Better);
        pair.rows.sort_by_key(|row| (!decided(row), row.call != Call::Worse));
        pair.gates = options.gates.iter().map(|gate| gate::judge(gate, &pair.rows)).collect();
        pair
    }
}

fn refusal(difference: &Difference) -> String {
    let Difference { what, baseline, candidate, allow } = difference;
    let allow = allow.map_or("", super::Allow::name);
    format!(
        "{what}: {baseline} in the baseline, {candidate} in the candidate; expected the same, or \
         --allow {allow}"
    )
}

/// Runs one side after the other have the machine's drift in their difference.
fn order(baseline: &[Saved], candidate: &[Saved]) -> Option<String> {
    let few = baseline.len().min(candidate.len());
    let ends = |runs: &[Saved]| {
        let mut times: Vec<&str> = runs.iter().map(|run| run.result.started.as_str()).collect();
        times.sort_unstable();
        Some((times.first().copied()?.to_owned(), times.last().copied()?.to_owned()))
    };
    let ((base_first, base_last), (first, last)) = (ends(baseline)?, ends(candidate)?);
    if few < 2 {
        return None;
    }
    let (early, late) = if base_last < first {
        ("baseline", "candidate")
    } else if last < base_first {
        ("candidate", "baseline")
    } else {
        return None;
    };
    Some(format!(
        "every run of the {early} was before every run of the {late}: a machine that drifts looks \
         like a difference; expected runs in turns (kbench race)"
    ))
}

/// What the harness said of its own runs.
fn flags(name: &str, runs: &[Saved]) -> Vec<String> {
    let mut found: Vec<(String, usize)> = Vec::new();
    for flag in runs.iter().flat_map(|run| &run.result.verdict.flags) {
        // One of another kbench has no kind here, and what it says of itself before a colon.
        let kind = FlagKind::of(flag)
            .map_or_else(|| flag.split(':').next().unwrap_or(flag), |kind| kind.words());
        match found.iter_mut().find(|(known, _)| known == kind) {
            Some((_, count)) => *count += 1,
            None => found.push((kind.to_owned(), 1)),
        }
    }
    let all = runs.len();
    found.into_iter().map(|(kind, n)| format!("{name}: {kind}, in {n} of {all} runs")).collect()
}

fn group(name: &str, runs: &[Saved]) -> SideRuns {
    let mut started: Vec<&str> = runs.iter().map(|run| run.result.started.as_str()).collect();
    started.sort_unstable();
    let at = |time: Option<&&str>| time.copied().unwrap_or_default().to_owned();
    SideRuns {
        name: name.to_owned(),
        runs: runs.len(),
        broker: runs.first().map(|run| run.result.place()).unwrap_or_default(),
        first: at(started.first()),
        last: at(started.last()),
    }
}

/// The metrics, in two families: those that were named, and those that nobody asked for, which are
/// the usual ones and the ledger's counts.
fn metrics(base: &[Saved], runs: &[Saved], options: &CompareOptions) -> [Vec<Metric>; 2] {
    let apps: Vec<&str> = runs
        .iter()
        .take(1)
        .flat_map(|run| &run.result.apps)
        .map(|app| app.name.as_str())
        .filter(|name| base[0].result.apps.iter().any(|app| app.name == *name))
        .collect();
    let mut named: Vec<Metric> = Vec::new();
    let gates = options.gates.iter().map(|gate| &gate.metric);
    for metric in options.metrics.iter().chain(gates) {
        if !named.contains(metric) {
            named.push(metric.clone());
        }
    }
    // Counts stand behind the others.
    let is_count = |metric: &Metric| metric.unit() == Unit::Count;
    named.sort_by_key(is_count);
    if !options.metrics.is_empty() {
        return [named, Vec::new()];
    }
    let (of_apps, of_run): (Vec<_>, Vec<_>) =
        FormEntry::of(Form::Comparison).into_iter().partition(|entry| entry.row.per_app);
    let of_app = |app| of_apps.iter().map(move |entry| entry.metric(app));
    let of_apps = apps.into_iter().flat_map(of_app);
    let usual = of_apps.chain(of_run.iter().map(|entry| entry.metric("")));
    let mut usual: Vec<Metric> = usual.filter(|metric| !named.contains(metric)).collect();
    usual.sort_by_key(is_count);
    [named, usual]
}

#[cfg(test)]
mod tests;
