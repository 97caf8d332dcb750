//! `kbench produce --record` and `kbench consume --record`, put together by `kbench report`: what
//! one `kbench run` gives, or a word about what is missing.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

#[path = "two_processes/cost.rs"]
mod cost;
#[path = "two_processes/damaged.rs"]
mod damaged;
#[path = "two_processes/limits.rs"]
mod limits;
#[path = "two_processes/parts.rs"]
mod parts;
#[path = "two_processes/rebalance.rs"]
mod rebalance;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::{self, sleep};
use std::time::Duration;

use serde_json::Value;

use parts::{
    Broker, SCENARIO, change, copy, ends_well, join, kbench, part_file, record_on, recorded,
    report, told,
};

const APPS: [&str; 4] = ["analytics", "fraud", "dashboard", "behavior"];

#[test]
fn several_processes_give_the_ledger_the_counts_and_the_answers_of_one_run() {
    let (_, records, run) = recorded();
    gives_what_one_run_gives(records, run);
}

#[test]
fn on_a_real_kafka_several_processes_are_as_one_run_and_their_clocks_have_a_bound() {
    let Some(broker) = Broker::kafka() else { return };
    let (_keep, records, run) = record_on(&broker);
    gives_what_one_run_gives(&records, &run);
    let (_, merged) = report(&records);
    assert_eq!(merged["broker"]["kind"], "kafka");
    has_a_clock_bound(&records, &merged);
}

fn gives_what_one_run_gives(records: &Path, run: &Value) {
    let (code, merged) = report(records);
    assert_eq!((code, &merged["verdict"]["valid"]), (0, &Value::Bool(true)), "{merged:#}");
    let ledger = &merged["ledger"];
    assert_eq!(ledger["closes"], true);
    for sum in ["offered", "sent", "acked", "unsent", "failed", "unknown"] {
        assert_eq!(ledger[sum], run["ledger"][sum], "{sum}");
    }
    assert_eq!(merged["books"], run["books"]);
    // Three seconds tell of nobody, and that is told of everybody.
    for one in [&merged, run] {
        assert_eq!(one["broker_keeping_up"]["kept_up"], "too_short", "{one:#}");
        let mut apps = one["apps"].as_array().unwrap().iter();
        assert!(apps.all(|app| app["keeping_up"]["kept_up"] == "too_short"), "{one:#}");
    }
    assert_eq!(merged["checks"], run["checks"]);
    assert_eq!(merged["phases"], run["phases"]);
    assert_eq!(merged["send_delay"]["count"], run["send_delay"]["count"]);
    assert_eq!(merged["ack"]["count"], run["ack"]["count"]);
    cost::was_looked_at_by_each_process(&merged);
    let measured = run["ack"]["count"].as_u64().unwrap();
    assert_eq!(merged["ack"]["never_delivered"], 0);
    assert!((2_500..3_500).contains(&measured), "{measured}");
    for (place, name) in APPS.iter().enumerate() {
        let (app, of_run) = (&merged["apps"][place], &run["apps"][place]);
        assert_eq!(app["name"], *name);
        assert_eq!(ledger["apps"][place], run["ledger"]["apps"][place], "{name}");
        assert_eq!(ledger["apps"][place]["seen"], ledger["acked"], "{name}");
        for stage in ["arrival", "service", "end_to_end"] {
            assert_eq!(app[stage]["count"], measured, "{name} {stage}");
            assert_eq!(of_run[stage]["count"], measured, "{name} {stage}");
            assert_eq!(app[stage]["zero_or_negative"], 0, "{name} {stage}");
        }
        assert_eq!(app["summary"]["totals"], of_run["summary"]["totals"], "{name}");
        let rows = merged["series"].as_array().unwrap();
        let seen = |row: &Value| row["apps"][place]["seen"].as_u64().unwrap();
        assert_eq!(ledger["acked"], rows.iter().map(seen).sum::<u64>(), "{name}");
        assert_eq!(rows.last().unwrap()["apps"][place]["lag_records"], 0, "{name}");
    }
    let folder = fs::read_dir(records).unwrap().map(|entry| entry.unwrap().path());
    let folder = folder.into_iter().find(|path| path.join("result.json").exists()).unwrap();
    let log = fs::read_to_string(folder.join("latency.hlog")).unwrap();
    for tag in ["send_delay", "ack", "fraud.end_to_end", "behavior.end_to_end"] {
        assert!(log.contains(&format!("Tag={tag},")), "{tag}");
    }
    assert!(folder.join("summary.md").exists() && folder.join("scenario.toml").exists());
    // The result by itself says the same once more.
    let (again, words) = told(&folder);
    assert!(again == 0 && words.starts_with("VALID"), "{words}");
}

