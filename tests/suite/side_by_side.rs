//! The same broker, timed by three: kbench, a reader that has no line in common with it, and
//! Kafka's own `EndToEndLatency`. docs/side-by-side.md says how they differ and why.
//!
//! ```text
//! KBENCH_SIDE_BY_SIDE=FILE cargo test --release --test suite -- kafka::side_by_side
//! ```
//! makes the longer run of the docs, and writes what came of it to the file.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use kafka_protocol::records::RecordBatchDecoder;
use serde_json::Value;

use crate::cluster::dev_kafka;
use crate::probe::Probe;
use crate::raw::Connection;
use crate::runs::PROGRAM;
use crate::world::{Kind, World};
use kbench::plan::ClientKind;

/// Set to a file's name, the run is longer, Kafka's tool runs too, and the file gets all of it.
const RECORD: &str = "KBENCH_SIDE_BY_SIDE";

/// How far the two may lie apart, in ms, at the median and at the 99th percentile: each has a
/// connection of its own, on which the broker answers by itself.
const APART_MS: [f64; 2] = [1.0, 5.0];

/// A stall of the host hits one of the two alone: how often it is tried.
const TRIES: u32 = 3;

pub fn probes() -> Vec<Probe> {
    let probe = Probe::new("side_by_side::a_reader_of_its_own_times_the_same", run);
    let limit = Duration::from_secs(150);
    let brokers = &[Kind::Embedded, Kind::Kafka];
    vec![Probe { limit, ..probe }.only(brokers).natively(brokers).alone()]
}

/// What one reader found, in ms.
#[derive(Debug, Clone, PartialEq)]
struct Timed {
    count: usize,
    p50: f64,
    p99: f64,
    max: f64,
}

impl Timed {
    /// By sorting.
    fn of(mut latencies_us: Vec<i64>) -> Self {
        latencies_us.sort_unstable();
        let at = |share: f64| {
            let rank = (share * latencies_us.len() as f64).ceil() as usize;
            latencies_us[rank.saturating_sub(1)] as f64 / 1e3
        };
        Self { count: latencies_us.len(), p50: at(0.5), p99: at(0.99), max: at(1.0) }
    }

    /// A stage of kbench's result.
    fn stage(stage: &Value) -> Self {
        let ms = |name: &str| stage[name].as_f64().expect("a figure") / 1e6;
        let count = stage["count"].as_u64().expect("a count") as usize;
        Self { count, p50: ms("p50_ns"), p99: ms("p99_ns"), max: ms("max_ns") }
    }

    fn row(&self, who: &str) -> String {
        let Self { count, p50, p99, max } = self;
        format!("| {who} | {count} | {p50:.2} ms | {p99:.2} ms | {max:.2} ms |\n")
    }
}

fn scenario(topic: &str, rate_per_s: u32, seconds: u32) -> String {
    format!(
        "name = \"side-by-side\"\nseed = 7\n\
         [topic]\nname = \"{topic}\"\nreuse = true\npartitions = 1\n\
         [load]\nrate_per_s = {rate_per_s}\nduration = \"{seconds}s\"\nwarmup = \"2s\"\n\
         [kafka.producer]\n\"linger.ms\" = 0\n\
         [apps.analytics]\nworkers = 1\n"
    )
}

fn run(world: &World) {
    let is_recorded = world.kind() == Kind::Kafka && world.client() == ClientKind::Librdkafka;
    let record = std::env::var_os(RECORD).filter(|_| is_recorded);
    let (rate_per_s, seconds) = if record.is_some() { (500, 20) } else { (400, 3) };
    let mut tried = Vec::new();
    for _ in 0..TRIES {
        let topic = world.topic("side-by-side", 1);
        let text = scenario(&topic, rate_per_s, seconds);
        let (result, reader) = both(world, &topic, &text);
        let arrival = Timed::stage(&result["apps"][0]["arrival"]);
        // Not one event more or less than those that kbench measured.
        assert_eq!(reader.count, arrival.count, "{reader:?} {arrival:?}");
        if let Some(file) = &record {
            let theirs = end_to_end_latency(world, result["wire"]["payload_bytes"].as_f64());
            write(Path::new(file), &text, &result, &reader, &theirs);
        }
        let apart = [(reader.p50 - arrival.p50).abs(), (reader.p99 - arrival.p99).abs()];
        if apart.iter().zip(APART_MS).all(|(apart, limit)| *apart <= limit) {
            return;
        }
        tried.push((arrival, reader));
    }
    panic!("kbench's arrival and the reader lie more than {APART_MS:?} ms apart: {tried:#?}");
}

