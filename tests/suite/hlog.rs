//! `latency.hlog` as HdrHistogram's own reader reads it.

use std::path::Path;

use crate::cluster::dev_kafka;
use crate::needs::Need;
use crate::probe::Probe;
use crate::runs::{PROGRAM, constant, plan};
use crate::world::{Kind, World};
use kbench::client::loopback::hooks::LoopbackHooks;
use kbench::output::progress::Progress;
use kbench::result::LatencySummary;
use kbench::run;
use kbench::run::RunOptions;

pub fn probes() -> Vec<Probe> {
    let probe = Probe::new("hlog::another_reader_finds_every_sample", read_back);
    vec![probe.only(&[Kind::Loopback]).needs(&[Need::Java])]
}

fn read_back(world: &World) {
    let plan = plan(world, &constant(2_000, 4, "poisson"));
    let results = tempfile::tempdir().unwrap();
    let options = RunOptions {
        command_line: Vec::new(),
        program: PROGRAM.into(),
        results_dir: results.path().to_owned(),
        signal: std::sync::Arc::default(),
        remains: std::sync::Arc::default(),
        loopback: Some(LoopbackHooks::default()),
        start_wall_us: None,
        trial: None,
        race: None,
        actors: Vec::new(),
    };
    let finished = run::run(&plan, "", options, &mut Progress::Quiet).unwrap();
    let (result, log) = (&finished.result, finished.folder.as_ref().unwrap().join("latency.hlog"));
    let listed = processed(&log, &["-listtags"]);
    let tags: Vec<_> = listed.lines().skip(1).collect();
    let apps = ["analytics", "behavior", "dashboard", "fraud"];
    let mut expected = vec!["ack".to_owned()];
    expected.extend(apps.map(|app| format!("{app}.end_to_end")));
    expected.push("send_delay".to_owned());
    assert_eq!(tags, expected);
    check(&log, "ack", &result.ack);
    check(&log, "send_delay", &result.send_delay);
    for app in &result.apps {
        check(&log, &format!("{}.end_to_end", app.name), &app.end_to_end);
    }
}

/// Count, mean and greatest value of all intervals together are those of the result.
fn check(log: &Path, tag: &str, summary: &LatencySummary) {
    let text = processed(log, &["-tag", tag, "-outputValueUnitRatio", "1"]);
    let figure = |name: &str| -> f64 {
        let after = text.split(name).nth(1).unwrap_or_else(|| panic!("no {name}: {text}"));
        let digits = |letter: char| !letter.is_ascii_digit() && letter != '.';
        after.trim_start_matches(['=', ' ']).split(digits).next().unwrap().parse().unwrap()
    };
    let within = summary.count - summary.zero_or_negative - summary.over_range;
    assert_eq!(figure("Total count    ") as u64, within, "{tag}");
    let near = |seen: f64, exact: f64| (seen / exact - 1.0).abs() < 0.002;
    assert!(near(figure("#[Max     "), summary.max_ns.unwrap() as f64), "{tag}: {text}");
    if within == summary.count {
        assert!(near(figure("#[Mean    "), summary.mean_ns.unwrap()), "{tag}: {text}");
    }
}

fn processed(log: &Path, args: &[&str]) -> String {
    let mut command = dev_kafka(["hlog", "-i", log.to_str().unwrap()]);
    let output = command.args(args).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    String::from_utf8(output.stdout).unwrap()
}
