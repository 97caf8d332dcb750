//! What two groups of runs have in common, and whether they may be compared.

pub(crate) mod allow;
mod facts;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::result::{RunResult, Saved};

use allow::Allow;
use facts::ConditionValues;
use rules::ConditionRule;

/// Something that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What it is: a path in `result.json`, of the plan without `plan.`, or in words.
    pub what: String,
    /// On the baseline's side.
    pub baseline: String,
    /// On the candidate's side.
    pub candidate: String,
    /// What it takes to compare all the same; `None` where that is what is compared.
    pub allow: Option<Allow>,
}

impl Difference {
    /// A declared difference in words.
    pub(super) fn declared(&self) -> String {
        let Self { what, baseline, candidate, allow } = self;
        let allow = allow.map_or("", Allow::name);
        format!("{baseline} against {candidate} ({what}): declared by --allow {allow}")
    }
}

/// The differences between two groups of runs, but for those that are only told; one run of each
/// stands for it, after [`disagreements`] has found the group to be one.
#[must_use]
pub(super) fn differences(baseline: &RunResult, candidate: &RunResult) -> Vec<Difference> {
    let all = found(baseline, candidate).into_iter();
    all.filter(|(_, rule)| *rule != ConditionRule::Told).map(|(difference, _)| difference).collect()
}

/// All differences that count, each with its rule.
fn found(baseline: &RunResult, candidate: &RunResult) -> Vec<(Difference, ConditionRule)> {
    let mut found = Vec::new();
    let by_axes = same_sweep(baseline, candidate);
    let cores = baseline.host.cores;
    // Equal hashes are equal plans; the fields are for naming what differs. An older result has no
    // hash, and a plan under another name, or with other thresholds, has another one.
    if same_plan(baseline, candidate).is_none() {
        let of_plan = |path: &str| match rules::of_plan(path) {
            ConditionRule::Guarded(_) if by_axes => ConditionRule::Compared,
            rule => rule,
        };
        between(&facts::plan(baseline), &facts::plan(candidate), cores, of_plan, &mut found);
    }
    found.extend(load(baseline, candidate, &found));
    let (mut one, mut other) = (facts::surroundings(baseline), facts::surroundings(candidate));
    if baseline.clients.is_empty() != candidate.clients.is_empty() {
        for facts in [&mut one, &mut other] {
            let before = facts.len();
            facts.retain(|path, _| !rules::is_of("clients.*", path));
            if facts.len() < before {
                facts.insert(CLIENTS.to_owned(), RECORDED.to_owned());
            }
        }
    }
    let mut more = Vec::new();
    between(&one, &other, cores, rules::of_surroundings, &mut more);
    // Another client has other properties by nature; what somebody has set is in the plan.
    let is_other_client = found.iter().any(|(difference, _)| difference.what == facts::CLIENT);
    more.retain(|(difference, _)| {
        let of_client = is_other_client && rules::is_of("clients.*", &difference.what);
        !of_client && !is_said(difference, &found)
    });
    for (difference, rule) in &mut more {
        if is_asked_for(&difference.what, &found) {
            (*rule, difference.allow) = (ConditionRule::Compared, None);
        }
    }
    found.extend(more);
    found
}

/// Where a client's property has its place in the plan.
fn in_plan(path: &str) -> Option<(&'static str, &str)> {
    let (client, key) = path.strip_prefix("clients.")?.split_once('.')?;
    Some((if client == "producer" { "kafka.producer." } else { "kafka.consumer." }, key))
}

/// Whether the plan's difference is the same one, as what was asked for and what came of it.
fn is_said(difference: &Difference, found: &[(Difference, ConditionRule)]) -> bool {
    let what = &difference.what;
    let asked = match what.as_str() {
        "broker.topic.partitions" => "topic.partitions".to_owned(),
        "broker.topic.replicas" => "topic.replication_factor".to_owned(),
        "broker.topic.configs.retention.ms" => "topic.retention_ms".to_owned(),
        _ => match (in_plan(what), what.strip_prefix("broker.topic.configs.")) {
            (Some((side, key)), _) => format!("{side}{key}"),
            (None, Some(key)) => format!("topic.configs.{key}"),
            (None, None) => return false,
        },
    };
    found.iter().any(|(known, _)| {
        known.what == asked
            && known.baseline == difference.baseline
            && known.candidate == difference.candidate
    })
}

