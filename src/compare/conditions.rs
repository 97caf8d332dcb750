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
    between(
        &plan(baseline),
        &plan(candidate),
        |path| {
            if by_axes { None } else { needs(path) }
        },
        &mut found,
    );
    between(&broker(baseline), &broker(candidate), |_| None, &mut found);
    between(&kind(baseline), &kind(candidate), |_| Some(Allow::BrokerKind), &mut found);
    between(&host(baseline), &host(candidate), |_| Some(Allow::Host), &mut found);
    between(&versions(baseline), &versions(candidate), |_| Some(Allow::Versions), &mut found);
    found
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
