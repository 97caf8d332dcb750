//! `kbench replay` as a user calls it: on a broker of its own, and on a real Kafka where one runs.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used, clippy::print_stderr)]
// Nothing outside this binary sees it.
#![allow(unreachable_pub)]

#[path = "replay_command/bad.rs"]
mod bad;
#[path = "replay_command/servers.rs"]
mod servers;
#[path = "replay_command/words.rs"]
mod words;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{TopicPartitionList, TopicPartitionListElem};
use rdkafka::{ClientConfig, Offset};
use serde_json::Value;

use servers::{Server, with_kafka};

const PATIENCE: Duration = Duration::from_secs(20);

/// The live groups, and the name that librdkafka wants to have for a reader without a group.
const GROUPS: [&str; 5] = [
    "analytics-processors",
    "fraud-detectors",
    "dashboard-processors",
    "behavior-analyzers",
    "kbench-replay",
];

/// A run whose topic stays: fraud is planted, and one threshold is not the usual one.
const RUN: &str = "seed = 3\n[topic]\npartitions = 5\n\
    [load]\nrate_per_s = 1500\nduration = \"3s\"\nwarmup = \"1s\"\n\
    [population]\nusers = 400\nthink_median = \"100ms\"\n\
    [apps.fraud]\nvelocity_per_min = 20\n";

/// What a run leaves: its result, and the scenario in its folder.
struct Ran {
    result: Value,
    scenario: String,
    _folder: tempfile::TempDir,
}

fn ran(server: &Server, seed: &str) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.toml");
    std::fs::write(&file, RUN).unwrap();
    let mut command = server.kbench(&["run", file.to_str().unwrap(), "-q"]);
    command
        .args(["--set", "topic.reuse=true", "--seed", seed, "--out"])
        .arg(folder.path().join("results"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let results = std::fs::read_dir(folder.path().join("results")).unwrap().next().unwrap();
    let results = results.unwrap().path();
    let text = std::fs::read(results.join("result.json")).unwrap();
    let scenario = results.join("scenario.toml").to_str().unwrap().to_owned();
    Ran { result: serde_json::from_slice(&text).unwrap(), scenario, _folder: folder }
}

/// The one JSON object that a replay prints.
fn replay(server: &Server, args: &[&str]) -> Value {
    let mut all = vec!["replay", "--format", "json", "-q"];
    all.extend(args);
    let output = server.kbench(&all).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "{args:?}: {stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The applications' answers, as bytes.
fn answers(result: &Value) -> Vec<String> {
    let apps = result["apps"].as_array().unwrap().iter();
    apps.map(|app| serde_json::to_string(&app["summary"]).unwrap()).collect()
}

fn sum(result: &Value, key: &str) -> u64 {
    let partitions = result["partitions"].as_array().unwrap().iter();
    partitions.map(|stretch| stretch[key].as_u64().unwrap()).sum()
}

fn client(server: &Server) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &server.bootstrap);
    config
}

/// The committed offset of every group and partition, and the names of all groups.
fn groups(server: &Server, topic: &str, partitions: i32) -> (Vec<Offset>, Vec<String>) {
    let mut offsets = Vec::new();
    let mut names = Vec::new();
    for group in GROUPS {
        let consumer: BaseConsumer = client(server).set("group.id", group).create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic, 0, partitions - 1);
        let committed = consumer.committed_offsets(list, PATIENCE).unwrap();
        offsets.extend(committed.elements().iter().map(TopicPartitionListElem::offset));
        let list = consumer.fetch_group_list(None, PATIENCE).unwrap();
        names = list.groups().iter().map(|group| group.name().to_owned()).collect();
        names.sort_unstable();
    }
    (offsets, names)
}

/// A topic of these many partitions, with these records: partition, Kafka's time in ms, payload.
fn fill(server: &Server, topic: &str, partitions: i32, records: &[(i32, i64, String)]) {
    let admin: AdminClient<DefaultClientContext> = client(server).create().unwrap();
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let made = runtime.block_on(admin.create_topics(&[new], &AdminOptions::new())).unwrap();
    made[0].as_ref().unwrap();
    let producer: BaseProducer = client(server).create().unwrap();
    for (partition, at_ms, payload) in records {
        let record = BaseRecord::<str, str>::to(topic).partition(*partition);
        producer
            .send(record.timestamp(*at_ms).payload(payload))
            .map_err(|(error, _)| error)
            .unwrap();
    }
    producer.flush(PATIENCE).unwrap();
}

/// 2026-01-01T00:00:00Z.
const ORIGIN_MS: i64 = 1_767_225_600_000;

/// Somebody else's event.
fn event(user: &str, at_ms: i64) -> String {
    let at = rfc3339(at_ms);
    format!(
        r#"{{"event_id":"6f1c","user_id":"{user}","session_id":"s-{user}","event_type":"click",
        "timestamp":"{at}","page_url":"/"}}"#
    )
}

