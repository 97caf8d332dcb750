//! Sweeps as a user runs them: every trial saved, cut short, resumed.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use kbench::result::load_all;
use kbench::result::sweep::manifest::{SweepManifest, TrialState};

use super::case::Case;

const SWEEP: &str = "seed = 3\n[load]\nrate_per_s = 400\nduration = \"1s\"\nwarmup = \"0s\"\n\
    [sweep]\nrepeats = 2\n[sweep.axes]\npartitions = [1, 3]\nacks = [\"1\", \"all\"]\n\
    \"enable.idempotence\" = [false, true]\n";

fn kbench(args: &[&str]) -> Command {
    let mut command = crate::kbench();
    command.args(args).stdin(Stdio::null()).env("NO_COLOR", "1");
    for variable in ["KAFKA_BOOTSTRAP_SERVERS", "KAFKA_ACTIVITIES_TOPIC", "KBENCH_OUT"] {
        command.env_remove(variable);
    }
    command
}

fn output(args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = kbench(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// The result folders of a sweep, by name.
fn trials(folder: &Path) -> Vec<String> {
    let names = load_all(folder).unwrap().into_iter();
    names.map(|saved| saved.folder.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn every_trial_is_run_and_the_answer_stands_above_the_table() {
    let case = Case::new(SWEEP);
    let (code, stdout, stderr) = output(&["run", &case.scenario(), "--out", &case.out()]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.starts_with("sweep case on the embedded in-memory broker"), "{stdout}");
    assert!(stdout.contains("12 of 12 runs, 6 points"), "{stdout}");
    assert!(stderr.contains("left out: acks=1 enable.idempotence=true partitions=1"), "{stderr}");
    assert!(stderr.contains("trial 12 of 12"), "{stderr}");
    assert_eq!(stderr.matches("no broker was named").count(), 1, "it is said once: {stderr}");
    assert_eq!(stderr.matches("acknowledged, worst p99").count(), 12, "what came of each");
    let folder = case.made();
    let book = SweepManifest::load(&folder).unwrap();
    let answer = stdout.find(&book.conclusions[0]).unwrap();
    assert!(answer < stdout.find("acked/s").unwrap(), "the answer comes first: {stdout}");
    assert!(book.is_complete() && book.excluded.len() == 2);
    let results = load_all(&folder).unwrap();
    assert_eq!(results.len(), 12);
    for (place, saved) in (0..).zip(&results) {
        let trial = saved.result.trial.as_ref().unwrap();
        assert_eq!((trial.place, &trial.sweep), (place, &book.sweep));
        assert_eq!(trial.point, book.trials[place as usize].point);
        let partitions = saved.result.plan["topic"]["partitions"].to_string();
        assert_eq!(partitions, trial.point["partitions"], "the point was really run");
        assert!(saved.result.verdict.valid, "{:?}", saved.result.verdict);
    }
    let topics: std::collections::BTreeSet<&str> =
        results.iter().map(|saved| saved.result.broker.topic.name.as_str()).collect();
    assert_eq!(topics.len(), 12, "each on a fresh topic");
    let first: Vec<_> = results[..6].iter().map(|saved| saved.result.trial.clone()).collect();
    assert!(first.iter().flatten().all(|trial| trial.repeat == 0), "repeats are interleaved");
    let markdown = std::fs::read_to_string(folder.join("summary.md")).unwrap();
    assert!(markdown.contains("| partitions") && markdown.contains("can't be run"), "{markdown}");
    shown_again(&folder, &stdout);
}

/// `kbench report` on the sweep and on one of its runs.
fn shown_again(folder: &Path, stdout: &str) {
    let sweep = folder.to_str().unwrap();
    let report = |args: &[&str]| output(&[&["report"], args].concat());
    std::fs::remove_file(folder.join("report.html")).unwrap();
    let (code, text, stderr) = report(&[sweep]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.starts_with(&text), "{text}");
    assert!(folder.join("report.html").exists(), "it is made again");
    let results = load_all(folder).unwrap();
    let rows: usize = results.iter().map(|one| one.result.series.len() * 4).sum();
    let (_, csv, _) = report(&[sweep, "--format", "csv"]);
    assert_eq!(csv.lines().count(), rows + 1, "one head, and a row for each interval and app");
    let (code, _, stderr) = report(&[sweep, "--format", "hlog"]);
    assert_eq!((code, stderr.lines().count()), (2, 1), "{stderr}");
    let (one, file) = (&results[0].folder, "latency.hlog");
    let (_, hlog, _) = report(&[one.to_str().unwrap(), "--format", "hlog"]);
    assert_eq!(hlog, std::fs::read_to_string(one.join(file)).unwrap());
}

#[test]
fn a_sweep_that_is_interrupted_goes_on_where_it_was() {
    let text = SWEEP.replace("\"enable.idempotence\" = [false, true]\n", "");
    let case = Case::new(&text);
    let scenario = case.scenario();
    let mut child = kbench(&["run", &scenario, "--out", &case.out(), "--quiet"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    case.wait_for(2, &mut child, |sweep| load_all(sweep).map_or(0, |all| all.len()));
    let id = i32::try_from(child.id()).unwrap();
    // SAFETY: a signal to a child that has not been waited for.
    assert_eq!(unsafe { libc::kill(id, libc::SIGINT) }, 0);
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130));
    let told = String::from_utf8(ended.stderr).unwrap();
    assert!(told.contains("to go on: --resume"), "{told}");
    assert!(String::from_utf8(ended.stdout).unwrap().contains("not complete"));
    let folder = case.made();
    let before = trials(&folder);
    assert!((2..8).contains(&before.len()), "{before:?}");
    let resume = folder.to_str().unwrap();
    // Another plan can't go on with it.
    let refused = output(&["run", &scenario, "--resume", resume, "--set", "sweep.repeats=3"]);
    assert_eq!(refused.0, 2, "{}", refused.2);
    assert!(refused.2.contains("is a sweep of another plan"), "{}", refused.2);
    let (code, stdout, stderr) = output(&["run", &scenario, "--resume", resume]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("8 of 8 runs"), "{stdout}");
    let after = trials(&folder);
    assert_eq!(after.len(), 8, "{after:?}");
    assert!(before.iter().all(|name| after.contains(name)), "{before:?} {after:?}");
    let book = SweepManifest::load(&folder).unwrap();
    assert!(book.trials.iter().all(|entry| matches!(entry.state, TrialState::Done { .. })));
}

#[test]
fn what_a_sweep_can_get_wrong_is_one_line_and_opens_nothing() {
    let many: Vec<String> = (1..=201).map(|rate| rate.to_string()).collect();
    let case = Case::new(&format!(
        "seed = 3\n[load]\nduration = \"1s\"\n[sweep.axes]\nrate = [{}]\n",
        many.join(", ")
    ));
    let (scenario, out) = (case.scenario(), case.out());
    let (code, _, stderr) = output(&["run", &scenario, "--out", &out]);
    assert_eq!(code, 2);
    assert!(stderr.contains("a sweep of 201 runs, 21 min by their schedules alone"), "{stderr}");
    assert!(stderr.contains("expected --yes"), "{stderr}");
    let (code, _, stderr) = output(&["run", &scenario, "--yes", "--resume", "/nowhere"]);
    assert_eq!((code, stderr.lines().count()), (2, 1), "{stderr}");
    assert!(stderr.contains("expected the folder of a sweep"), "{stderr}");
    let plain = Case::new("seed = 1\n[load]\nrate_per_s = 9\nduration = \"1s\"\n");
    let (code, _, stderr) = output(&["run", &plain.scenario(), "--resume", "/nowhere"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("--resume: expected one scenario, with [sweep]"), "{stderr}");
    assert!(!Path::new(&out).exists(), "nothing was opened");
    let (code, stdout, _) = output(&["plan", &scenario]);
    assert_eq!(code, 0);
    assert!(stdout.starts_with("sweep case: 201 points x 1 repeats = 201 runs"), "{stdout}");
}
