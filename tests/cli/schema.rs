//! Results against `docs/result.schema.json`, by a validator that knows nothing of kbench.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use jsonschema::Validator;
use serde_json::{Value, json};

use kbench::load::preview::fingerprint;
use kbench::plan::toml::environment::Environment;
use kbench::plan::toml::overrides::Overrides;
use kbench::plan::toml::source::ScenarioSource;

const SCENARIO: &str = "seed = 7\n\
    [load]\n\
    rate_per_s = 2000\n\
    duration = \"2s\"\n\
    warmup = \"500ms\"\n";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| {
        panic!("{}: {error}", path.display());
    });
    serde_json::from_str(&text).unwrap()
}

fn schema() -> Value {
    read(&root().join("docs/result.schema.json"))
}

fn faults(validator: &Validator, result: &Value) -> Vec<String> {
    validator
        .iter_errors(result)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// Forbids every field that the schema does not describe.
fn close(schema: &mut Value) {
    if let Value::Object(object) = schema {
        if object.contains_key("properties") && !object.contains_key("additionalProperties") {
            object.insert("additionalProperties".to_owned(), json!(false));
        }
        object.values_mut().for_each(close);
    } else if let Value::Array(items) = schema {
        items.iter_mut().for_each(close);
    }
}

/// Runs a scenario on the embedded broker; with a signal after `interrupt_s`.
fn run(scenario: &str, interrupt_s: Option<f64>) -> (Output, Value) {
    let (output, result, _) = run_and_keep(scenario, interrupt_s);
    (output, result)
}

/// The same, with the text of the `scenario.toml` that it saved.
fn run_and_keep(scenario: &str, interrupt_s: Option<f64>) -> (Output, Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("smoke.toml");
    std::fs::write(&file, scenario).unwrap();
    let out = folder.path().join("out");
    let mut command = crate::kbench();
    command.arg("run").arg(&file).arg("--out").arg(&out).env_remove("KAFKA_BOOTSTRAP_SERVERS");
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    if let Some(seconds) = interrupt_s {
        std::thread::sleep(std::time::Duration::from_secs_f64(seconds));
        let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(kill.unwrap().success());
    }
    let output = child.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    let found = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path());
    let results: Vec<PathBuf> = found.filter(|path| path.join("result.json").exists()).collect();
    assert_eq!(results.len(), 1, "{words}");
    let saved = std::fs::read_to_string(results[0].join("scenario.toml")).unwrap();
    (output, read(&results[0].join("result.json")), saved)
}

/// Rule 15 of honest measuring: what a folder holds makes the same plan and the same events.
#[test]
fn a_result_planned_again_from_its_folder_is_the_same_plan_with_the_same_events() {
    let (_, result, saved) = run_and_keep(SCENARIO, None);
    let again = |text: &str| {
        let source = ScenarioSource { name: "smoke.toml".to_owned(), text: text.to_owned() };
        let nothing = Environment::from_pairs::<String, String>([]);
        let plan = kbench::plan::scenario::plan(
            &source,
            &Overrides::default(),
            &nothing,
            &kbench::apps::schemas(),
            kbench::client::CHECKERS,
        )
        .unwrap();
        (fingerprint::plan_hash(&plan), fingerprint::events(&plan).unwrap())
    };
    let (hash, events) = again(&saved);
    assert_eq!(result["plan_hash"], json!(hash));
    assert_eq!(result["fingerprint"], json!(events));
    let (other_hash, other_events) = again(&saved.replace("seed = 7", "seed = 8"));
    assert!(hash != other_hash && events != other_events);
    // Another client, the same load.
    let (other_hash, same_events) = again(&format!("{saved}[kafka.producer]\nlinger.ms = 9\n"));
    assert!(hash != other_hash && events == same_events);
}

#[test]
fn the_schema_is_one() {
    jsonschema::meta::validate(&schema()).unwrap();
}

#[test]
fn a_fresh_result_has_every_field_described_and_no_other() {
    let (_, result) = run(SCENARIO, None);
    assert_eq!(result["verdict"]["valid"], true, "{}", result["verdict"]);
    let mut closed = schema();
    close(&mut closed);
    let validator = jsonschema::validator_for(&closed).unwrap();
    assert_eq!(faults(&validator, &result), Vec::<String>::new());
    // It is a result with figures in it, not an empty shell.
    assert!(result["ack"]["count"].as_u64().unwrap() > 3_000);
    assert_eq!(result["apps"].as_array().unwrap().len(), 4);

    broken_ones_are_refused(&validator, &result);
}

/// Each of these is not a result any more, and the validator says where.
fn broken_ones_are_refused(validator: &Validator, result: &Value) {
    let breakages: [(&str, Value); 9] = [
        ("/verdict", Value::Null),
        ("/verdict/valid", json!("yes")),
        ("/format_version", json!(2)),
        ("/ack/p50_ns", json!(1.5)),
        ("/ack/count", json!(-1)),
        ("/apps/0/end_to_end", json!([])),
        ("/ledger/acked", Value::Null),
        ("/series/0/offered", json!("2000")),
        ("/broker/kind", json!("kafka-ish")),
    ];
    for (place, broken) in breakages {
        let mut copy = result.clone();
        *copy.pointer_mut(place).unwrap_or_else(|| panic!("no {place}")) = broken;
        assert!(!faults(validator, &copy).is_empty(), "{place} may be anything");
    }
    for field in ["verdict", "ledger", "apps", "format_version", "host", "ack"] {
        let mut copy = result.clone();
        copy.as_object_mut().unwrap().remove(field);
        assert!(!faults(validator, &copy).is_empty(), "{field} may be missing");
    }
}

#[test]
fn an_interrupted_and_an_invalid_result_are_results() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let long = SCENARIO.replace("duration = \"2s\"", "duration = \"60s\"");
    let (output, result) = run(&long, Some(5.0));
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(result["verdict"]["interrupted_by"], 130);
    assert_eq!(faults(&validator, &result), Vec::<String>::new());

    // The client holds events back for longer than the run waits for their receipts.
    let hasty = format!(
        "{SCENARIO}[kafka.producer]\nlinger.ms = 5000\n[measure]\ndrain_timeout = \"1s\"\n"
    );
    let (output, result) = run(&hasty, None);
    assert_eq!(output.status.code(), Some(4), "{}", result["verdict"]);
    assert_eq!(result["verdict"]["valid"], false);
    assert_eq!(faults(&validator, &result), Vec::<String>::new());
}

#[test]
fn recorded_results_are_results() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let mut count = 0;
    for entry in std::fs::read_dir(root().join("results/recorded")).unwrap() {
        let file = entry.unwrap().path().join("result.json");
        if file.exists() {
            assert_eq!(faults(&validator, &read(&file)), Vec::<String>::new(), "{file:?}");
            count += 1;
        }
    }
    assert!(count >= 3);
}
