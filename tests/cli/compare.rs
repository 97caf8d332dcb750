//! `kbench compare` as a user calls it: real runs of the embedded broker, and copies of them whose
//! figures are changed by a known factor.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used, clippy::panic)]

mod conditions;
mod gates;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use serde_json::{Value, json};

const SHORT: &str = "seed = 1\n[load]\nrate_per_s = 2000\nduration = \"1s\"\nwarmup = \"0s\"\n";

pub(super) const P99: &str = "analytics.e2e.p99";

pub(super) fn command(args: &[&str]) -> Command {
    let mut command = crate::kbench();
    command.args(args).stdin(Stdio::null()).env("NO_COLOR", "1");
    for variable in [
        "KAFKA_BOOTSTRAP_SERVERS",
        "KAFKA_ACTIVITIES_TOPIC",
        "KBENCH_OUT",
        "GITHUB_ACTIONS",
        "GITHUB_STEP_SUMMARY",
    ] {
        command.env_remove(variable);
    }
    command.env("KBENCH_UNVERIFIED", "1"); // The figures of its cases are made up.
    command
}

pub(super) fn output(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

pub(super) fn kbench(args: &[&str]) -> (i32, String, String) {
    output(&mut command(args))
}

/// A real result, of which copies are made.
static REAL: LazyLock<Value> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("case.toml");
    std::fs::write(&file, SHORT).unwrap();
    let out = folder.path().join("out");
    let (code, _, stderr) =
        kbench(&["run", file.to_str().unwrap(), "--out", out.to_str().unwrap(), "--quiet"]);
    assert_eq!(code, 0, "{stderr}");
    let run = std::fs::read_dir(&out).unwrap().next().unwrap().unwrap().path();
    serde_json::from_slice(&std::fs::read(run.join("result.json")).unwrap()).unwrap()
});

/// As on a host that was not a limit, whatever else ran beside the tests.
fn unhindered(result: &mut Value) {
    let watch = result["watch"].as_object_mut().unwrap();
    for name in ["slip_p99_ns", "throttled_share", "steal_share", "ceiling_per_s"] {
        watch.insert(name.to_owned(), Value::Null);
    }
    watch.insert("late_share".to_owned(), json!(0.0));
}

/// A baseline and a candidate, in a folder of their own.
pub(super) struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(super) fn path(&self, side: &str) -> PathBuf {
        self.folder.path().join(side)
    }

    pub(super) fn name(&self, side: &str) -> String {
        self.path(side).display().to_string()
    }

    /// Writes copies of the real run, one for each factor on the latencies; the runs of sides a
    /// and b alternate in time.
    pub(super) fn side(&self, side: &str, factors: &[f64], change: impl Fn(&mut Value)) -> &Self {
        for (place, factor) in factors.iter().enumerate() {
            let mut result = REAL.clone();
            result["run"] = json!(format!("{side}{place:07}"));
            result["started"] = json!(format!("2026-11-23T10:{place:02}:0{}Z", side.len()));
            for app in result["apps"].as_array_mut().unwrap() {
                scale(&mut app["end_to_end"], *factor);
            }
            result["thresholds"] = json!([]);
            unhindered(&mut result);
            change(&mut result);
            result["plan_hash"] = json!(result["plan"].to_string());
            let folder = self.path(side).join(format!("run-{place:02}"));
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("result.json"), result.to_string()).unwrap();
        }
        self
    }

    pub(super) fn compare(&self, more: &[&str]) -> (i32, String, String) {
        let (a, b) = (self.name("a"), self.name("b"));
        kbench(&[&["compare", &a, &b], more].concat())
    }

    pub(super) fn json(&self, more: &[&str]) -> Value {
        let (code, stdout, stderr) = self.compare(&[&["--format", "json"], more].concat());
        assert_eq!(code, 0, "{stderr}");
        serde_json::from_str(&stdout).unwrap()
    }
}

pub(super) fn scale(latency: &mut Value, factor: f64) {
    for (name, value) in latency.as_object_mut().unwrap() {
        if let (true, Some(ns)) = (name.ends_with("_ns"), value.as_f64()) {
            let ns = ns * factor;
            *value = if name == "mean_ns" { json!(ns) } else { json!(ns.round() as i64) };
        }
    }
}

/// Five runs around a factor, 2 % apart.
pub(super) fn five(factor: f64) -> [f64; 5] {
    [0.96, 0.98, 1.0, 1.02, 1.04].map(|noise| noise * factor)
}

pub(super) fn keep(_: &mut Value) {}

pub(super) fn row<'v>(comparison: &'v Value, metric: &str) -> &'v Value {
    let rows = comparison["pairs"][0]["rows"].as_array().unwrap();
    rows.iter().find(|row| row["metric"] == metric).unwrap()
}