/// Runs kbench, and beside it the reader; the result, and what the reader found of the events
/// that were measured.
fn both(world: &World, topic: &str, text: &str) -> (Value, Timed) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("side-by-side.toml");
    std::fs::write(&file, text).expect("the scenario written");
    let over = AtomicBool::new(false);
    let (output, read) = thread::scope(|scope| {
        let reader = scope.spawn(|| read(world, topic, &over));
        let mut command = Command::new(PROGRAM);
        command.args(["run", "--quiet", "--client", world.client().name()]);
        command.args(["-b", world.bootstrap(), "--out"]);
        let output = command.arg(folder.path()).arg(&file).stdin(Stdio::null()).output();
        over.store(true, Ordering::Relaxed);
        (output.expect("kbench run"), reader.join().expect("the reader"))
    });
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}{}", String::from_utf8_lossy(&output.stdout));
    let saved = std::fs::read_dir(folder.path()).expect("the folder");
    let saved = saved.map(|entry| entry.expect("an entry").path().join("result.json"));
    let saved = saved.into_iter().find(|path| path.exists()).expect("a result");
    let result: Value =
        serde_json::from_slice(&std::fs::read(saved).expect("the result")).expect("JSON");
    let started = result["started"].as_str().and_then(micros).expect("a date");
    let measured = read.into_iter().filter(|(due_us, _)| *due_us >= started + 2_000_000);
    (result, Timed::of(measured.map(|(due_us, at_us)| at_us - due_us).collect()))
}

/// Reads the topic by requests of its own: of each event its `timestamp`, and the wall clock when
/// its bytes had come, in µs.
fn read(world: &World, topic: &str, over: &AtomicBool) -> Vec<(i64, i64)> {
    let mut connection = Connection::open(world);
    let (mut next, mut found) = (0, Vec::new());
    loop {
        let was_over = over.load(Ordering::Relaxed);
        let mut bytes: Bytes = connection.fetch(topic, next);
        let at_us = Utc::now().timestamp_micros();
        let before = next;
        while !bytes.is_empty() {
            let batch = RecordBatchDecoder::decode(&mut bytes).expect("a batch");
            for record in batch.records {
                // A batch is given whole, though it be asked for from its middle.
                if record.offset < next {
                    continue;
                }
                next = record.offset + 1;
                let event: Option<Value> =
                    record.value.as_ref().and_then(|value| serde_json::from_slice(value).ok());
                let due_us = event.as_ref().and_then(|event| micros(event["timestamp"].as_str()?));
                found.extend(due_us.map(|due_us| (due_us, at_us)));
            }
        }
        if was_over && next == before {
            return found;
        }
    }
}

fn micros(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|date| date.timestamp_micros())
}

/// Kafka's own tool: one record at a time, from its sending to its reading.
fn end_to_end_latency(world: &World, payload_bytes: Option<f64>) -> String {
    assert!(payload_bytes.is_some(), "the size of the load");
    let topic = world.topic("end-to-end", 1);
    let arguments = ["--num-records", "5000", "--producer-acks", "all", "--record-size", "600"];
    let mut command = dev_kafka(["tool", "--bootstrap-server", world.bootstrap(), "e2e-latency"]);
    command.args(arguments).args(["--topic", &topic]).stdin(Stdio::null());
    let output = command.output().expect("dev/kafka tool");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("99th"), "{text}");
    format!("dev/kafka tool e2e-latency {}\n{text}", arguments.join(" "))
}

fn write(file: &Path, scenario: &str, result: &Value, reader: &Timed, theirs: &str) {
    let shown = |value: &Value| value.as_str().unwrap_or("unknown").to_owned();
    let (host, build, app) = (&result["host"], &result["build"], &result["apps"][0]);
    let mut text = format!(
        "# Three clocks on one broker\n\n{}, {} cores of {} ({}), kernel {}; kbench {} at {}, \
         librdkafka {}; {}; broker and all readers on one host.\n\n",
        shown(&result["started"]),
        host["cores"],
        shown(&host["cpu"]),
        shown(&host["virtualisation"]),
        shown(&host["kernel"]),
        shown(&build["kbench"]),
        shown(&build["git"]),
        shown(&build["librdkafka"]),
        shown(&result["broker"]["versions"][0]["release"]),
    );
    text.push_str(
        "Made by `KBENCH_SIDE_BY_SIDE=FILE cargo test --release --test suite -- \
         kafka::side_by_side`.\n\n| who | events | p50 | p99 | max |\n|---|--:|--:|--:|--:|\n",
    );
    for (who, stage) in [
        ("kbench: send delay", &result["send_delay"]),
        ("kbench: ack", &result["ack"]),
        ("kbench: arrival", &app["arrival"]),
        ("kbench: end to end", &app["end_to_end"]),
        ("kbench: end to end, uncorrected", &app["end_to_end_uncorrected"]),
    ] {
        text.push_str(&Timed::stage(stage).row(who));
    }
    text.push_str(&reader.row("a reader of its own: due to received"));
    text.push_str(&format!("\nKafka's EndToEndLatency:\n\n```text\n{theirs}```\n"));
    text.push_str(&format!("\nThe run:\n\n```toml\n{scenario}```\n"));
    std::fs::write(file, text).expect("the record written");
}