#[test]
fn the_bound_of_the_clocks_is_measured_and_printed() {
    let (_keep, records) = copy("records");
    let (_, merged) = report(&records);
    has_a_clock_bound(&records, &merged);
}

fn has_a_clock_bound(records: &Path, merged: &Value) {
    let processes = merged["processes"].as_array().unwrap();
    assert_eq!(processes.len(), 4);
    for process in &processes[1..] {
        let ahead_ns = process["clock"]["ahead_ns"].as_i64().unwrap();
        let uncertain_ns = process["clock"]["uncertain_ns"].as_u64().unwrap();
        // One host whose clock nobody sets meanwhile: whole microseconds are the coarsest part.
        assert!(ahead_ns.abs() < 100_000 && (1..100_000).contains(&uncertain_ns), "{process}");
    }
    assert_eq!(merged["apps"][0]["clock"]["usable"], true);
    let (_, words) = told(records);
    assert!(words.contains("3 consumer processes beside the producer's: clock bound ±"), "{words}");
}

#[test]
fn a_clock_that_is_off_is_found_and_nothing_below_the_bound_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records");
    let broker = Broker::start();
    // Dates that are late make latencies look small: some below zero.
    let late = ["fraud", "--shift-clock-us", "-500000"];
    let consumers =
        vec![broker.consumer(&records, &late), broker.consumer(&records, &["behavior"])];
    join();
    let limits = [
        "thresholds.fraud.e2e.p50=\"< 10s\"",
        "thresholds.fraud.e2e.p90=[\"< 100ms\", \"> 1ns\"]",
        "thresholds.behavior.e2e.p50=\"< 10s\"",
    ];
    let mut args = vec!["--set", "apps.run=[\"fraud\",\"behavior\"]"];
    args.extend(limits.iter().flat_map(|limit| ["--set", limit]));
    broker.produce(&records, &args);
    ends_well(consumers);
    let (code, merged) = report(&records);
    assert_eq!(code, 5, "{merged:#}");
    limits_know_the_bound(&merged);
    let (fraud, behavior) = (&merged["apps"][0], &merged["apps"][1]);
    let bound_ns = fraud["clock"]["bound_ns"].as_u64().unwrap();
    assert!((499_900_000..500_200_000).contains(&bound_ns), "{bound_ns}");
    assert_eq!(fraud["clock"]["usable"], false);
    // None is dropped, none is corrected away.
    assert_eq!(fraud["end_to_end"]["count"], behavior["end_to_end"]["count"]);
    assert!(fraud["end_to_end"]["zero_or_negative"].as_u64().unwrap() > 0);
    assert_eq!(behavior["clock"]["usable"], true);
    let (_, words) = told(&records);
    let flag =
        "! fraud: arrival, end to end and its rows over time are unusable: the clocks may be ";
    let apart_ms = words.split(flag).nth(1).unwrap().split(' ').next().unwrap();
    assert!((499.9..500.2).contains(&apart_ms.parse::<f64>().unwrap()), "{words}");
    let row = words.lines().find(|line| line.trim_start().starts_with("fraud")).unwrap();
    assert!(row.contains("< 500 ms"), "{row}");
    said_everywhere(&records, bound_ns);
    let row = words.lines().find(|line| line.trim_start().starts_with("behavior")).unwrap();
    assert!(!row.contains('<'), "{row}");
}

