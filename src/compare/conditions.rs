//! What two groups of runs have in common, and whether they may be compared.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::result::{RunResult, Saved};

/// What a user may allow to differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Allow {
    /// The machine: processor, cores, memory, system, kernel, clock.
    Host,
    /// kbench, its revision and build, librdkafka.
    Versions,
    /// What makes the load: rates, population, events, applications' settings.
    Scenario,
    /// The random choices.
    Seed,
    /// Kafka, the embedded broker, the loopback.
    BrokerKind,
}

impl Allow {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Host, Self::Versions, Self::Scenario, Self::Seed, Self::BrokerKind];

    /// As the command line has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Versions => "versions",
            Self::Scenario => "scenario",
            Self::Seed => "seed",
            Self::BrokerKind => "broker-kind",
        }
    }
}

/// Something that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What it is: a path in the plan, or in words.
    pub what: String,
    /// On the baseline's side.
    pub baseline: String,
    /// On the candidate's side.
    pub candidate: String,
    /// What it takes to compare all the same; `None` where that is what is compared.
    pub allow: Option<Allow>,
}

/// Top of the plan that says nothing of what ran: a name, words, where it ran, its limits.
const SILENT: [&str; 6] =
    ["name", "description", "warnings", "thresholds", "topic.name", "kafka.bootstrap_servers"];

/// The differences between two groups of runs; one run of each stands for it, after
/// [`disagreements`] has found the group to be one.
#[must_use]
pub(super) fn differences(baseline: &RunResult, candidate: &RunResult) -> Vec<Difference> {
    let mut found = Vec::new();
    let by_axes = same_sweep(baseline, candidate);
    // Equal hashes are equal plans; the fields are for naming what differs. An older result has no
    // hash, and a plan under another name, or with other thresholds, has another one.
    if same_plan(baseline, candidate).is_none() {
        between(
            &plan(baseline),
            &plan(candidate),
            |path| {
                if by_axes { None } else { needs(path) }
            },
            &mut found,
        );
    }
    found.extend(load(baseline, candidate, &found));
    between(&broker(baseline), &broker(candidate), |_| None, &mut found);
    between(&kind(baseline), &kind(candidate), |_| Some(Allow::BrokerKind), &mut found);
    between(&host(baseline), &host(candidate), |_| Some(Allow::Host), &mut found);
    between(&versions(baseline), &versions(candidate), |_| Some(Allow::Versions), &mut found);
    found
}

/// The hash that the plans of two runs have in common.
pub(super) fn same_plan<'r>(one: &'r RunResult, other: &RunResult) -> Option<&'r str> {
    one.plan_hash.as_deref().filter(|hash| other.plan_hash.as_deref() == Some(hash))
}

/// Two versions may make other events out of one plan: then they did not run the same load. Where
/// the plans' loads differ in the first place, that is named already.
fn load(baseline: &RunResult, candidate: &RunResult, found: &[Difference]) -> Option<Difference> {
    let is_of_the_load =
        |allow: Option<Allow>| matches!(allow, Some(Allow::Scenario | Allow::Seed));
    let (one, other) = (baseline.fingerprint.as_ref()?, candidate.fingerprint.as_ref()?);
    if one == other || found.iter().any(|difference| is_of_the_load(difference.allow)) {
        return None;
    }
    Some(Difference {
        what: "fingerprint of the first 1,000 events".to_owned(),
        baseline: one.clone(),
        candidate: other.clone(),
        allow: if same_sweep(baseline, candidate) { None } else { Some(Allow::Scenario) },
    })
}

/// Why a group of runs is none: another scenario, an invalid run, the same run twice.
#[must_use]
pub(super) fn disagreements(name: &str, runs: &[Saved]) -> Vec<String> {
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
        let differs = differences(&first.result, &other.result);
        if let Some(difference) = differs.first() {
            reasons.push(format!(
                "{name}: its runs are not alike: {} is {} in {} and {} in {}",
                difference.what,
                difference.baseline,
                first.folder.display(),
                difference.candidate,
                other.folder.display()
            ));
        }
    }
    reasons
}

