//! What is looked at together is judged together: metrics, points and pairs, through the program.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::{Value, json};

use super::compare::{Case, P99, five, kbench, keep, row, scale};

/// What `compare` shows unasked, but for counts.
const ELEVEN: [&str; 11] = [
    "analytics.e2e.p50",
    "analytics.e2e.p99",
    "fraud.e2e.p50",
    "fraud.e2e.p99",
    "dashboard.e2e.p50",
    "dashboard.e2e.p99",
    "behavior.e2e.p50",
    "behavior.e2e.p99",
    "ack.p99",
    "throughput",
    "cpu_us_per_event",
];

/// A rise of the p99 of one application that chance makes in two of a hundred comparisons, at the
/// noise of `five`.
fn slower(result: &mut Value) {
    let p99 = &mut result["apps"][0]["end_to_end"]["p99_ns"];
    *p99 = json!((p99.as_f64().unwrap() * 1.06).round() as i64);
}

#[test]
fn of_eleven_metrics_only_the_corrected_p_decides() {
    let case = Case::new();
    case.side("a", &five(1.0), keep).side("b", &five(1.0), slower);
    let limited = ["--allow", "limited"];
    let comparison = case.json(&limited);
    let together = row(&comparison, P99);
    let p = together["p"].as_f64().unwrap();
    assert!(p > 0.005 && p < 0.05, "more than chance by itself: {together}");
    assert!(together["p_holm"].as_f64().unwrap() > 0.05, "{together}");
    assert_eq!(together["call"], "inconclusive", "{together}");
    let tested = comparison["pairs"][0]["rows"].as_array().unwrap();
    assert!(tested.iter().filter(|row| !row["p"].is_null()).count() >= 11, "{comparison}");
    let alone = case.json(&["--allow", "limited", "--metric", P99]);
    assert_eq!(row(&alone, P99)["call"], "worse", "{alone}");
    // Gates, too: a single one closes, the same among eleven does not.
    let gate = format!("{P99} > +3%");
    let (code, stdout, _) = case.compare(&["--allow", "limited", "--fail-on", &gate]);
    assert_eq!(code, 5, "{stdout}");
    let gates: Vec<String> = ELEVEN
        .iter()
        .map(|name| format!("{name} {} 3%", if *name == "throughput" { "< -" } else { "> +" }))
        .map(|gate| gate.replace("- 3", "-3").replace("+ 3", "+3"))
        .collect();
    let mut args = vec!["--allow", "limited"];
    for gate in &gates {
        args.extend(["--fail-on", gate]);
    }
    let (code, stdout, stderr) = case.compare(&args);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains(&format!("inconclusive: {gate}")), "{stdout}");
}

/// A sweep's point, as its trial.
fn at(sweep: &'static str, linger: &'static str) -> impl Fn(&mut Value) {
    move |result: &mut Value| {
        let run = result["run"].as_str().unwrap().to_owned();
        let repeat: u32 = run[1..].parse().unwrap();
        result["run"] = json!(format!("{run}{linger}"));
        result["plan"]["kafka"]["producer"]["linger.ms"] = json!(linger);
        let point = json!({ "linger.ms": linger });
        result["trial"] =
            json!({ "sweep": sweep, "point": point, "repeat": repeat, "place": repeat });
    }
}