/// What is known to be less than the bound keeps below a limit that is more, and nothing else.
fn limits_know_the_bound(merged: &Value) {
    let limits = merged["thresholds"].as_array().unwrap();
    let passed: Vec<_> = limits.iter().map(|limit| limit["passed"] == true).collect();
    let shown = |place: usize| limits[place]["shown"].as_str().unwrap();
    let of = |metric: &str| limits.iter().position(|limit| limit["metric"] == metric).unwrap();
    let (median, ninth, other) = (of("fraud.e2e.p50"), of("fraud.e2e.p90"), of("behavior.e2e.p50"));
    assert_eq!((passed[median], shown(median)), (true, "< 500 ms"), "{limits:#?}");
    assert!(limits[median]["actual"].is_null());
    assert_eq!((passed[ninth], passed[ninth + 1]), (false, false), "{limits:#?}");
    assert!(passed[other] && limits[other]["actual"].as_f64().unwrap() > 0.0, "{limits:#?}");
}

/// The page, the Markdown and the CSV of a result say no more than the terminal does.
fn said_everywhere(records: &Path, bound_ns: u64) {
    let page = fs::read_dir(records).unwrap().map(|entry| entry.unwrap().path());
    let page = page.map(|folder| folder.join("report.html")).find(|page| page.exists()).unwrap();
    let page = fs::read_to_string(page).unwrap();
    let row = page.split("fraud, end to end").nth(1).unwrap().split("</tr>").next().unwrap();
    assert!(row.contains("&lt; 500 ms") && !row.contains("µs"), "{row}");
    assert!(page.contains("fraud: not drawn where the clocks only say"), "the chart says why");
    let formatted = |format: &str| {
        let mut command = kbench(&["report", records.to_str().unwrap(), "--format", format]);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let markdown = formatted("markdown");
    let row = markdown.lines().find(|line| line.contains("fraud: end to end  ")).unwrap();
    assert!(row.matches("< 500 ms").count() >= 4 && !row.contains("µs"), "{row}");
    let text = formatted("csv");
    let mut rows = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = rows.next().unwrap();
    let at = |name: &str| head.iter().position(|column| *column == name).unwrap();
    let of_fraud: Vec<_> = rows.filter(|row| row[at("app")] == "fraud").collect();
    assert!(of_fraud.len() > 3, "{text}");
    for row in of_fraud {
        assert_eq!(row[at("clock_bound_ns")], bound_ns.to_string(), "{row:?}");
        assert!(row[at("p50_ns")].is_empty(), "below the bound nothing is known: {row:?}");
    }
}

#[test]
fn clocks_of_two_boots_leave_no_latency_between_them() {
    let (_keep, records) = copy("records");
    change(&part_file(&records, Some("behavior")), |part| {
        part["anchor"]["boot"] = Value::from("another");
    });
    let (code, words) = told(&records);
    assert_eq!(code, 0, "{words}");
    let flag = "! behavior: arrival, end to end and its rows over time are unusable: its clock and";
    assert!(words.contains(flag), "{words}");
    let row = words.lines().find(|line| line.trim_start().starts_with("behavior")).unwrap();
    assert_eq!(row.matches("n/a").count(), 4, "{row}");
    assert!(words.contains("1 of them share no clock with it"), "{words}");
}

#[test]
fn a_part_that_is_not_there_makes_the_run_invalid() {
    let (_keep, records) = copy("records");
    let part = part_file(&records, Some("dashboard"));
    fs::remove_dir_all(part.parent().unwrap()).unwrap();
    let (code, words) = told(&records);
    assert_eq!(code, 4, "{words}");
    assert!(words.starts_with("INVALID"), "{words}");
    assert!(words.contains("- dashboard: nobody has recorded a part of it"), "{words}");
    assert!(words.contains("acknowledged events are missing"), "{words}");
    assert!(!words.contains("analytics: "), "{words}");
    // What it was offered it has never seen: its latency has no end, in every measured second.
    assert!(words.contains("dashboard: 100.0 % never delivered ("), "{words}");
    let row = words.lines().find(|line| line.trim_start().starts_with("dashboard  ")).unwrap();
    assert_eq!(row.matches("> 30.0 s").count(), 3, "p50, p99 and max: {row}");
    let (_, merged) = report(&records);
    let mut apps = merged["apps"].as_array().unwrap().iter();
    let place = apps.position(|app| app["name"] == "dashboard").unwrap();
    let never = |row: &Value| row["apps"][place]["never_delivered"].as_u64().unwrap();
    let never: Vec<u64> = merged["series"].as_array().unwrap().iter().map(never).collect();
    let offered = |at: usize| merged["series"][at]["offered"].as_u64().unwrap();
    assert_eq!(never[..3], [0, offered(1), offered(2)]);
    // No histogram can hold them, and the log of the histograms says so.
    let folder = fs::read_dir(&records).unwrap().map(|entry| entry.unwrap().path());
    let log = folder.map(|folder| folder.join("latency.hlog")).find(|log| log.exists()).unwrap();
    let notice = format!(
        "#[dashboard.end_to_end: {} events that were offered and never delivered, samples without \
         end, are not in here]\n",
        offered(1) + offered(2)
    );
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains(&notice) && log.matches("are not in here]").count() == 1, "{notice}");
}