/// Twenty whole runs of each broker, recorded on an idle host.
#[test]
fn real_runs_of_the_same_are_never_called_different() {
    for broker in ["embedded", "kafka"] {
        let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/recorded/aa");
        let sides = ["a", "b"].map(|side| recorded.join(broker).join(side));
        let sides = sides.each_ref().map(|side| side.to_str().unwrap());
        let (code, out, err) = kbench(&["compare", sides[0], sides[1], "--format", "json"]);
        assert_eq!(code, 0, "{err}");
        let comparison: Value = serde_json::from_str(&out).unwrap();
        let rows = comparison["pairs"][0]["rows"].as_array().unwrap();
        let verdicts: Vec<_> = rows.iter().map(|row| row["call"].as_str().unwrap()).collect();
        assert!(verdicts.len() >= 10, "{out}");
        assert!(!verdicts.contains(&"better") && !verdicts.contains(&"worse"), "{out}");
        let (code, table, err) = kbench(&["compare", "--simulate", sides[0], sides[1]]);
        assert_eq!(code, 0, "{err}");
        let shares = table.lines().filter(|line| line.contains("| 20 |"));
        let alarms: Vec<f64> = shares
            .map(|line| line.rsplit('|').nth(1).unwrap().trim().trim_end_matches(" %"))
            .map(|percent| percent.parse().unwrap())
            .collect();
        assert!(alarms.len() >= 10, "{table}");
        assert!(alarms.iter().all(|percent| *percent <= 6.0), "{table}");
    }
}

#[test]
fn a_planted_slowdown_is_worse_an_unchanged_metric_the_same_and_less_is_better() {
    let case = Case::new();
    case.side("a", &five(1.0), keep).side("b", &five(1.3), keep);
    let comparison = case.json(&[]);
    let slow = row(&comparison, P99);
    assert_eq!(slow["call"], "worse");
    assert!((slow["ratio"].as_f64().unwrap() - 1.3).abs() < 0.01, "{slow}");
    let (low, high) = (&slow["interval"][0], &slow["interval"][1]);
    assert!(low.as_f64().unwrap() > 1.2 && high.as_f64().unwrap() < 1.4, "{slow}");
    assert_eq!(row(&comparison, "throughput")["call"], "same");
    assert_eq!(row(&comparison, "ledger.missing")["call"], "same");
    let case = Case::new();
    case.side("a", &five(1.0), keep).side("b", &five(0.7), keep);
    assert_eq!(row(&case.json(&[]), P99)["call"], "better");
}

#[test]
fn what_spreads_too_much_is_inconclusive_and_says_what_it_would_take() {
    let case = Case::new();
    let wild = [0.6, 0.8, 1.0, 1.3, 1.7];
    case.side("a", &wild, keep).side("b", &wild.map(|factor| factor * 1.1), keep);
    let comparison = case.json(&["--metric", P99]);
    let row = row(&comparison, P99);
    assert_eq!(row["call"], "inconclusive");
    assert!(row["detectable"].as_f64().unwrap() > 0.5, "{row}");
    let (call, same) = (row["runs_to_call"].as_u64().unwrap(), row["runs_for_same"].as_u64());
    assert!(call > 100 && same.is_none_or(|same| same > call), "{row}");
    assert!((comparison["effect_to_call"].as_f64().unwrap() - 0.1).abs() < 1e-12, "{row}");
    let (_, stdout, _) = case.compare(&[]);
    for words in ["could find", "runs to call", "runs for same", "to call a rise of 10 %"] {
        assert!(stdout.contains(words), "{words}: {stdout}");
    }
}

#[test]
fn zero_against_some_is_said_and_called_only_where_chance_would_rarely_do_it() {
    let doubled = |from: u32| {
        move |result: &mut Value| {
            let run: u32 = result["run"].as_str().unwrap()[1..].parse().unwrap();
            result["ledger"]["apps"][0]["duplicates"] = json!(if run >= from { 3 } else { 0 });
        }
    };
    let case = Case::new();
    case.side("a", &five(1.0), keep).side("b", &five(1.0), doubled(4));
    let comparison = case.json(&[]);
    let once = row(&comparison, "ledger.duplicates");
    assert_eq!(once["call"], "inconclusive");
    let why = once["why"].as_str().unwrap();
    assert!(why.contains("0 of 5 baseline runs and 1 of 5 candidate runs"), "{why}");
    let (code, stdout, _) = case.compare(&["--fail-on", "ledger.duplicates > 0"]);
    assert_eq!(code, 5, "{stdout}");
    assert!(stdout.contains("so in 1 of 5 candidate runs; worst 3"), "{stdout}");
    let case = Case::new();
    case.side("a", &five(1.0), keep).side("b", &five(1.0), doubled(0));
    // Among all that is shown unasked five runs a side can't tell; asked for, they do.
    assert_eq!(row(&case.json(&[]), "ledger.duplicates")["call"], "inconclusive");
    let asked = case.json(&["--metric", "ledger.duplicates"]);
    assert_eq!(row(&asked, "ledger.duplicates")["call"], "worse");
}