fn rfc3339(at_ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(at_ms).unwrap().to_rfc3339()
}

/// Three partitions of 100, 50 and 0 events, one each 100 ms from the origin on.
fn three(server: &Server, topic: &str) {
    let mut records = Vec::new();
    for (partition, count) in [(0, 100), (1, 50)] {
        for number in 0..count {
            let at_ms = ORIGIN_MS + number * 100;
            records.push((partition, at_ms, event(&format!("u{partition}-{}", number % 7), at_ms)));
        }
    }
    fill(server, topic, 3, &records);
}

fn of_a_run(server: &Server) {
    let ran = ran(server, "3");
    let before = groups(server, "user-activities", 5);
    assert_eq!(
        before.1,
        GROUPS[..4]
            .iter()
            .copied()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    );
    let events = ran.result["books"]["events"].as_u64().unwrap();
    assert!(before.0.iter().any(|offset| matches!(offset, Offset::Offset(at) if *at > 0)));

    let options = ["--scenario", &ran.scenario];
    for further in [
        &[][..],
        &["--from", "beginning", "--until", "end", "--speed", "10x"],
        &[
            "dashboard",
            "analytics",
            "behavior",
            "fraud",
            "-X",
            "consumer.fetch.message.max.bytes=20000",
        ],
    ] {
        let mut args = options.to_vec();
        args.extend(further);
        let again = replay(server, &args);
        assert_eq!(answers(&again), answers(&ran.result), "{further:?}");
        for (app, first) in
            again["apps"].as_array().unwrap().iter().zip(ran.result["apps"].as_array().unwrap())
        {
            assert_eq!(app["read"]["events"], events, "{}", app["read"]);
            assert_eq!(app["flags"], first["flags"]);
            assert_eq!((&app["left"], &app["complete"]), (&0.into(), &true.into()));
            assert_eq!(app["service"]["count"], events);
            assert!(app["service"]["p99_ns"].as_i64().unwrap() > 0);
            // What is measured hangs together.
            let number = |key: &str| app[key].as_f64().unwrap();
            let sum_s = number("ready_s") + number("consume_s");
            assert!((sum_s - number("drain_s")).abs() < 1e-6, "{app}");
            let rate = number("records") / number("consume_s");
            assert!((rate / number("records_per_s") - 1.0).abs() < 1e-6);
        }
        assert_eq!(sum(&again, "from"), 0);
    }
    // Without the run's threshold it is another answer: the scenario counts.
    let usual = replay(server, &[]);
    let same: Vec<bool> =
        answers(&usual).iter().zip(answers(&ran.result)).map(|(a, b)| *a == b).collect();
    assert_eq!(same, [true, false, true, true]);
    // Nobody's offsets were touched, and there is no new group.
    assert_eq!(groups(server, "user-activities", 5), before);
}

#[test]
fn a_replay_of_a_run_gives_its_answers_and_leaves_the_groups_alone() {
    with_kafka(of_a_run);
}

#[test]
fn of_several_runs_on_a_topic_one_can_be_chosen() {
    let server = Server::embedded();
    let runs = ["1", "2"].map(|seed| ran(&server, seed));
    let mut both = 0;
    for ran in &runs {
        let run = ran.result["run"].as_str().unwrap();
        let again = replay(&server, &["--scenario", &ran.scenario, "--run", run]);
        assert_eq!(answers(&again), answers(&ran.result));
        both += again["apps"][0]["records"].as_u64().unwrap();
        assert_eq!(again["apps"][0]["left"], 0);
    }
    assert_ne!(answers(&runs[0].result), answers(&runs[1].result));
    let other = &replay(&server, &["--run", "1", "fraud"])["apps"][0];
    assert_eq!((&other["records"], &other["other_runs"]), (&0.into(), &both.into()));
}