fn worthless(result: &RunResult) -> Option<String> {
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

type Facts = BTreeMap<String, String>;

fn between(
    baseline: &Facts,
    candidate: &Facts,
    allow: impl Fn(&str) -> Option<Allow>,
    found: &mut Vec<Difference>,
) {
    let names: BTreeSet<&String> = baseline.keys().chain(candidate.keys()).collect();
    let of = |facts: &Facts, name: &String| {
        facts.get(name).cloned().unwrap_or_else(|| "not set".to_owned())
    };
    for name in names {
        let (baseline, candidate) = (of(baseline, name), of(candidate, name));
        if baseline != candidate {
            let allow = allow(name);
            found.push(Difference { what: name.clone(), baseline, candidate, allow });
        }
    }
}

/// What must be allowed before plans that differ here may be compared. Topic, clients and workers
/// are what people compare; everything else makes the load.
fn needs(path: &str) -> Option<Allow> {
    let is_setup = path.starts_with("kafka.") || path.starts_with("topic.");
    let is_workers = path.starts_with("apps.") && path.ends_with(".workers");
    match path {
        "seed" => Some(Allow::Seed),
        _ if is_setup || is_workers => None,
        _ => Some(Allow::Scenario),
    }
}

/// The plan by path; applications by their names, so that one more shows as one more.
fn plan(result: &RunResult) -> Facts {
    let mut facts = Facts::new();
    flatten("", &result.plan, &mut facts);
    facts.retain(|path, _| {
        let is_silent =
            SILENT.iter().any(|silent| path == silent || path.starts_with(&format!("{silent}.")));
        let is_group = path.starts_with("apps.") && path.ends_with(".group");
        !(is_silent || is_group)
    });
    facts
}

fn flatten(path: &str, value: &Value, facts: &mut Facts) {
    let below =
        |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                flatten(&below(name), value, facts);
            }
        }
        Value::Array(items) => {
            for (place, value) in items.iter().enumerate() {
                let name = value.get("name").and_then(Value::as_str);
                let place = name.map_or_else(|| place.to_string(), str::to_owned);
                flatten(&below(&place), value, facts);
            }
        }
        // What an older plan does not have is what a newer one has left off.
        Value::Null => {}
        Value::String(text) => drop(facts.insert(path.to_owned(), text.clone())),
        other => drop(facts.insert(path.to_owned(), other.to_string())),
    }
}

/// The topic's configuration as the broker gave it back, and how many brokers there are.
fn broker(result: &RunResult) -> Facts {
    let broker = &result.broker;
    let mut facts: Facts = broker
        .topic
        .configs
        .iter()
        .map(|(key, value)| (format!("topic as made: {key}"), value.clone()))
        .collect();
    facts.insert("brokers".to_owned(), broker.advertised.len().to_string());
    facts
}

fn kind(result: &RunResult) -> Facts {
    let kind = format!("{:?}", result.broker.kind).to_lowercase();
    Facts::from([("kind of broker".to_owned(), kind)])
}

fn host(result: &RunResult) -> Facts {
    let host = &result.host;
    let mut facts = Facts::from([
        ("host: cores".to_owned(), host.cores.to_string()),
        ("host: system".to_owned(), host.os.clone()),
    ]);
    // A virtual machine's memory differs by some pages from boot to boot.
    let memory =
        host.memory_bytes.map(|bytes| format!("{:.0} GiB", bytes as f64 / f64::from(1 << 30)));
    for (name, value) in [
        ("host: kernel", &host.kernel),
        ("host: processor", &host.cpu),
        ("host: memory", &memory),
        ("host: clock", &host.clock_source),
    ] {
        if let Some(value) = value {
            facts.insert(name.to_owned(), value.clone());
        }
    }
    facts
}

fn versions(result: &RunResult) -> Facts {
    let build = &result.build;
    let mut facts = Facts::from([
        ("kbench".to_owned(), build.kbench.clone()),
        ("librdkafka".to_owned(), build.librdkafka.clone()),
        ("build".to_owned(), build.profile.clone()),
    ]);
    if let Some(git) = &build.git {
        facts.insert("kbench's revision".to_owned(), git.clone());
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::load;

    fn run() -> RunResult {
        let name = "results/recorded/steady-20261123T071318Z-d47e7083";
        let mut run = load(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
        run.result.plan_hash = Some("0a".to_owned());
        run.result.fingerprint = Some("0b".to_owned());
        run.result
    }

    fn named(one: &RunResult, other: &RunResult) -> Vec<(String, Option<Allow>)> {
        let found = differences(one, other).into_iter();
        found.map(|difference| (difference.what, difference.allow)).collect()
    }

    #[test]
    fn equal_hashes_are_equal_plans_and_else_the_fields_say_what_differs() {
        let (one, mut other) = (run(), run());
        assert_eq!((same_plan(&one, &other), named(&one, &other)), (Some("0a"), vec![]));
        other.plan["seed"] = serde_json::json!(99);
        assert_eq!(named(&one, &other), [], "the hash is asked first");
        let seed = ("seed".to_owned(), Some(Allow::Seed));
        // The events differ with the seed, which is said once.
        other.fingerprint = Some("0c".to_owned());
        for hash in [Some("0d".to_owned()), None] {
            other.plan_hash = hash;
            assert_eq!((same_plan(&one, &other), named(&one, &other)), (None, vec![seed.clone()]));
        }
        // A name of its own is another hash, and no difference.
        let mut other = run();
        other.plan["name"] = serde_json::json!("other");
        other.plan_hash = Some("0e".to_owned());
        assert_eq!(named(&one, &other), []);
    }

    #[test]
    fn a_version_that_makes_other_events_of_one_plan_ran_another_load() {
        let (one, mut other) = (run(), run());
        other.fingerprint = Some("0c".to_owned());
        let what = "fingerprint of the first 1,000 events".to_owned();
        assert_eq!(named(&one, &other), [(what, Some(Allow::Scenario))]);
        other.fingerprint = None;
        assert_eq!(named(&one, &other), [], "a replay has none, nor has an old result");
    }
}