#[test]
fn one_run_a_side_shows_its_numbers_and_proves_nothing() {
    let case = Case::new();
    case.side("a", &[1.0], keep).side("b", &[3.0], keep);
    let (code, stdout, stderr) = case.compare(&["--fail-on", "analytics.e2e.p99 > +10%"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("one run a side proves nothing"), "{stdout}");
    assert!(stdout.contains("0 worse, 0 better"), "{stdout}");
    assert!(stdout.contains("+200.0 %"), "{stdout}");
    let (code, ..) = case.compare(&["--strict", "--fail-on", "analytics.e2e.p99 > +10%"]);
    assert_eq!(code, 5, "--strict fails what is inconclusive");
}

#[test]
fn points_of_a_sweep_are_chosen_by_name_or_matched() {
    let case = Case::new();
    let at = |linger: &'static str, from: u32| {
        move |result: &mut Value| {
            let repeat: u32 = result["run"].as_str().unwrap()[1..].parse().unwrap();
            result["plan"]["kafka"]["producer"]["linger.ms"] = json!(linger);
            result["trial"] = json!({ "sweep": "11", "point": { "linger.ms": linger },
                "repeat": repeat, "place": from + repeat });
        }
    };
    case.side("a", &five(1.0), at("5", 0));
    case.side("b", &five(1.2), at("0", 5));
    // One folder with both points, as a sweep leaves it.
    for run in std::fs::read_dir(case.path("b")).unwrap() {
        let run = run.unwrap();
        let name = format!("other-{}", run.file_name().display());
        std::fs::rename(run.path(), case.path("a").join(name)).unwrap();
    }
    let of = |point: &str| format!("{}:linger.ms={point}", case.name("a"));
    let (code, stdout, stderr) = kbench(&["compare", &of("5"), &of("0"), "--format", "json"]);
    assert_eq!(code, 0, "{stderr}");
    let comparison: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(row(&comparison, P99)["call"], "worse");
    let (code, _, stderr) = kbench(&["compare", &of("5"), &of("7")]);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("there are linger.ms=0, linger.ms=5"), "{stderr}");
    // A sweep with itself has every run on both sides.
    let (code, _, stderr) = kbench(&["compare", &case.name("a"), &case.name("a")]);
    assert_eq!(code, 6, "{stderr}");
}

#[test]
fn runs_one_side_after_the_other_are_told() {
    let case = Case::new();
    let later = |result: &mut Value| {
        let started = result["started"].as_str().unwrap().replace("T10", "T11");
        result["started"] = json!(started);
    };
    case.side("a", &five(1.0), keep).side("b", &five(1.0), later);
    let (_, stdout, _) = case.compare(&[]);
    assert!(stdout.contains("every run of the baseline was before"), "{stdout}");
    let case = Case::new();
    case.side("a", &five(1.0), keep).side("b", &five(1.0), keep);
    assert!(!case.compare(&[]).1.contains("was before"));
}

#[test]
fn in_github_actions_the_summary_and_at_most_ten_annotations_are_written() {
    let case = Case::new();
    case.side("a", &five(1.0), keep).side("b", &five(1.5), keep);
    let summary = case.folder.path().join("summary.md");
    std::fs::write(&summary, "before\n").unwrap();
    let (a, b) = (case.name("a"), case.name("b"));
    let mut command = command(&["compare", &a, &b, "--fail-on", "analytics.e2e.p99 > +10%"]);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &summary);
    let (code, stdout, stderr) = output(&mut command);
    assert_eq!(code, 5);
    let written = std::fs::read_to_string(&summary).unwrap();
    assert!(written.starts_with("before\n## kbench compare: "), "{written}");
    assert!(written.contains("| analytics.e2e.p99 |") && written.len() < 60_000, "{written}");
    let annotations: Vec<&str> = stderr.lines().filter(|line| line.starts_with("::")).collect();
    assert!(annotations[0].starts_with("::error title=kbench compare::analytics.e2e.p99"));
    assert!(annotations.len() > 1 && annotations.len() <= 10, "{annotations:?}");
    assert!(!stdout.contains("::error"), "{stdout}");
    let (_, markdown, _) = case.compare(&["--format", "markdown"]);
    assert!(markdown.starts_with("## kbench compare: "), "{markdown}");
}

#[test]
fn a_run_compares_itself_with_an_older_one() {
    let case = Case::new();
    let file = case.folder.path().join("case.toml");
    std::fs::write(&file, SHORT).unwrap();
    case.side("a", &five(1.0), keep);
    let (file, a, out) = (file.display().to_string(), case.name("a"), case.name("out"));
    let run = ["run", &file, "--out", &out, "--quiet"];
    let (code, stdout, stderr) =
        kbench(&[&run[..], &["--compare-to", &a, "--allow", "limited"]].concat());
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("\ncompare  0 worse, 0 better"), "{stdout}");
    let (code, _, stderr) = kbench(&[&run[..], &["--fail-on", "throughput < -5%"]].concat());
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("--compare-to"), "{stderr}");
}

#[test]
fn the_method_s_table_is_printed_by_a_command() {
    let (code, stdout, stderr) = kbench(&["compare", "--simulate"]);
    assert_eq!(code, 0, "{stderr}");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/compare.md");
    let page = std::fs::read_to_string(page).unwrap();
    // The page quotes the table to the digit: it is made by a seed.
    assert!(page.contains(stdout.trim()), "{stdout}");
}
