//! The way of one event, whole: the same runs on every kind of broker.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;

use crate::client::{Rec, consumer};
use crate::probe::Probe;
use crate::runs::{constant, histogram, plan, run, try_run};
use crate::sender::Sender;
use crate::world::{Kind, World};
use kbench::client::loopback::hooks::LoopbackHooks;
use kbench::result::RunResult;

const EVERYWHERE: &[Kind] = &[Kind::Loopback, Kind::Embedded, Kind::Kafka];

/// Where there are topics and codecs.
const BROKERS: &[Kind] = &[Kind::Embedded, Kind::Kafka];

pub fn probes() -> Vec<Probe> {
    let every = |name, run| Probe::new(name, run).only(EVERYWHERE).natively(BROKERS);
    vec![
        every("pipeline::every_event_is_accounted_for", accounted_for),
        every("pipeline::all_phases_and_arrivals", phases),
        every("pipeline::half_an_event_a_second", slow),
        every("pipeline::several_producers_and_workers", scaled),
        every("pipeline::more_workers_than_partitions", idle_workers),
        every("pipeline::the_result_folder_is_whole", folder),
        Probe::new("pipeline::every_codec_and_acks", codecs).only(BROKERS).natively(BROKERS),
        Probe::new("pipeline::padding_compresses_as_stated", padded)
            .only(BROKERS)
            // Every broker keeps batches as they come.
            .natively(&[Kind::Embedded]),
        Probe::new("pipeline::a_topic_is_used_again", reused).only(BROKERS).natively(BROKERS),
        Probe::new("pipeline::strangers_are_counted_and_kept_out", strangers)
            .only(BROKERS)
            .natively(BROKERS),
        Probe::new("pipeline::a_member_that_comes_and_goes_changes_nothing", visitor)
            .only(BROKERS)
            .natively(BROKERS),
    ]
}

/// What must hold for every valid run.
pub fn assert_sound(result: &RunResult) {
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    assert!(result.verdict.valid && result.ledger.closes);
    let offered = result.ledger.offered;
    assert!(offered > 0);
    assert_eq!(result.ledger.acked, offered);
    assert_eq!(result.books.events, offered);
    let partitions: u64 = result.partitions.iter().map(|partition| partition.records).sum();
    assert_eq!(partitions, offered);
    let sum = |pick: &dyn Fn(&kbench::result::Interval) -> u64| -> u64 {
        result.series.iter().map(pick).sum()
    };
    assert_eq!(sum(&|row| row.offered), offered);
    assert_eq!(sum(&|row| row.sent), offered);
    assert_eq!(sum(&|row| row.acked), offered);
    for (place, app) in result.apps.iter().enumerate() {
        assert_eq!(sum(&|row| row.apps[place].seen), offered, "{}", app.name);
        assert_eq!(result.ledger.apps[place].seen, offered);
        for stage in [&app.arrival, &app.service, &app.end_to_end] {
            assert_eq!(
                histogram(stage).len() + stage.zero_or_negative + stage.over_range,
                stage.count
            );
        }
        assert_eq!(app.end_to_end.count, result.ack.count);
        assert!(app.end_to_end.min_ns.unwrap() > 0);
    }
    assert!(result.checks.len() >= 7);
    assert!(result.checks.iter().all(kbench::result::Check::agrees), "{:?}", result.checks);
}

fn accounted_for(world: &World) {
    let result = run(world, &constant(3_000, 3, "poisson"));
    assert_sound(&result);
    let offered = result.ledger.offered as f64;
    // Poisson: within five standard deviations of the mean.
    assert!((offered - 9_000.0).abs() < 5.0 * 9_000_f64.sqrt(), "{offered}");
}

fn phases(world: &World) {
    let text = "seed = 3\n\
        [load]\narrivals = \"uniform\"\nwarmup = \"1s\"\n\
        [[load.phase]]\nkind = \"ramp\"\nduration = \"2s\"\nfrom_per_s = 100\nto_per_s = 1900\n\
        [[load.phase]]\nkind = \"constant\"\nduration = \"1s\"\nrate_per_s = 2000\n\
        [[load.phase]]\nkind = \"step\"\nduration = \"2s\"\nfrom_per_s = 500\nto_per_s = 1500\n\
        steps = 2\n\
        [[load.phase]]\nkind = \"spike\"\nduration = \"2s\"\nbase_per_s = 500\npeak_per_s = 4500\n\
        hold = \"500ms\"\n\
        [[load.phase]]\nkind = \"sine\"\nduration = \"2s\"\nmean_per_s = 1000\n\
        amplitude_per_s = 800\nperiod = \"1s\"\n";
    let result = run(world, text);
    assert_sound(&result);
    // 100 of warm-up, then 2,000 each but for the spike's 1.5 × 500 + 0.5 × 4,500 = 3,000.
    let expected: Vec<f64> = result.phases.iter().map(|phase| phase.expected.round()).collect();
    assert_eq!(expected, [100.0, 2_000.0, 2_000.0, 2_000.0, 3_000.0, 2_000.0]);
    assert_eq!(result.ledger.offered, 11_100);
    assert_eq!(result.ack.count, 11_000, "the warm-up is not measured");
}