/// By itself the producer judges the broker alone, and by other bounds than all together do.
#[test]
fn what_the_producer_alone_said_of_the_broker_is_not_said_twice() {
    let (_keep, records) = copy("records");
    change(&part_file(&records, None), |part| {
        part["result"]["broker_keeping_up"] = serde_json::json!({
            "kept_up": "no", "lag_slope_per_s": 50.0, "lag_slope_low_per_s": 49.0,
            "lag_slope_high_per_s": 51.0, "limit_per_s": 10.0, "needed_s": null,
        });
        let flag = "overload: the broker fell behind by 50/s (49 to 51, limit 10)";
        part["result"]["verdict"]["flags"].as_array_mut().unwrap().push(flag.into());
    });
    let (_, merged) = report(&records);
    assert_eq!(merged["broker_keeping_up"]["kept_up"], "too_short");
    let flags = merged["verdict"]["flags"].to_string();
    assert!(!flags.contains("overload"), "{flags}");
}

#[test]
fn a_consumer_that_is_killed_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records");
    let broker = Broker::start();
    let mut killed = broker.consumer(&records, &["fraud"]);
    let other = broker.consumer(&records, &["behavior"]);
    join();
    broker.produce(&records, &["--set", "apps.run=[\"fraud\",\"behavior\"]"]);
    killed.kill().unwrap();
    killed.wait().unwrap();
    ends_well(vec![other]);
    let (code, words) = told(&records);
    assert!(code == 4 && words.starts_with("INVALID"), "{words}");
    let process = format!("- fraud: the consumer process {} of ", killed.id());
    assert!(words.contains(&process) && words.contains("has left no part: killed"), "{words}");
    assert!(words.contains("acknowledged events are missing"), "{words}");
}

#[test]
fn two_processes_of_one_application_share_the_partitions_and_the_ledger_closes() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records");
    let broker = Broker::start();
    let consumers = [(); 2].map(|()| broker.consumer(&records, &["analytics"]));
    join();
    broker.produce(&records, &["--set", "apps.run=[\"analytics\"]"]);
    ends_well(consumers.into());
    let (code, merged) = report(&records);
    assert_eq!(code, 0, "{merged:#}");
    let app = &merged["apps"][0];
    assert_eq!((&app["workers"], merged["processes"].as_array().unwrap().len()), (&2.into(), 3));
    assert_eq!(merged["ledger"]["apps"][0]["seen"], merged["ledger"]["acked"]);
    assert_eq!(app["end_to_end"]["count"], merged["ack"]["count"]);
    let events = &merged["checks"][0];
    assert_eq!(events["books"], events["apps"][0]);
    let flags = merged["verdict"]["flags"].to_string();
    assert!(flags.contains("of its 2 processes only the totals are added up"), "{flags}");
}