/// Offsets, times and partitions, each way of saying it.
fn places(server: &Server) {
    three(server, "three");
    let at = |ms: i64| rfc3339(ORIGIN_MS + ms).replace("+00:00", "Z");
    let (third, ninth) = (at(3_000), at(9_000));
    let stretches = |args: &[&str]| {
        let mut all = vec!["-t", "three", "analytics"];
        all.extend(args);
        let result = replay(server, &all);
        let stretches = result["partitions"].as_array().unwrap().iter();
        let found: Vec<_> = stretches
            .map(|s| ["partition", "from", "until"].map(|key| s[key].as_i64().unwrap()))
            .collect();
        let offsets: i64 = found.iter().map(|[_, from, until]| until - from).sum();
        assert_eq!(result["apps"][0]["read"]["events"], offsets, "{args:?}");
        assert_eq!(result["apps"][0]["left"], 0);
        found
    };
    let all = [[0, 0, 100], [1, 0, 50], [2, 0, 0]];
    assert_eq!(stretches(&[]), all);
    assert_eq!(stretches(&["--from", "beginning", "--until", "end"]), all);
    assert_eq!(stretches(&["--partition", "1,0"]), all[..2]);
    let fifth = [[0, 5, 100], [1, 5, 50]];
    for words in [&["--from", "offset", "5"][..], &["--from", "offset:5"], &["--from=offset:5"]] {
        let mut args = vec!["--partition", "0,1"];
        args.extend(words);
        assert_eq!(stretches(&args), fifth, "{words:?}");
    }
    assert_eq!(
        stretches(&["--from", "offset", "0=99,1=10", "--until", "offset", "1=12"]),
        [[0, 99, 100], [1, 10, 12], [2, 0, 0]]
    );
    let between = [[0, 30, 90], [1, 30, 50], [2, 0, 0]];
    assert_eq!(
        stretches(&["--from", "timestamp", &third, "--until", "timestamp", &ninth]),
        between
    );
    let (from, until) = (format!("timestamp:{third}"), format!("timestamp:{ninth}"));
    assert_eq!(stretches(&["--from", &from, "--until", &until]), between);
    // Three seconds after the origin, by a clock that goes on until the topic is asked.
    let now_ms = chrono::Utc::now().timestamp_millis();
    let duration = format!("{}ms", now_ms - ORIGIN_MS - 3_000);
    let ago = stretches(&["--from", "duration", &duration]);
    assert!((30..100).contains(&ago[0][1]) && ago[0][2] == 100, "{ago:?}");
}

#[test]
fn it_begins_and_ends_where_it_is_told_to() {
    with_kafka(places);
}

#[test]
fn a_word_behind_a_place_that_needs_none_is_an_application() {
    let server = Server::embedded();
    three(&server, "three");
    let args = ["-t", "three", "--from", "beginning", "fraud", "--until", "end", "behavior"];
    let result = replay(&server, &args);
    let names: Vec<_> = result["apps"].as_array().unwrap().iter().map(|app| &app["app"]).collect();
    assert_eq!(names, ["fraud", "behavior"]);
}

#[test]
fn a_speed_keeps_the_recorded_gaps() {
    let server = Server::embedded();
    three(&server, "three");
    // Ten seconds of events; the last is due after 9.9 s.
    for (speed, least_s) in [("10x", 0.99), ("5x", 1.98)] {
        let result = replay(&server, &["-t", "three", "--speed", speed, "dashboard", "fraud"]);
        assert_eq!(result["speed"], speed);
        for app in result["apps"].as_array().unwrap() {
            let number = |key: &str| app[key].as_f64().unwrap();
            // No event comes before its time; how late it may be is the machine's.
            let took_s = number("consume_s");
            assert!((least_s..least_s + 0.001 + number("late_max_s")).contains(&took_s), "{app}");
            assert_eq!(app["read"]["events"], 150);
        }
    }
    let result = replay(&server, &["-t", "three", "fraud"]);
    assert_eq!(result["apps"][0]["late_max_s"], Value::Null);
}

#[test]
fn it_ends_where_the_topic_ended_though_somebody_goes_on() {
    let server = Server::embedded();
    let mut produce = server.kbench(&["produce", "--rate", "3000", "-q"]);
    let mut produce = produce.stdout(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    let mut ends = Vec::new();
    while ends.len() < 3 && began.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_secs(1));
        let output = server.kbench(&["replay", "--format", "json", "-q"]).output().unwrap();
        // Until the first record is there the topic is missing, or empty.
        if output.status.code() == Some(3) && ends.is_empty() {
            continue;
        }
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        for app in result["apps"].as_array().unwrap() {
            assert_eq!(app["records"], sum(&result, "until"));
            assert_eq!(app["complete"], true);
        }
        ends.push(sum(&result, "until"));
    }
    interrupt(produce.id());
    assert_eq!(produce.wait().unwrap().code(), Some(130));
    assert!(ends.len() == 3 && ends.is_sorted_by(|a, b| a < b), "{ends:?}");
}

#[test]
fn what_is_no_event_is_counted() {
    let server = Server::embedded();
    let mut records: Vec<_> =
        (0..20).map(|n| (0, ORIGIN_MS + n, event("u", ORIGIN_MS + n))).collect();
    records.extend((0..7).map(|n| (0, ORIGIN_MS + n, format!("no event {n}"))));
    records.push((0, ORIGIN_MS, event("u", ORIGIN_MS).replace("2026", "9026")));
    fill(&server, "mixed", 1, &records);
    for speed in ["max", "100x"] {
        let result = replay(&server, &["-t", "mixed", "analytics", "--speed", speed]);
        let app = &result["apps"][0];
        assert_eq!((&app["records"], &app["read"]["events"]), (&28.into(), &20.into()));
        assert_eq!((&app["read"]["garbage"], &app["read"]["timeless"]), (&7.into(), &1.into()));
        assert_eq!(app["service"]["count"], 20);
    }
}

/// Ctrl-C.
fn interrupt(pid: u32) {
    let status = Command::new("kill").args(["-INT", &pid.to_string()]).status().unwrap();
    assert!(status.success());
}

fn utf8(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