#[test]
fn many_points_are_corrected_over_all_of_them() {
    let case = Case::new();
    let points = ["0", "1", "2", "3", "4", "5"];
    for (side, sweep) in [("a", "aaaa"), ("b", "bbbb")] {
        for linger in points {
            case.side(side, &five(1.0), |result| {
                at(sweep, linger)(result);
                if side == "b" && linger == "3" {
                    slower(result);
                }
            });
            // The next point's runs lie beside these.
            for run in std::fs::read_dir(case.path(side)).unwrap().flatten() {
                let name = run.file_name().into_string().unwrap();
                if name.starts_with("run-") {
                    std::fs::rename(
                        run.path(),
                        run.path().with_file_name(format!("p{linger}-{name}")),
                    )
                    .unwrap();
                }
            }
        }
    }
    let metric = ["--allow", "limited", "--metric", P99];
    let comparison = case.json(&metric);
    let pairs = comparison["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 6, "{comparison}");
    let calls: Vec<&str> =
        pairs.iter().map(|pair| pair["rows"][0]["call"].as_str().unwrap()).collect();
    assert!(!calls.contains(&"worse") && !calls.contains(&"better"), "{calls:?}");
    assert!(pairs.iter().all(|pair| pair["design"] == "apart"), "of two sweeps nothing is a pair");
    // The point by itself, which somebody asked for before, is decided.
    let one = ["a", "b"].map(|side| format!("{}:linger.ms=3", case.name(side)));
    let args = ["compare", &one[0], &one[1], "--format", "json"];
    let (code, stdout, stderr) = kbench(&[&args[..], &metric].concat());
    assert_eq!(code, 0, "{stderr}");
    let alone: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(row(&alone, P99)["call"], "worse", "{alone}");
    // Two points of one sweep are pairs, by their repeat.
    let two = ["2", "3"].map(|linger| format!("{}:linger.ms={linger}", case.name("b")));
    let args = ["compare", &two[0], &two[1], "--format", "json"];
    let (_, stdout, stderr) = kbench(&[&args[..], &metric].concat());
    let pairs: Value = serde_json::from_str(&stdout).expect(&stderr);
    assert_eq!(pairs["pairs"][0]["design"], "paired", "{pairs}");
    // Their noise is the same repeat by repeat: as pairs, the six percent are plain.
    assert!(row(&pairs, P99)["p"].as_f64().unwrap() < 1e-3, "{pairs}");
}

/// A broker that gets slower from pair to pair.
const DRIFT: [f64; 8] = [1.0, 1.2, 1.5, 1.9, 2.3, 2.8, 3.3, 4.0];

/// Runs of a race; `pair` tells which pair the n-th run belongs to.
fn raced(side: &'static str, until: bool, pair: fn(u32) -> u32) -> impl Fn(&mut Value) {
    move |result: &mut Value| {
        let place: u32 = result["run"].as_str().unwrap()[1..].parse().unwrap();
        result["race"] = json!({ "race": "cafe", "side": side, "pair": pair(place),
            "place": 2 * place, "until_decided": until });
    }
}

/// A tenth more than the drift, give or take a percent.
fn tenth_more() -> Vec<f64> {
    let noise = [0.99, 1.01, 1.0, 1.01, 0.99, 1.0, 1.01, 0.99];
    DRIFT.iter().zip(noise).map(|(drift, noise)| 1.1 * drift * noise).collect()
}

#[test]
fn runs_of_a_race_are_compared_as_the_pairs_that_they_are() {
    let metric = ["--allow", "limited", "--metric", P99];
    let judged = |base: &dyn Fn(&mut Value), other: &dyn Fn(&mut Value)| {
        let case = Case::new();
        case.side("a", &DRIFT, base).side("b", &tenth_more(), other);
        (case.json(&metric), case.compare(&metric).1)
    };
    let same = |n| n;
    let (comparison, text) = judged(&raced("a", false, same), &raced("b", false, same));
    assert_eq!(comparison["pairs"][0]["design"], "paired");
    let paired = row(&comparison, P99);
    assert_eq!(paired["call"], "worse", "the drift falls out: {paired}");
    assert!(paired["p"].as_f64().unwrap() < 1e-6, "{paired}");
    assert!(text.contains("compared as 8 pairs of runs"), "{text}");
    // As two groups the drift hides it.
    let (comparison, _) = judged(&keep, &keep);
    assert_eq!(comparison["pairs"][0]["design"], "apart");
    assert_eq!(row(&comparison, P99)["call"], "inconclusive");
    // Pairs are by their number, and not by the order of the folders.
    let (comparison, _) =
        judged(&raced("a", false, same), &raced("b", false, |place| (place + 3) % 8));
    assert_eq!(row(&comparison, P99)["call"], "inconclusive", "other runs' partners");
    // Runs of two races are no pairs.
    let (comparison, _) = judged(&raced("a", false, same), &|result: &mut Value| {
        raced("b", false, same)(result);
        result["race"]["race"] = json!("beef");
    });
    assert_eq!(comparison["pairs"][0]["design"], "apart");
}

#[test]
fn a_race_until_decided_has_bounds_that_hold_however_often_one_looks() {
    let metric = ["--allow", "limited", "--metric", P99];
    let interval = |until: bool| {
        let case = Case::new();
        case.side("a", &DRIFT, raced("a", until, |n| n));
        case.side("b", &tenth_more(), raced("b", until, |n| n));
        let comparison = case.json(&metric);
        let row = row(&comparison, P99).clone();
        (row["interval"][0].as_f64().unwrap(), row["interval"][1].as_f64().unwrap())
    };
    let (once, always) = (interval(false), interval(true));
    let ratio = (always.1 / always.0).ln() / (once.1 / once.0).ln();
    // Of 8 pairs: 4.20 standard errors against 2.36.
    assert!(ratio > 1.7 && ratio < 2.0, "{once:?} {always:?}");
}

#[test]
fn a_run_without_its_partner_is_left_out_and_told() {
    let case = Case::new();
    case.side("a", &DRIFT, raced("a", false, |n| n));
    case.side("b", &tenth_more()[..7], raced("b", false, |n| n));
    let (code, stdout, stderr) = case.compare(&["--allow", "limited", "--metric", P99]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("left out: 1 runs without their partner"), "{stdout}");
    assert!(stdout.contains("compared as 7 pairs"), "{stdout}");
}

#[test]
fn counts_that_are_zero_in_some_runs_are_compared_by_an_exact_test() {
    let counts = |counts: [u64; 6]| {
        move |result: &mut Value| {
            let place: usize = result["run"].as_str().unwrap()[1..].parse().unwrap();
            result["ledger"]["apps"][0]["duplicates"] = json!(counts[place]);
        }
    };
    let case = Case::new();
    let six = [1.0, 1.01, 0.99, 1.0, 1.02, 0.98];
    case.side("a", &six, counts([0, 1, 0, 2, 0, 1]));
    case.side("b", &six, counts([40, 70, 55, 30, 90, 60]));
    let comparison = case.json(&["--allow", "limited", "--metric", "ledger.duplicates"]);
    let duplicates = row(&comparison, "ledger.duplicates");
    assert_eq!(duplicates["call"], "worse", "{duplicates}");
    // Two of the 924 ways to give twelve figures to two sides.
    assert!((duplicates["p"].as_f64().unwrap() - 2.0 / 924.0).abs() < 1e-9, "{duplicates}");
    let mut latency = json!({ "p99_ns": 1000 });
    scale(&mut latency, 2.0);
    assert_eq!(latency["p99_ns"], 2000, "the helper scales");
}
