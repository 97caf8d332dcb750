//! Every leaf of a real result's conditions, changed one by one: refused, named, or on the list.

mod parts;
mod walk;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::{Comparison, Side, compare};
use super::*;
use crate::base::error::{Error, Result};
use crate::broker::BrokerStats;
use crate::output::compare_text::text;
use crate::result::compare::options::CompareOptions;
use crate::result::{ProcessResult, RecordingResult, load, load_all};

use walk::{changed, leaves, path_of};

fn recorded(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("results/recorded").join(folder)
}

fn run() -> RunResult {
    let mut run = load(&recorded("steady-20261123T071318Z-d47e7083")).unwrap().result;
    run.plan_hash = Some("0a".to_owned());
    run.fingerprint = Some("0b".to_owned());
    run
}

fn named(one: &RunResult, other: &RunResult) -> Vec<(String, Option<Allow>)> {
    let found = differences(one, other).into_iter();
    found.map(|difference| (difference.what, difference.allow)).collect()
}

#[test]
fn equal_hashes_are_equal_plans_and_else_the_fields_say_what_differs() {
    let (one, mut other) = (run(), run());
    assert_eq!((same_plan(&one, &other), named(&one, &other)), (Some("0a"), vec![]));
    other.plan["seed"] = json!(99);
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
    other.plan["name"] = json!("other");
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

/// A recorded run on a real Kafka, with every part that a result can have; without its figures
/// over time, so that it is quickly read.
fn full() -> Value {
    let mut run = load_all(&recorded("aa/kafka/a")).unwrap().swap_remove(0).result;
    run.series.clear();
    run.apps.iter_mut().for_each(|app| app.summary = None);
    // By the fields, each on its own.
    run.plan_hash = None;
    run.plan["warnings"] = json!(["the topic is small"]);
    run.plan["thresholds"] = json!([{ "metric": "throughput", "text": "> 1/s" }]);
    run.plan["kafka"]["bootstrap_servers"] = json!("127.0.0.1:9092");
    run.plan["kafka"]["client_reason"] = json!("the other one has no TLS");
    run.host.machine = Some("00112233445566ff".to_owned());
    run.host.producer_slice_ns = Some(100_000);
    run.host.producer_timer_slack_ns = Some(1);
    run.broker.cluster_id = Some("kx81Qm2JQzC9eR7LqyaPwQ".to_owned());
    run.broker.versions[0].unknown = Some("it answers not".to_owned());
    let skipped = [("not JSON".to_owned(), 1)].into();
    run.recording = Some(RecordingResult { skipped, ..RecordingResult::default() });
    run.embedded_broker = Some(BrokerStats::default());
    run.processes = ["producer", "consumer"]
        .map(|role| ProcessResult { role: role.to_owned(), ..ProcessResult::default() })
        .to_vec();
    serde_json::to_value(run).unwrap()
}

/// As run number `n` of a side. Those of two sides alternate in time, so that nothing is said of
/// their order.
fn saved(value: &Value, side: &str, n: usize) -> Saved {
    let mut result: RunResult = serde_json::from_value(value.clone()).unwrap();
    result.run = format!("{side}{n:07}");
    result.started = format!("2026-11-23T10:{n:02}:0{}Z", side.len());
    Saved { folder: PathBuf::from(format!("results/{side}-{n}")), result }
}

fn compared(baseline: &[&Value], candidate: &[&Value]) -> Result<Comparison> {
    let side = |name: &str, values: &[&Value]| {
        let runs = values.iter().enumerate().map(|(n, value)| saved(value, name, n));
        Side::of(name, runs.collect())
    };
    compare(&side("a", baseline), &side("b", candidate), &CompareOptions::default())
}

/// The lines that refuse a comparison or name a difference, as the program prints them.
fn told_of(compared: Result<Comparison>) -> (bool, Vec<String>) {
    let is_naming =
        |line: &&str| line.contains("compared: ") || line.contains("is not the same in all runs");
    match compared {
        Err(Error::Refused(reasons)) => (true, reasons),
        Err(other) => panic!("{other}"),
        Ok(comparison) => {
            let text = text(&comparison);
            (false, text.lines().filter(is_naming).map(str::to_owned).collect())
        }
    }
}

/// Parts of a result that are conditions; of the last three only a leaf each.
const CONDITIONS: [&str; 9] = [
    "/host",
    "/build",
    "/broker",
    "/clients",
    "/plan",
    "/recording",
    "/watch/broker_on_this_host",
    "/embedded_broker/memory_limit_bytes",
    "/processes/0/role",
];

#[test]
fn every_condition_that_differs_is_refused_or_named_or_on_the_list_with_its_reason() {
    let base = full();
    assert_eq!(told_of(compared(&[&base], &[&base])), (false, vec![]), "equal ones");
    let mut pointers = Vec::new();
    for part in CONDITIONS {
        leaves(base.pointer(part).unwrap(), part, &mut pointers);
    }
    assert!(pointers.len() > 200, "{}", pointers.len());
    let listed = |list: &[rules::Reasoned], path: &str| {
        let entry = list.iter().find(|(pattern, _)| rules::is_of(pattern, path));
        entry.map(|(pattern, _)| (*pattern).to_owned())
    };
    let mut used = BTreeSet::new();
    let mut faults = Vec::new();
    for pointer in pointers {
        let path = path_of(&base, &pointer);
        let other = changed(&base, &pointer);
        let (is_refused, between) = told_of(compared(&[&base], &[&other]));
        let (is_mixed, within) = told_of(compared(&[&base, &other], &[&base, &base]));
        let is_named = !between.is_empty() && !within.is_empty();
        let says = |words: &[String]| words.iter().any(|line| line.contains(&path));
        if let Some(entry) = listed(rules::SILENT, &path) {
            if !between.is_empty() || !within.is_empty() {
                faults.push(format!("{path} is on the list, and counts: {between:?} {within:?}"));
            }
            used.insert(entry);
        } else if let Some(entry) = listed(rules::TOLD, &path) {
            if !is_named || is_refused || is_mixed {
                faults.push(format!("{path} is to be told: {between:?} {within:?}"));
            }
            used.insert(entry);
        } else if !is_named {
            faults.push(format!("{path} is neither refused nor named: {between:?} {within:?}"));
        } else if !is_mixed || !within.iter().any(|line| line.contains("results/a-1")) {
            let later = rules::is_later(&path) && base.pointer(&pointer) == Some(&Value::Null);
            if !later {
                faults.push(format!("{path}: mixed within a side, and not refused: {within:?}"));
            }
        } else if !path.ends_with("name") && (!says(&between) || !says(&within)) {
            let is_renamed = path.ends_with(".client");
            if !is_renamed {
                faults.push(format!("{path} is not named as such: {between:?} {within:?}"));
            }
        }
    }
    for (pattern, reason) in rules::SILENT.iter().chain(rules::TOLD) {
        if !used.contains(*pattern) {
            faults.push(format!("{pattern} ({reason}) is on the list and matches nothing"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_page_on_comparing_has_the_same_list_with_the_same_reasons() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/compare.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows = |head: &str| -> Vec<String> {
        let table = page.split_once(head).unwrap().1.trim_start();
        table.lines().skip(1).take_while(|line| line.starts_with('|')).map(str::to_owned).collect()
    };
    for (head, list) in [
        ("| not looked at | why |", rules::SILENT),
        ("| told | why it is not refused |", rules::TOLD),
    ] {
        let expected: Vec<String> =
            list.iter().map(|(pattern, reason)| format!("| `{pattern}` | {reason} |")).collect();
        assert_eq!(rows(head), expected, "{head}");
    }
    let allows = rows("| `--allow` | what differs |").join("");
    for allow in Allow::ALL {
        let name = format!("`{}`", allow.name());
        assert!(
            allows.contains(&name)
                || page.contains(&format!("{name} admits"))
                || page.contains(&format!("{name} keeps")),
            "{name}"
        );
    }
}

/// Fields of a result that are figures, or words and numbers of the run itself.
const FIGURES: &[&str] = &[
    "format_version",
    "scenario",
    "run",
    "verdict",
    "trial",
    "race",
    "broker_keeping_up",
    "throttling",
    "started",
    "duration_s",
    "command_line",
    "throughput",
    "send_delay",
    "ack",
    "ack_uncorrected",
    "apps",
    "ledger",
    "failures",
    "end_lag",
    "wire",
    "books",
    "checks",
    "thresholds",
    "detection",
    "rules",
    "cpu",
    "phases",
    "events",
    "partitions",
    "series",
    "plan_hash",
    "fingerprint",
    "ack_stack",
    "hiccups",
    "files",
    "digest",
];

#[test]
fn whoever_adds_a_part_to_the_result_says_whether_it_is_a_condition() {
    let part = |pointer: &str| pointer.split('/').nth(1).unwrap().to_owned();
    let conditions: BTreeSet<String> = CONDITIONS.iter().map(|pointer| part(pointer)).collect();
    for field in full().as_object().unwrap().keys() {
        assert!(
            conditions.contains(field) || FIGURES.contains(&field.as_str()),
            "{field}: a condition (compare/conditions/facts.rs) or a figure (FIGURES here)?"
        );
    }
}

/// A result with some of its conditions changed.
fn with(base: &Value, pointer: &str, value: Value) -> Value {
    let mut other = base.clone();
    *other.pointer_mut(pointer).unwrap() = value;
    other
}

#[test]
fn another_version_of_kafka_is_the_upgrade_case_and_heads_the_output() {
    let base = full();
    let older = with(&base, "/broker/versions/0/release", json!("Kafka 3.7"));
    let sides = |allow: &[Allow]| {
        let side = |name: &str, value: &Value| Side::of(name, vec![saved(value, name, 0)]);
        let options = CompareOptions { allow: allow.to_vec(), ..CompareOptions::default() };
        compare(&side("a", &older), &side("b", &base), &options)
    };
    let refused = sides(&[]).unwrap_err().to_string();
    assert!(refused.contains("--allow broker-version"), "{refused}");
    assert!(sides(&[Allow::Host, Allow::Scenario]).is_err(), "not by another word");
    for allow in [Allow::BrokerVersion, Allow::Versions] {
        let text = text(&sides(&[allow]).unwrap());
        let first = text.lines().next().unwrap();
        let expected = "Kafka 3.7 against Kafka 4.3 (broker.versions.release): declared by --allow";
        assert_eq!(first, format!("{expected} {}", allow.name()));
    }
    // What is declared for Kafka says nothing of kbench.
    let other = with(&base, "/build/rdkafka", json!("0.1.0"));
    let side = |name: &str, value: &Value| Side::of(name, vec![saved(value, name, 0)]);
    let options = CompareOptions { allow: vec![Allow::BrokerVersion], ..CompareOptions::default() };
    assert!(compare(&side("a", &base), &side("b", &other), &options).is_err());
}

#[test]
fn what_was_asked_for_is_named_once_and_what_the_client_made_of_it_counts() {
    let base = full();
    // As applied, and not as the plan has it: the client's doing.
    let applied = base["clients"].as_array().unwrap().iter();
    let producer = applied.clone().position(|client| client["client"] == "producer").unwrap();
    let pointer = format!("/clients/{producer}/properties/linger.ms");
    let other = with(&base, &pointer, json!("500"));
    let (refused, words) = told_of(compared(&[&base], &[&other]));
    assert!(refused && words[0].starts_with("clients.producer.linger.ms: 5 in the"), "{words:?}");
    // As asked for: compared, and said once; what it brings with it is compared, too.
    let asked = with(&other, "/plan/kafka/producer/linger.ms", json!("500"));
    let pointer = format!("/clients/{producer}/properties/max.in.flight.requests.per.connection");
    let asked = with(&asked, &pointer, json!("1000000"));
    let (refused, words) = told_of(compared(&[&base], &[&asked]));
    let brought = "clients.producer.max.in.flight.requests.per.connection";
    assert!(!refused && words.len() == 2, "{words:?}");
    assert!(words[0].contains("compared: kafka.producer.linger.ms: 5 → 500"), "{words:?}");
    assert!(words[1].contains(brought), "{words:?}");
}

#[test]
fn two_kafkas_on_one_host_differ_by_their_cluster_and_not_by_their_ports() {
    let base = full();
    let mut other = with(&base, "/broker/advertised/0", json!("7@127.0.0.1:1234"));
    other["broker"]["bootstrap_servers"] = json!("localhost:1234");
    other["clients"][0]["properties"]["bootstrap.servers"] = json!("localhost:1234");
    assert_eq!(told_of(compared(&[&base], &[&other])), (false, vec![]));
    let second = with(&base, "/broker/cluster_id", json!("another"));
    let (refused, words) = told_of(compared(&[&base], &[&second]));
    assert!(!refused && words[0].contains("compared: broker.cluster_id: kx81"), "{words:?}");
    // A fresh cluster for each run of a side has to be declared.
    let mixed = || Side::of("a", vec![saved(&base, "a", 0), saved(&second, "a", 1)]);
    let whole = || Side::of("b", vec![saved(&base, "b", 0), saved(&base, "b", 1)]);
    let refused = compare(&mixed(), &whole(), &CompareOptions::default()).unwrap_err().to_string();
    assert!(refused.contains("results/a-0") && refused.contains("results/a-1"), "{refused}");
    let options = CompareOptions { allow: vec![Allow::Cluster], ..CompareOptions::default() };
    for (one, other) in [(mixed(), whole()), (whole(), mixed())] {
        let text = text(&compare(&one, &other, &options).unwrap());
        assert!(text.contains("broker.cluster_id is not the same in all runs"), "{text}");
    }
}

#[test]
fn what_an_older_result_lacks_is_not_recorded_and_named_where_one_has_it() {
    let older = run();
    let older = serde_json::to_value(older).unwrap();
    assert_eq!(told_of(compared(&[&older], &[&older])), (false, vec![]));
    let mut newer = older.clone();
    newer["host"]["machine"] = json!("00112233445566ff");
    newer["clients"] = full()["clients"].clone();
    let (refused, words) = told_of(compared(&[&older], &[&newer]));
    assert!(!refused && words.len() == 2, "{words:?}");
    let clients = "clients is not the same in all runs: not recorded in the baseline, recorded in";
    assert!(words[0].contains(clients), "{words:?}");
    assert!(words[1].contains("host.machine") && words[1].contains("not recorded in the baseline"));
    // A limit is not forgotten: without one there is none.
    let limited = with(&older, "/host/cgroup_cpus", json!(1.0));
    let (refused, words) = told_of(compared(&[&older], &[&limited]));
    assert!(refused && words[0].contains("host.cgroup_cpus: not set in the baseline, 1.0 in"));
    for folder in ["formats", "aa/kafka/b", "aa/embedded/a"] {
        for Saved { result, .. } in load_all(&recorded(folder)).unwrap() {
            let value = serde_json::to_value(result).unwrap();
            assert_eq!(told_of(compared(&[&value], &[&value])), (false, vec![]), "{folder}");
        }
    }
}

#[test]
fn runs_that_the_harness_limited_are_left_out_and_named_as_in_a_sweep() {
    let base = full();
    let slow = with(&base, "/watch/slip_p99_ns", json!(5_000_000));
    let side = |name: &str, values: &[&Value]| {
        let runs = values.iter().enumerate().map(|(n, value)| saved(value, name, n));
        Side::of(name, runs.collect())
    };
    let (fine, mixed) = (side("a", &[&base, &base]), side("b", &[&base, &slow, &base]));
    let comparison = compare(&fine, &mixed, &CompareOptions::default()).unwrap();
    assert_eq!(comparison.pairs[0].candidate.runs, 2);
    let said = text(&comparison);
    assert!(said.contains("left out: results/b-1: harness limited: 1 % of the events"), "{said}");
    let none = side("b", &[&slow, &slow]);
    let refused = compare(&fine, &none, &CompareOptions::default()).unwrap_err().to_string();
    assert!(refused.contains("no run is free of a limit of the harness"), "{refused}");
    assert!(refused.contains("results/b-1") && refused.contains("--allow limited"), "{refused}");
    let options = CompareOptions { allow: vec![Allow::Limited], ..CompareOptions::default() };
    let comparison = compare(&fine, &mixed, &options).unwrap();
    assert_eq!((comparison.pairs[0].candidate.runs, comparison.left_out.len()), (3, 0));
    let first = text(&comparison).lines().next().unwrap().to_owned();
    let expected = "b: 1 of 3 runs limited by the harness: declared by --allow limited";
    assert_eq!(first, expected);
}
