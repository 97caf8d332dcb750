//! What is not a recording, or no whole one.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::parts::{change, copy, field, part_file, told};

#[test]
fn what_is_no_recording_is_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let says = |records: &Path, expected: &str| {
        let (code, words) = told(records);
        assert!(code == 2 && words.contains(expected), "{words}");
        assert_eq!(words.lines().count(), 1, "{words}");
    };
    says(folder.path(), "holds no result");
    says(&folder.path().join("nowhere"), "nowhere");
    fs::write(folder.path().join("notes.txt"), "foreign").unwrap();
    fs::create_dir(folder.path().join("consumer-of-somebody-else")).unwrap();
    says(folder.path(), "holds no result");

    let (_keep, records) = copy("cut");
    let part = part_file(&records, Some("behavior"));
    let text = fs::read_to_string(&part).unwrap();
    fs::write(&part, &text[..text.len() / 2]).unwrap();
    says(&records, "consumer.json: no whole part of a run");
    fs::write(&part, text.replace("\"part_version\":2", "\"part_version\":99")).unwrap();
    says(&records, "is of version 99");
    change(&part, |part| part["part_version"] = 1.into());
    says(&records, "is of version 1; expected 2, which this kbench records");
    change(&part, |part| part["part_version"] = 2.into());
    change(&part, |part| part["interval_ns"] = 500_000_000.into());
    says(&records, "recorded by intervals of 0.5 s and the producer by 1 s");

    // The run names the folder of the result: it must not lead out of this one.
    let part = part_file(&records, None);
    let run = field(&part, "/result/run");
    change(&part, |part| part["result"]["run"] = "x/../../escaped".into());
    fs::create_dir(records.join("inj")).unwrap();
    says(&records, "producer.json: no part of a run: \"x/../../escaped\" is out of place");
    change(&part, |part| part["result"]["run"] = run.clone());
    for (member, value) in [
        ("/result/started", Value::from("../../escaped")),
        ("/result/scenario", "../escaped".into()),
        ("/measured/start", (1_u64 << 63).into()),
        ("/steady", serde_json::json!([{"start": 5, "end": 9}, {"start": 8, "end": 10}])),
        ("/steady", serde_json::json!([{"start": 9, "end": 9}])),
        ("/steady", serde_json::json!([{"start": 1_u64 << 60, "end": 1_u64 << 61}])),
        ("/result/series/0/from_s", (-1).into()),
        ("/outcomes/shards/0/offered", (1_u64 << 63).into()),
        ("/outcomes/shards/0/offered", (1_u64 << 52).into()),
        ("/apps/0/name", "a,b".into()),
    ] {
        let before = field(&part, member);
        change(&part, |part| *part.pointer_mut(member).unwrap() = value.clone());
        let (code, words) = told(&records);
        assert!(code == 2 && words.contains("producer.json: no"), "{member}: {code} {words}");
        assert_eq!(words.lines().count(), 1, "{words}");
        change(&part, |part| *part.pointer_mut(member).unwrap() = before.clone());
    }

    let (_keep, records) = copy("headless");
    fs::remove_dir_all(part_file(&records, None).parent().unwrap()).unwrap();
    says(&records, "holds consumers' parts only");
}

#[test]
fn a_damaged_histogram_is_refused_and_strange_files_are_left_alone() {
    let (_keep, records) = copy("records");
    fs::write(records.join("notes.txt"), "foreign").unwrap();
    fs::create_dir(records.join("empty")).unwrap();
    assert_eq!(told(&records).0, 0);
    let part = part_file(&records, Some("behavior"));
    let text = fs::read_to_string(&part).unwrap();
    fs::write(&part, text.replacen("\"histogram\":\"HISTF", "\"histogram\":\"XXXXX", 1)).unwrap();
    let (code, words) = told(&records);
    assert!(code == 2 && words.contains("is damaged, behavior"), "{words}");
}