#[test]
fn two_runs_in_one_folder_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records");
    let broker = Broker::start();
    let consumer = broker.consumer(&records, &["dashboard"]);
    join();
    for _ in 0..2 {
        broker.produce(&records, &["--duration", "2s", "--set", "apps.run=[\"dashboard\"]"]);
    }
    ends_well(vec![consumer]);
    let (code, words) = told(&records);
    assert_eq!(code, 0, "{words}");
    assert_eq!(words.matches("VALID").count(), 2, "{words}");
    assert_eq!(words.matches("read other events too: its answers are left out").count(), 2);
    let results = fs::read_dir(&records).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(results.filter(|path| path.join("result.json").exists()).count(), 2);
}

#[test]
fn ctrl_c_leaves_the_parts_of_a_partial_run() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records");
    fs::write(records.with_extension("toml"), SCENARIO.replace("\"2s\"", "\"60s\"")).unwrap();
    let broker = Broker::start();
    let consumer = broker.consumer(&records, &["dashboard"]);
    join();
    let mut produce = broker.kbench(&["produce", "--set", "apps.run=[\"dashboard\"]"]);
    produce.arg(records.with_extension("toml")).arg("--record").arg(&records);
    let mut producer = produce.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(producer.stderr.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("the schedule starts")));
    let rest = thread::spawn(move || said.count());
    sleep(Duration::from_secs(4));
    let id = producer.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(producer.wait().unwrap().code(), Some(130));
    rest.join().unwrap();
    ends_well(vec![consumer]);
    let (code, words) = told(&records);
    assert!(code == 0 && words.starts_with("PARTIAL"), "{words}");
    // Sixty seconds were planned, one of them to warm up.
    let (_, merged) = report(&records);
    let measured_s = merged["throughput"]["measured_s"].as_f64().unwrap();
    assert!((1.0..=4.0).contains(&measured_s), "{measured_s}");
}

#[test]
fn a_warm_up_that_can_not_be_cut_is_refused_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records");
    let mut command = kbench(&["produce", "-q", "-b", "127.0.0.1:1"]);
    fs::write(records.with_extension("toml"), SCENARIO.replace("\"1s\"", "\"1500ms\"")).unwrap();
    command.arg(records.with_extension("toml")).arg("--record").arg(&records);
    let output = command.output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{words}");
    assert!(words.contains("a warm-up of 1.5 s can't be cut"), "{words}");
    assert!(!records.exists());
    let dry = kbench(&["produce", "--dry-run", "--record", "x"]).output().unwrap();
    assert_eq!(dry.status.code(), Some(2));
}

#[test]
fn a_count_ends_the_measured_part_and_a_late_consumer_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records");
    let broker = Broker::start();
    let apps = "apps.run=[\"dashboard\"]";
    broker.produce(&records, &["--count", "1200", "--rate", "500", "--set", apps]);
    // Only now, and past the schedule's last interval: whatever it reads has waited for it.
    sleep(Duration::from_secs(2));
    ends_well(vec![broker.consumer(&records, &["dashboard"])]);
    let (code, merged) = report(&records);
    assert_eq!(code, 0, "{merged:#}");
    let measured_s = merged["throughput"]["measured_s"].as_f64().unwrap();
    assert!((1.0..=3.0).contains(&measured_s), "{measured_s}");
    let offered_per_s = merged["throughput"]["offered_per_s"].as_f64().unwrap();
    assert!((350.0..650.0).contains(&offered_per_s), "{offered_per_s}");
    assert_eq!(merged["apps"][0]["end_to_end"]["count"], 1_200);
    let flags = merged["verdict"]["flags"].to_string();
    assert!(flags.contains("dashboard: joined late: it read its first event"), "{flags}");
    assert!(merged["watch"]["lag_at_end_records"].as_u64().unwrap() > 1_000, "{merged:#}");
}