/// Whether a client's property differs where the plans ask for other properties of that client:
/// one brings others with it. With equal ones it is the library that differs.
fn is_asked_for(path: &str, found: &[(Difference, ConditionRule)]) -> bool {
    let asked = in_plan(path);
    asked.is_some_and(|(side, _)| found.iter().any(|(known, _)| known.what.starts_with(side)))
}

/// The hash that the plans of two runs have in common.
pub(super) fn same_plan<'r>(one: &'r RunResult, other: &RunResult) -> Option<&'r str> {
    one.plan_hash.as_deref().filter(|hash| other.plan_hash.as_deref() == Some(hash))
}

/// Two versions may make other events out of one plan: then they did not run the same load. Where
/// the plans' loads differ in the first place, that is named already.
fn load(
    baseline: &RunResult,
    candidate: &RunResult,
    found: &[(Difference, ConditionRule)],
) -> Option<(Difference, ConditionRule)> {
    let is_of_the_load =
        |rule: ConditionRule| matches!(rule, ConditionRule::Guarded(Allow::Scenario | Allow::Seed));
    let (one, other) = (baseline.fingerprint.as_ref()?, candidate.fingerprint.as_ref()?);
    if one == other || found.iter().any(|(_, rule)| is_of_the_load(*rule)) {
        return None;
    }
    let allow = if same_sweep(baseline, candidate) { None } else { Some(Allow::Scenario) };
    let difference = Difference {
        what: "fingerprint of the first 1,000 events".to_owned(),
        baseline: one.clone(),
        candidate: other.clone(),
        allow,
    };
    Some((difference, allow.map_or(ConditionRule::Compared, ConditionRule::Guarded)))
}

/// Why a group of runs is none: another scenario, other conditions, an invalid run, the same run
/// twice. Only that its runs are of several clusters may be declared.
#[must_use]
pub(super) fn disagreements(name: &str, runs: &[Saved], declared: &[Allow]) -> Vec<String> {
    let mut reasons = Vec::new();
    let mut seen = BTreeSet::new();
    for Saved { folder, result } in runs {
        let folder = folder.display();
        if let Some(why) = worthless(result) {
            reasons.push(format!("{folder}: {why}"));
        }
        if !seen.insert(identity(result)) {
            reasons.push(format!("{folder}: run {} is on this side twice", result.run));
        }
    }
    let Some((first, rest)) = runs.split_first() else {
        return vec![format!("{name}: no run; expected some")];
    };
    for other in rest {
        let mut differs = differences(&first.result, &other.result);
        if declared.contains(&Allow::Cluster) {
            differs.retain(|difference| difference.what != CLUSTER);
        }
        let Some((difference, more)) = differs.split_first() else { continue };
        let more: Vec<&str> = more.iter().map(|difference| difference.what.as_str()).collect();
        reasons.push(format!(
            "{name}: its runs are not alike: {} is {} in {} and {} in {}{}{}",
            difference.what,
            difference.baseline,
            first.folder.display(),
            difference.candidate,
            other.folder.display(),
            if more.is_empty() { "" } else { "; so are " },
            listed(&more, LISTED_MAX)
        ));
    }
    reasons
}

/// The path of all clients' properties together, and its value where they are known.
const CLIENTS: &str = "clients";
const RECORDED: &str = "recorded";

/// The path that tells clusters apart.
const CLUSTER: &str = "broker.cluster_id";

/// The most names or values in one line.
const LISTED_MAX: usize = 5;

