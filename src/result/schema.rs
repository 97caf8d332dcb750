//! `docs/result.schema.json`: the JSON Schema of `result.json`, made from the types.
//!
//! It says what a reader may rely on: a field that older results lack is not required.

use std::path::{Path, PathBuf};

use schemars::generate::SchemaSettings;
use schemars::{Schema, transform};
use serde_json::{Value, json};

use super::{FORMAT_VERSION, RunResult};

/// Set, it makes the test write the file instead of comparing it.
const REWRITE: &str = "KBENCH_REWRITE";

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/result.schema.json")
}

/// Rust's links mean nothing to a reader of JSON: [`x`] becomes `x`.
fn unlink(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text =
            text.replace("[`", "`").replace("`]", "`").replace('\n', " ").replace("None", "null");
    }
    transform::transform_subschemas(&mut unlink, schema);
}

/// The schema of this program's results.
pub(super) fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with_transform(unlink);
    let mut schema = settings.into_generator().into_root_schema_for::<RunResult>();
    schema.insert("title".to_owned(), json!("A kbench result"));
    schema.insert("$id".to_owned(), json!(format!("kbench:result:{FORMAT_VERSION}")));
    if let Some(properties) = schema.get_mut("properties") {
        properties["format_version"]["const"] = json!(FORMAT_VERSION);
    }
    Value::from(schema)
}

#[test]
fn the_schema_in_docs_is_that_of_the_types() {
    let now = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os(REWRITE).is_some() {
        std::fs::write(file(), now).unwrap();
        return;
    }
    let saved = std::fs::read_to_string(file()).unwrap_or_default();
    let place = now.lines().zip(saved.lines()).position(|(now, saved)| now != saved);
    assert!(
        now == saved,
        "docs/result.schema.json is stale (line {}); write it anew:\n\
         {REWRITE}=1 cargo test --release --lib result::schema",
        place.unwrap_or_else(|| saved.lines().count()) + 1
    );
}

/// Every property's description, and where it stands.
fn descriptions(schema: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    let definitions = schema["$defs"].as_object().unwrap();
    let all = definitions.iter().map(|(name, schema)| (name.as_str(), schema));
    for (name, definition) in all.chain([("RunResult", schema)]) {
        for (property, inner) in definition["properties"].as_object().into_iter().flatten() {
            let text = inner["description"].as_str().unwrap_or("").to_owned();
            found.push((format!("{name}.{property}"), text, inner.clone()));
        }
    }
    found
}

#[test]
fn every_field_is_described_in_words_of_its_own() {
    let mut faults = Vec::new();
    for (place, text, _) in descriptions(&schema()) {
        if text.len() < 8 || text.starts_with("The same") || text.starts_with("See there") {
            faults.push(format!("{place}: {text:?}"));
        }
    }
    assert!(faults.is_empty(), "say what it is, with the unit:\n{}", faults.join("\n"));
}

/// The words of which a description must have one, by the ending of the field's name.
const UNITS: &[(&str, &[&str])] = &[
    ("_ns", &["nanoseconds"]),
    ("_us", &["microseconds"]),
    ("_ms", &["milliseconds"]),
    ("_per_s", &["per second"]),
    ("_s", &["seconds", "second"]),
    ("_bytes", &["bytes", "Bytes"]),
    ("_cents", &["cents"]),
];

#[test]
fn every_measure_is_described_with_its_unit() {
    let mut faults = Vec::new();
    for (place, text, _) in descriptions(&schema()) {
        let unit = UNITS.iter().find(|(ending, _)| place.ends_with(ending));
        if unit.is_some_and(|(_, words)| !words.iter().any(|word| text.contains(word))) {
            faults.push(format!("{place}: {text:?}"));
        }
    }
    assert!(faults.is_empty(), "the unit is missing:\n{}", faults.join("\n"));
}