fn slow(world: &World) {
    let mut text = constant(1, 5, "uniform").replace("rate_per_s = 1", "rate_per_s = 0.5");
    text.push_str("[measure]\ninterval = \"500ms\"\n");
    let result = run(world, &text);
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    // 0.5/s for 5 s are 2.5 slots; their middles lie at 1 s and 3 s, and at 5 s, past the end.
    assert_eq!(result.ledger.offered, 2);
    assert_eq!(result.ack.p99_ns, None, "two samples make no percentile");
    assert!(result.ack.max_ns.is_some());
}

fn scaled(world: &World) {
    let mut text = constant(4_000, 3, "poisson").replace("[load]", "[load]\nproducers = 3");
    text.push_str("[topic]\npartitions = 6\n");
    for (app, workers) in [("analytics", 2), ("fraud", 3), ("dashboard", 1), ("behavior", 4)] {
        text.push_str(&format!("[apps.{app}]\nworkers = {workers}\n"));
    }
    let result = run(world, &text);
    assert_sound(&result);
    assert!(result.partitions.iter().all(|partition| partition.share > 0.05));
}

fn idle_workers(world: &World) {
    let mut text = constant(1_000, 2, "uniform");
    text.push_str("[topic]\npartitions = 2\n[apps.fraud]\nworkers = 4\n");
    let plan = plan(world, &text);
    assert!(plan.warnings.iter().any(|warning| warning.contains("fraud")), "{:?}", plan.warnings);
    let result = try_run(world, &plan, LoopbackHooks::default()).unwrap().result;
    assert_sound(&result);
}

fn codecs(world: &World) {
    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        let mut text = constant(1_000, 1, "uniform");
        text.push_str(&format!("[kafka.producer]\n\"compression.type\" = \"{codec}\"\n"));
        assert_sound(&run(world, &text));
    }
    let mut text = constant(1_000, 1, "uniform");
    text.push_str("[kafka.producer]\nacks = 1\n\"enable.idempotence\" = false\n");
    assert_sound(&run(world, &text));
}

/// The ratio on the wire follows the codec and what the scenario says of the padding.
fn padded(world: &World) {
    let ratio = |codec: &str, compressibility: u32| {
        let mut text = constant(2_000, 2, "uniform");
        text.push_str(&format!(
            "[event]\nsize_median = \"2kB\"\ncompressibility = {compressibility}\n\
             [apps]\nrun = [\"analytics\"]\n\
             [kafka.producer]\n\"compression.type\" = \"{codec}\"\n\"linger.ms\" = 20\n"
        ));
        let result = run(world, &text);
        assert_sound(&result);
        let wire = result.wire.expect("a client that counts");
        assert_eq!(wire.records, result.ledger.offered, "the count is of all of them");
        let event_bytes = wire.payload_bytes / wire.records;
        // All events are padded to 2,000 bytes, and have a key of eleven.
        assert_eq!(event_bytes, 2_011);
        wire.ratio().unwrap()
    };
    let plain = ratio("none", 50);
    assert!((0.95..=1.0).contains(&plain), "{plain}");
    // Natural fields compress whatever the padding does; random letters don't, with lz4.
    let (hard, half, easy) = (ratio("lz4", 0), ratio("lz4", 50), ratio("lz4", 100));
    assert!(hard < 1.5 && half > 1.3 * hard && easy > 3.0 * half, "{hard} {half} {easy}");
    let zstd = ratio("zstd", 0);
    assert!(zstd > 1.2 * hard, "six bits a letter leave a quarter to zstd: {zstd} {hard}");
}

/// A second run on the same topic, with the same groups, reads nothing of the first.
fn reused(world: &World) {
    let mut plan = plan(world, &constant(1_000, 1, "uniform"));
    plan.topic.reuse = true;
    for _ in 0..2 {
        let result = try_run(world, &plan, LoopbackHooks::default()).unwrap().result;
        assert_sound(&result);
        assert_eq!(result.broker.topic.name, plan.topic.name);
        assert!(result.ledger.apps.iter().all(|app| app.foreign == 0), "{:?}", result.ledger);
    }
}

