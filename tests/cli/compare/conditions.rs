//! What may be compared with what, as the program says it.

use super::*;

#[test]
fn what_can_not_be_compared_is_refused_with_6_and_the_reason() {
    let refused = |change: &dyn Fn(&mut Value), words: &str, allow: Option<&str>| {
        let case = Case::new();
        case.side("a", &five(1.0), keep).side("b", &five(1.0), change);
        let (code, stdout, stderr) = case.compare(&[]);
        assert_eq!(code, 6, "{words}: {stdout}{stderr}");
        assert!(stderr.contains(words), "{words}: {stderr}");
        assert_eq!(stdout, "", "no number beside a refusal");
        if let Some(allow) = allow {
            let (code, stdout, stderr) = case.compare(&["--allow", allow]);
            assert_eq!(code, 0, "{stderr}");
            let head = stdout.lines().next().unwrap();
            assert!(head.ends_with(&format!("declared by --allow {allow}")), "{stdout}");
        }
    };
    let rate = |result: &mut Value| {
        let linear = &mut result["plan"]["load"]["phases"][0]["segments"][0]["shape"]["linear"];
        linear["to_per_s"] = json!(9.5);
    };
    refused(&rate, "load.phases", Some("scenario"));
    refused(&|result| result["plan"]["seed"] = json!(9), "seed: 1 in", Some("seed"));
    refused(
        &|result| result["broker"]["kind"] = json!("kafka"),
        "broker.kind: ",
        Some("broker-kind"),
    );
    refused(&|result| result["host"]["cores"] = json!(99), "host.cores: ", Some("host"));
    refused(
        &|result| result["build"]["kbench"] = json!("9.9.9"),
        "build.kbench: ",
        Some("versions"),
    );
    let machine = |result: &mut Value| result["host"]["machine"] = json!("0011223344556677");
    refused(&machine, "host.machine: ", Some("host"));
    let release = |result: &mut Value| result["broker"]["versions"][0]["release"] = json!("3.7");
    refused(&release, "broker.versions.release: ", Some("broker-version"));
    refused(&|result| result["verdict"]["valid"] = json!(false), "an invalid run", None);
    refused(&|result| result["verdict"]["interrupted_by"] = json!(130), "interrupted", None);
    refused(&|result| result["format_version"] = json!(999), "of version 999", None);
    let doubled = |result: &mut Value| {
        result["run"] = json!("5a5e");
        result["started"] = json!("2026-11-23T10:00:00Z");
    };
    refused(&doubled, "on this side twice", None);
    let swapped = |result: &mut Value| {
        result["run"] = json!(result["run"].as_str().unwrap().replace('b', "a"));
    };
    refused(&swapped, "a run with itself", None);
}

#[test]
fn a_cut_result_is_refused_and_a_folder_that_is_not_there_is_a_slip() {
    let case = Case::new();
    case.side("a", &five(1.0), keep).side("b", &five(1.0), keep);
    let (code, _, stderr) = case.compare(&["--allow", "weather"]);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("expected any of host"), "{stderr}");
    let file = case.path("b").join("run-02/result.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, &text[..text.len() / 2]).unwrap();
    let (code, stdout, stderr) = case.compare(&[]);
    assert_eq!((code, stdout.as_str()), (6, ""), "{stderr}");
    assert!(stderr.contains("no whole result") && stderr.lines().count() == 1, "{stderr}");
    let (code, _, stderr) = kbench(&["compare", &case.name("a"), "/nowhere"]);
    assert_eq!(code, 2, "{stderr}");
}

#[test]
fn another_kafka_configuration_is_what_is_compared() {
    let case = Case::new();
    case.side("a", &five(1.0), keep).side("b", &five(1.0), |result| {
        result["plan"]["kafka"]["producer"]["linger.ms"] = json!("0");
        result["plan"]["topic"]["partitions"] = json!(12);
    });
    let (code, stdout, stderr) = case.compare(&[]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("compared: kafka.producer.linger.ms: 5 → 0"), "{stdout}");
    assert!(stdout.contains("compared: topic.partitions: 6 → 12"), "{stdout}");
}

#[test]
fn a_result_says_which_machine_it_is_of_and_what_its_kernel_granted_the_producers() {
    let host = &REAL["host"];
    if let Ok(id) = std::fs::read_to_string("/etc/machine-id")
        && id.trim().len() == 32
    {
        let machine = host["machine"].as_str().unwrap();
        assert!(machine.len() == 16 && !REAL.to_string().contains(id.trim()), "{machine}");
    }
    assert_eq!(host["producer_timer_slack_ns"], 1, "{host}");
    // A kernel without slices of a thread's own (before 6.12) says none.
    let slice = &host["producer_slice_ns"];
    assert!(*slice == 100_000 || slice.is_null(), "{host}");
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap(), numbers.next().unwrap());
    assert_eq!(slice.is_null(), version < (6, 12), "{release}: {host}");
    // Each start of the embedded broker is a cluster of its own, which tells nothing.
    assert_eq!(REAL["broker"]["cluster_id"], Value::Null);
    assert_eq!(REAL["watch"]["broker_on_this_host"], true);
}

#[test]
fn runs_that_the_harness_limited_are_left_out_and_refused_where_no_other_is_left() {
    let slow = |from: u32| {
        move |result: &mut Value| {
            let run: u32 = result["run"].as_str().unwrap()[1..].parse().unwrap();
            if run >= from {
                result["watch"]["slip_p99_ns"] = json!(5_000_000);
            }
        }
    };
    let case = Case::new();
    // What is left out is ten times as slow: with it the comparison would be another.
    case.side("a", &five(1.0), keep).side("b", &[1.0, 1.01, 0.99, 10.0, 10.0], slow(3));
    let comparison = case.json(&[]);
    assert_eq!(comparison["pairs"][0]["candidate"]["runs"], 3);
    assert!((row(&comparison, P99)["ratio"].as_f64().unwrap() - 1.0).abs() < 0.02);
    let (_, stdout, _) = case.compare(&[]);
    assert_eq!(stdout.matches("left out: ").count(), 2, "{stdout}");
    assert!(stdout.contains("run-04: harness limited: 1 % of the events"), "{stdout}");
    let case = Case::new();
    case.side("a", &five(1.0), keep).side("b", &five(1.0), slow(0));
    let (code, stdout, stderr) = case.compare(&[]);
    assert_eq!((code, stdout.as_str()), (6, ""), "{stderr}");
    assert!(stderr.contains("no run is free of a limit of the harness"), "{stderr}");
    let (code, stdout, _) = case.compare(&["--allow", "limited"]);
    assert_eq!(code, 0, "{stdout}");
    assert!(stdout.lines().next().unwrap().contains("5 of 5 runs limited by the harness"));
}