fn listed(all: &[&str], most: usize) -> String {
    let more = all.len().saturating_sub(most);
    let mut text = all[..all.len() - more].join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// What is not the same in all runs of both sides, and does not forbid comparing them: a line
/// each.
#[must_use]
pub(super) fn told(baseline: &[Saved], candidate: &[Saved]) -> Vec<String> {
    let Some(first) = baseline.first() else { return Vec::new() };
    let mut paths = BTreeSet::new();
    for runs in [baseline, candidate] {
        for run in runs {
            let differs = found(&first.result, &run.result).into_iter();
            let told = differs.filter(|(_, rule)| *rule == ConditionRule::Told);
            paths.extend(told.map(|(difference, _)| difference.what));
            // Of several clusters, where that is declared.
            let cluster = |run: &Saved| run.result.broker.cluster_id.clone();
            if cluster(run) != cluster(&runs[0]) {
                paths.insert(CLUSTER.to_owned());
            }
        }
    }
    let of = |path: &str, runs: &[Saved]| {
        let value = |run: &Saved| {
            // All that is known of the clients together is whether it is.
            if path == CLIENTS && !run.result.clients.is_empty() {
                return RECORDED.to_owned();
            }
            let facts = facts::surroundings(&run.result);
            facts.get(path).cloned().unwrap_or_else(|| absent(path).to_owned())
        };
        let mut values: Vec<String> = runs.iter().map(value).collect();
        values.sort_by(|one, other| match (one.parse::<f64>(), other.parse::<f64>()) {
            (Ok(one), Ok(other)) => one.total_cmp(&other),
            _ => one.cmp(other),
        });
        values.dedup();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        listed(&values, LISTED_MAX)
    };
    let line = |path: String| {
        let (baseline, candidate) = (of(&path, baseline), of(&path, candidate));
        format!(
            "{path} is not the same in all runs: {baseline} in the baseline, {candidate} in the \
             candidate"
        )
    };
    paths.into_iter().map(line).collect()
}

/// Why a run can be compared with none.
pub(super) fn worthless(result: &RunResult) -> Option<String> {
    let verdict = &result.verdict;
    if !verdict.valid {
        let why = verdict.reasons.first().map_or("", String::as_str);
        return Some(format!("an invalid run: {why}"));
    }
    if verdict.interrupted_by.is_some() {
        return Some("a run that was interrupted".to_owned());
    }
    result.watch.debug_build.then(|| "built without optimisation".to_owned())
}

/// What makes a run this run and no other.
pub(super) fn identity(result: &RunResult) -> (String, String) {
    (result.run.clone(), result.started.clone())
}

fn same_sweep(baseline: &RunResult, candidate: &RunResult) -> bool {
    match (&baseline.trial, &candidate.trial) {
        (Some(one), Some(other)) => one.sweep == other.sweep,
        _ => false,
    }
}

fn absent(path: &str) -> &'static str {
    if rules::is_later(path) { "not recorded" } else { "not set" }
}

fn between(
    baseline: &ConditionValues,
    candidate: &ConditionValues,
    cores: usize,
    rule: impl Fn(&str) -> ConditionRule,
    found: &mut Vec<(Difference, ConditionRule)>,
) {
    let paths: BTreeSet<&String> = baseline.keys().chain(candidate.keys()).collect();
    for path in paths {
        let (one, other) = (baseline.get(path), candidate.get(path));
        let is_same = one.zip(other).is_some_and(|(a, b)| rules::is_same(path, a, b, cores));
        let rule = match rule(path) {
            ConditionRule::Silent => continue,
            _ if is_same => continue,
            _ if one.xor(other).is_some() && rules::is_later(path) => ConditionRule::Told,
            rule => rule,
        };
        let value =
            |value: Option<&String>| value.cloned().unwrap_or_else(|| absent(path).to_owned());
        let allow = if let ConditionRule::Guarded(allow) = rule { Some(allow) } else { None };
        let (baseline, candidate) = (value(one), value(other));
        found.push((Difference { what: path.clone(), baseline, candidate, allow }, rule));
    }
}
