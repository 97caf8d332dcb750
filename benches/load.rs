//! How fast the load side is: slots, events, stamps. Run with `cargo bench --bench load`.

// Criterion's macros make public functions that need no words.
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

use kbench::apps;
use kbench::event::date::timestamp_us;
use kbench::event::format::PayloadFormat;
use kbench::event::{Slot, Stamp};
use kbench::load::generate::Generator;
use kbench::load::schedule::Schedule;
use kbench::plan::scenario;
use kbench::plan::toml::environment::Environment;
use kbench::plan::toml::overrides::Overrides;
use kbench::plan::toml::source::ScenarioSource;
use kbench::plan::{Arrivals, LoadPlan, PhasePlan, PopulationPlan, RateSegment, Shape};

const ORIGIN_WALL_US: i64 = 1_767_225_600_000_000;
/// Long enough that no bench reaches the end.
const LONG_NS: u64 = 1_000_000 * 1_000_000_000;

fn population(sessions_max: u32) -> PopulationPlan {
    PopulationPlan { users: 10_000_000, sessions_max, ..PopulationPlan::small() }
}

fn schedule(arrivals: Arrivals, shape: Shape) -> Schedule {
    let segments = vec![RateSegment { duration_ns: LONG_NS, shape }];
    let phases = vec![PhasePlan {
        name: "bench".to_owned(),
        warmup: false,
        segments,
        hot: None,
        sale: None,
    }];
    Schedule::new(&LoadPlan { producers: 1, arrivals, tick_ns: 0, phases, replay: None }, 42)
}

fn slots(bench: &mut Criterion) {
    let constant = Shape::Linear { from_per_s: 1e6, to_per_s: 1e6 };
    let ramp = Shape::Linear { from_per_s: 0.0, to_per_s: 2e6 };
    let sine = Shape::Sine { mean_per_s: 1e6, amplitude_per_s: 8e5, period_ns: 60_000_000_000 };
    let mut group = bench.benchmark_group("slots");
    group.throughput(Throughput::Elements(1_000));
    for (name, arrivals, shape) in [
        ("uniform constant", Arrivals::Uniform, constant),
        ("uniform ramp", Arrivals::Uniform, ramp),
        ("uniform sine", Arrivals::Uniform, sine),
        ("poisson constant", Arrivals::Poisson, constant),
        ("poisson ramp", Arrivals::Poisson, ramp),
        ("poisson sine", Arrivals::Poisson, sine),
    ] {
        let mut shard = schedule(arrivals, shape).shard(0);
        group.bench_function(name, |bench| {
            bench.iter(|| {
                shard.by_ref().take(1_000).fold(0, |sum, slot: Slot| sum ^ black_box(slot.due_ns))
            });
        });
    }
    group.finish();
}

fn events(bench: &mut Criterion) {
    let codec = PayloadFormat::Json.codec();
    let mut group = bench.benchmark_group("events");
    group.throughput(Throughput::Elements(1_000));
    for sessions in [1_000, 100_000, 1_000_000] {
        let mut generator = Generator::new(&population(sessions), 500_000.0, 42, 0, 1);
        // Half a million a second keeps the pool full, and the pool is full before it counts.
        let mut seq = 0;
        while seq < 2 * u64::from(sessions) {
            generator.next(seq * 2_000);
            seq += 1;
        }
        let mut out = Vec::with_capacity(2_048);
        let id = BenchmarkId::new("generate and encode", sessions);
        group.bench_function(id, |bench| {
            bench.iter(|| {
                for _ in 0..1_000 {
                    let due_ns = seq * 2_000;
                    let due_wall_us = ORIGIN_WALL_US + (due_ns / 1_000) as i64;
                    let draft = generator.next(due_ns);
                    out.clear();
                    let stamp = Stamp { run: 1, shard: 0, seq, due_wall_us };
                    codec.encode(&stamp, &draft.parts, &mut out);
                    black_box(&out);
                    seq += 1;
                }
            });
        });
        group.bench_function(BenchmarkId::new("generate", sessions), |bench| {
            bench.iter(|| {
                for _ in 0..1_000 {
                    black_box(generator.next(seq * 2_000).facts);
                    seq += 1;
                }
            });
        });
        let parts = generator.next(seq * 2_000).parts;
        group.bench_function(BenchmarkId::new("encode", sessions), |bench| {
            bench.iter(|| {
                for seq in 0..1_000 {
                    out.clear();
                    let stamp = Stamp { run: 1, shard: 0, seq, due_wall_us: ORIGIN_WALL_US };
                    codec.encode(&stamp, black_box(&parts), &mut out);
                    black_box(&out);
                }
            });
        });
    }
    group.finish();
}

/// Events filled up to 2 kB: letters are made fresh for each.
fn padded(bench: &mut Criterion) {
    let codec = PayloadFormat::Json.codec();
    let mut group = bench.benchmark_group("padded");
    for compressibility in [0, 50] {
        let text = format!(
            "seed = 42\n[load]\nrate_per_s = 1000\nduration = \"1s\"\n[event]\n\
             size_median = \"2kB\"\ncompressibility = {compressibility}\n"
        );
        let environment = Environment::from_pairs::<String, String>([]);
        let source = ScenarioSource::new("padded.toml", text);
        let plan = scenario::plan(
            &source,
            &Overrides::default(),
            &environment,
            &apps::schemas(),
            kbench::client::CHECKERS,
        );
        let generator = plan.ok().and_then(|plan| Generator::for_shards(&plan).pop());
        let Some(mut generator) = generator else {
            return;
        };
        let (mut seq, mut out) = (0, Vec::with_capacity(4_096));
        group.throughput(Throughput::Bytes(2_000));
        group.bench_function(BenchmarkId::new("generate and encode 2 kB", compressibility), |b| {
            b.iter(|| {
                let draft = generator.next(seq * 2_000);
                out.clear();
                let stamp = Stamp { run: 1, shard: 0, seq, due_wall_us: ORIGIN_WALL_US };
                codec.encode(&stamp, &draft.parts, &mut out);
                black_box(&out);
                seq += 1;
            });
        });
    }
    group.finish();
}

fn stamps(bench: &mut Criterion) {
    let stamp = Stamp { run: 1, shard: 0, seq: 7, due_wall_us: ORIGIN_WALL_US };
    let codec = PayloadFormat::Json.codec();
    let mut out = Vec::new();
    // A recorded event of which nothing is left is a stamp.
    codec.join(&stamp, b"", &mut out);
    bench.bench_function("stamp write", |bench| {
        bench.iter(|| {
            out.clear();
            codec.join(black_box(&stamp), b"", &mut out);
        });
    });
    bench.bench_function("stamp read", |bench| {
        bench.iter(|| black_box(codec.stamp(None, Some(black_box(&out)))));
    });
    let own = "2026-01-01T00:00:00.000001Z";
    let foreign = "2024-01-15T10:30:45.123Z";
    for (name, text) in [("date own", own), ("date foreign", foreign)] {
        bench.bench_function(name, |bench| {
            bench.iter(|| timestamp_us(black_box(text)));
        });
    }
    bench.bench_function("construct", |bench| {
        bench.iter(|| Generator::new(black_box(&population(100_000)), 500_000.0, 42, 0, 1));
    });
}

criterion_group!(benches, slots, events, padded, stamps);
criterion_main!(benches);