/// Somebody else writes to the topic during the run: events without a stamp, and garbage.
fn strangers(world: &World) {
    let mut plan = plan(world, &constant(1_000, 3, "uniform"));
    plan.topic.reuse = true;
    plan.topic.name = world.topic("shared", plan.topic.partitions);
    let over = AtomicBool::new(false);
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            let event = r#"{"event_id":"x","timestamp":"2026-01-01T00:00:00Z","user_id":"u",
                "session_id":"s","event_type":"click","page_url":"/"}"#;
            let mut sender = Sender::new(world, &[]);
            while !over.load(Ordering::Relaxed) {
                sender.send(&plan.topic.name, &Rec::at(0, event.to_owned()));
                sender.send(&plan.topic.name, &Rec::at(1, "{".to_owned()));
                thread::sleep(Duration::from_millis(20));
            }
        });
        let result = try_run(world, &plan, LoopbackHooks::default());
        over.store(true, Ordering::Relaxed);
        result.unwrap().result
    });
    assert_sound(&result);
    for (app, ledger) in result.apps.iter().zip(&result.ledger.apps) {
        assert!(ledger.foreign > app.garbage && app.garbage > 0, "{ledger:?}");
    }
}

/// A member joins two groups in the middle of the run, takes partitions, commits nothing, and
/// leaves: each partition's state goes on where it was, and the answers stay exact.
fn visitor(world: &World) {
    for strategy in ["range", "cooperative-sticky"] {
        let mut text = constant(2_000, 9, "poisson");
        text.push_str(&format!(
            "[apps.analytics]\nworkers = 2\n[kafka.consumer]\n\
             \"partition.assignment.strategy\" = \"{strategy}\"\n\
             \"heartbeat.interval.ms\" = 300\n"
        ));
        let mut plan = plan(world, &text);
        plan.topic.reuse = true;
        plan.topic.name = world.topic("visited", plan.topic.partitions);
        let (topic, analytics) = (plan.topic.name.clone(), plan.apps[0].group.clone());
        let result = thread::scope(|scope| {
            let guest = scope.spawn(|| {
                thread::sleep(Duration::from_secs(6));
                visit(world, &topic, &analytics, strategy)
            });
            let result = try_run(world, &plan, LoopbackHooks::default());
            assert!(guest.join().unwrap() > 0, "the visitor got nothing, so nothing was shown");
            result.unwrap().result
        });
        assert_sound(&result);
    }
}

/// Reads as one more member of a group for a while; gives the count of records it took.
fn visit(world: &World, topic: &str, group: &str, strategy: &str) -> usize {
    let consumer = consumer(world, group, &[("partition.assignment.strategy", strategy)]);
    consumer.subscribe(&[topic]).unwrap();
    let began = Instant::now();
    let mut taken = 0;
    while began.elapsed() < Duration::from_secs(4) {
        taken += usize::from(matches!(consumer.poll(Duration::from_millis(50)), Some(Ok(_))));
    }
    taken
}

fn folder(world: &World) {
    let plan = plan(world, &constant(500, 1, "uniform"));
    let results = tempfile::tempdir().unwrap();
    let options = kbench::run::RunOptions {
        command_line: vec!["kbench".to_owned(), "run".to_owned()],
        program: crate::runs::PROGRAM.into(),
        results_dir: results.path().to_owned(),
        signal: std::sync::Arc::default(),
        remains: std::sync::Arc::default(),
        loopback: (world.kind() == Kind::Loopback).then(LoopbackHooks::default),
        start_wall_us: None,
        trial: None,
        race: None,
        actors: Vec::new(),
    };
    let finished = kbench::run::run(
        &plan,
        "# text\n",
        options,
        &mut kbench::output::progress::Progress::Quiet,
    )
    .unwrap_or_else(|error| panic!("{error}"));
    let folder = finished.folder.unwrap();
    let names: BTreeSet<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(names.is_superset(&BTreeSet::from(
        ["result.json", "summary.md", "latency.hlog", "scenario.toml"].map(str::to_owned)
    )));
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let back: RunResult = serde_json::from_str(&read("result.json")).unwrap();
    assert!(back == finished.result, "what is read back differs from what was written");
    assert_eq!(read("scenario.toml"), "# text\n");
    assert!(read("summary.md").starts_with("# test: VALID"));
    let others = std::fs::read_dir(results.path()).unwrap().count();
    assert_eq!(others, 1, "something half-written was left behind");
}
