//! Gates, as a user writes them.

use super::*;

#[test]
fn gates_fail_with_5_only_beyond_their_limit() {
    let case = Case::new();
    case.side("a", &five(1.0), keep).side("b", &five(1.3), keep);
    let code = |gate: &str| {
        let (code, stdout, stderr) = case.compare(&["--fail-on", gate]);
        (code, format!("{stdout}{stderr}"))
    };
    let (exit, said) = code("analytics.e2e.p99 > +10%");
    assert_eq!(exit, 5, "{said}");
    assert!(said.contains("FAILED: analytics.e2e.p99 > +10%: +30.0 %"), "{said}");
    assert_eq!(code("analytics.e2e.p99 > +50%").0, 0);
    assert_eq!(code("throughput < -5%").0, 0);
    assert_eq!(code("ledger.missing > 0").0, 0);
    let (exit, said) = code("analytics.e2e.p98 > +10%");
    assert_eq!(exit, 2, "{said}");
    assert!(said.contains("analytics.e2e.p99"), "{said}");
}

/// The 99th percentile of some runs of the candidate's is not known.
fn without_samples(result: &mut Value) {
    if result["run"].as_str().unwrap().ends_with('3') {
        result["apps"][0]["end_to_end"]["p99_ns"] = Value::Null;
    }
}

#[test]
fn a_gate_whose_metric_has_no_figure_in_some_run_fails() {
    let case = Case::new();
    case.side("a", &five(1.0), keep).side("b", &five(1.0), without_samples);
    for (flag, gate) in [
        ("--fail-on", "analytics.e2e.p99 > +900%"),
        ("--fail-on", "analytics.e2e.p99 > 50s"),
        ("--require", "analytics.e2e.p99 < +900%"),
        ("--require", "analytics.e2e.p99 < 50s"),
    ] {
        let (code, stdout, stderr) = case.compare(&[flag, gate]);
        assert_eq!(code, 5, "{flag} {gate}: {stdout}{stderr}");
        let why = "not enough samples, or not measured, in 1 of 5 candidate runs";
        assert!(stdout.contains("FAILED: ") && stdout.contains(why), "{flag} {gate}: {stdout}");
    }
    // The baseline's matter to a change only.
    let case = Case::new();
    case.side("b", &five(1.0), keep).side("a", &five(1.0), without_samples);
    assert_eq!(case.compare(&["--fail-on", "analytics.e2e.p99 > +900%"]).0, 5);
    assert_eq!(case.compare(&["--fail-on", "analytics.e2e.p99 > 50s"]).0, 0);
    // A figure that the run never has: the last of too few events.
    let (code, stdout, _) = case.compare(&["--fail-on", "analytics.e2e.p99.99 > +900%"]);
    assert_eq!(code, 5, "{stdout}");
}

#[test]
fn what_is_required_fails_unless_all_of_its_interval_is_within() {
    let case = Case::new();
    // Five runs 2 % apart: the interval is some 5 % to each side of no change.
    case.side("a", &five(1.0), keep).side("b", &five(1.0), keep);
    let require = |gate: &str| {
        let (code, stdout, stderr) = case.compare(&["--require", gate]);
        (code, format!("{stdout}{stderr}"))
    };
    let (code, said) = require("analytics.e2e.p99 < +10%");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("passed: require analytics.e2e.p99 < +10%: +0.0 % (95 %: "), "{said}");
    let (code, said) = require("analytics.e2e.p99 < +2%");
    assert_eq!(code, 5, "{said}");
    let words = "FAILED: require analytics.e2e.p99 < +2%: not shown: +0.0 % (95 %: ";
    assert!(said.contains(words), "{said}");
    // The same limit as what fails: nothing is shown, so that nothing fails.
    assert_eq!(case.compare(&["--fail-on", "analytics.e2e.p99 > +2%"]).0, 0);
    assert_eq!(require("analytics.e2e.p99 > -10%").0, 0);
    assert_eq!(require("analytics.e2e.p99 > -2%").0, 5);
    assert_eq!(require("throughput > -5%").0, 0);
    assert_eq!(require("ledger.missing == 0").0, 0);
    assert_eq!(require("analytics.e2e.p99 < 50s").0, 0);
    let (code, said) = require("analytics.e2e.p99 < 1us");
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("so in 0 of 5 candidate runs; worst "), "{said}");
    for (gate, words) in [
        ("analytics.e2e.p99 > +10%", "< wants a rise and > a fall"),
        ("throughput < -5%", "< wants a rise and > a fall"),
        ("analytics.e2e.p99", "--require: "),
    ] {
        let (code, said) = require(gate);
        assert_eq!(code, 2, "{said}");
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn what_is_required_is_not_shown_by_too_few_runs_nor_by_one_that_breaks_the_limit() {
    let case = Case::new();
    case.side("a", &[1.0, 1.001], keep).side("b", &[1.0, 1.001], keep);
    let (code, stdout, _) = case.compare(&["--require", "analytics.e2e.p99 < +50%"]);
    assert_eq!(code, 5, "{stdout}");
    assert!(stdout.contains("not shown: ") && stdout.contains("too few runs"), "{stdout}");
    let case = Case::new();
    case.side("a", &five(1.0), keep).side("b", &five(1.0), |result: &mut Value| {
        let lost = u32::from(result["run"].as_str().unwrap().ends_with('2'));
        result["ledger"]["apps"][0]["duplicates"] = json!(lost);
    });
    let (code, stdout, _) = case.compare(&["--require", "ledger.duplicates == 0"]);
    assert_eq!(code, 5, "{stdout}");
    assert!(stdout.contains("so in 4 of 5 candidate runs; worst 1"), "{stdout}");
    let file = case.folder.path().join("case.toml");
    std::fs::write(&file, SHORT).unwrap();
    let run = ["run", file.to_str().unwrap(), "--require", "throughput > -5%"];
    let (code, _, stderr) = kbench(&run);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("--compare-to"), "{stderr}");
}

/// A limit on each run is as much of a run's own as a threshold: it says on what it rests.
#[test]
fn a_limit_on_each_run_says_in_how_many_the_percentile_rests_on_too_few_episodes() {
    let restless = |result: &mut Value| {
        let few = result["run"].as_str().unwrap().ends_with(['1', '2']);
        result["apps"][0]["end_to_end"]["p99_rests_on"] =
            json!({ "above": 9, "episodes": 1.0, "independent": 99.0, "is_enough": !few });
    };
    let case = Case::new();
    case.side("a", &five(1.0), keep).side("b", &five(1.0), restless);
    for (flag, relation) in [("--fail-on", '<'), ("--require", '>')] {
        let gate = |metric: &str| format!("{metric} {relation} 50s");
        let (code, stdout, _) = case.compare(&[flag, &gate("analytics.e2e.p99")]);
        assert_eq!(code, 5, "{stdout}");
        let why = "; on too few episodes for one run to know it in 2 of them\n";
        assert!(stdout.contains(why), "{stdout}");
        let (code, stdout, _) = case.compare(&[flag, &gate("analytics.e2e.p50")]);
        assert!(code == 5 && !stdout.contains("episodes"), "{stdout}");
    }
}
