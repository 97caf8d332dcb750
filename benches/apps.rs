//! What one event costs a consumer: parsing its JSON, and each application's work on it; and
//! what it costs to bring the states of partitions together, or to another worker.
//!
//! The events are those of the generator. The states know all their users before the timing
//! starts; events come from all users alike, which is the worst case for caches.

// Criterion's macros make public functions that need no words.
#![allow(missing_docs)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

use kbench::apps;
use kbench::base::clock::{Clock, SystemClock};
use kbench::event::format::PayloadFormat;
use kbench::event::{Arrival, Event, Outcome, Stamp};
use kbench::measure::latency::Recorder;
use kbench::measure::ledger::Ledger;
use kbench::workers::consume::AppGroup;

#[path = "shared/events.rs"]
mod events;

use events::{START_US, payloads, plan, step_us, warm};

const EVENTS: u64 = 200_000;
/// Events that are looked at before the application's time is taken: an application gets each
/// one fresh from the parser, so its bytes are in the cache, and their way there is parsing's.
const CHUNK: usize = 32;
/// An application is told of an event before it is parsed, which takes as long as observing three.
const AHEAD: usize = 3;

/// Brings an event into the cache.
fn touch((event, bytes): &(Event<'_>, &[u8])) {
    black_box(event.clone());
    black_box(bytes.iter().fold(0_u8, |sum, byte| sum ^ byte));
}

fn parse(c: &mut Criterion) {
    let payloads = payloads(100_000, 10_000);
    let bytes = payloads.iter().map(Vec::len).sum::<usize>() / payloads.len();
    let mut group = c.benchmark_group("parse");
    group.throughput(Throughput::Bytes(bytes as u64));
    let mut next = payloads.iter().cycle();
    let mut parser = PayloadFormat::Json.codec().parser();
    group.bench_function("kbench", |b| {
        b.iter(|| next.next().map(|bytes| parser.parse(bytes).map(|e| e.event_type)));
    });
    let mut copy = Vec::new();
    group.bench_function("simd_json_serde", |b| {
        b.iter(|| {
            copy.clear();
            copy.extend_from_slice(next.next().map_or(b"", Vec::as_slice));
            simd_json::from_slice::<Event<'_>>(&mut copy).map(|event| event.event_type)
        });
    });
    let mut buffers = simd_json::Buffers::default();
    group.bench_function("simd_json_serde_with_buffers", |b| {
        b.iter(|| {
            copy.clear();
            copy.extend_from_slice(next.next().map_or(b"", Vec::as_slice));
            simd_json::serde::from_slice_with_buffers::<Event<'_>>(&mut copy, &mut buffers)
                .map(|event| event.event_type)
        });
    });
    group.bench_function("serde_json", |b| {
        b.iter(|| {
            let bytes = next.next().map_or(&b""[..], Vec::as_slice);
            serde_json::from_slice::<Event<'_>>(bytes).map(|event| event.event_type)
        });
    });
}

fn observe(c: &mut Criterion) {
    for users in [1_000, 1_000_000] {
        let payloads = payloads(users, EVENTS);
        let events: Vec<(Event<'_>, &[u8])> = payloads
            .iter()
            .filter_map(|bytes| Some((serde_json::from_slice(bytes).ok()?, &**bytes)))
            .collect();
        assert_eq!(events.len(), payloads.len());
        for kind in apps::ALL {
            let mut state = warm(kind, users, &events[0].0);
            let mut due_us = START_US;
            let mut chunks = events.chunks(CHUNK).cycle();
            let mut group = c.benchmark_group("observe");
            group.throughput(Throughput::Elements(1));
            group.bench_function(BenchmarkId::new(kind.schema.name, users), |b| {
                b.iter_custom(|rounds| {
                    let mut spent = Duration::ZERO;
                    let mut left = rounds as usize;
                    while left > 0 {
                        let chunk = chunks.next().unwrap_or_default();
                        let chunk = &chunk[..chunk.len().min(left)];
                        chunk.iter().for_each(touch);
                        let began = Instant::now();
                        for (index, (event, _)) in chunk.iter().enumerate() {
                            if let Some((ahead, _)) = chunk.get(index + AHEAD) {
                                state.prefetch(ahead.user_id.as_bytes());
                            }
                            due_us += step_us(users);
                            state.observe(black_box(event), due_us);
                        }
                        spent += began.elapsed();
                        left -= chunk.len();
                    }
                    spent
                });
            });
            group.finish();
            let keys: Vec<&str> = events.iter().map(|(event, _)| event.user_id).collect();
            let mut next = payloads.iter().zip(&keys).cycle();
            let mut parser = PayloadFormat::Json.codec().parser();
            let mut group = c.benchmark_group("parse and observe");
            group.throughput(Throughput::Elements(1));
            group.bench_function(BenchmarkId::new(kind.schema.name, users), |b| {
                b.iter(|| {
                    due_us += step_us(users);
                    // The record's key comes with the record.
                    let Some((bytes, key)) = next.next() else { return };
                    state.prefetch(key.as_bytes());
                    if let Ok(event) = parser.parse(bytes) {
                        state.observe(black_box(&event), due_us);
                    }
                });
            });
            group.finish();
            assert_eq!(state.summary().dropped, 0, "the state must be the whole one");
        }
    }
}

/// Two partitions of 10,000 users each become one, for each user.
fn merge(c: &mut Criterion) {
    const USERS: u64 = 10_000;
    let payloads = payloads(2 * USERS, EVENTS);
    let mut group = c.benchmark_group("merge");
    group.throughput(Throughput::Elements(USERS));
    for kind in apps::ALL {
        let mut states = [0, 1].map(|_| (kind.new)(&plan(kind)));
        for (bytes, due_us) in
            payloads.iter().zip((START_US..).step_by(step_us(2 * USERS) as usize))
        {
            if let Ok(event) = serde_json::from_slice::<Event<'_>>(bytes) {
                let even = event.user_id.as_bytes().last().is_some_and(|digit| digit & 1 == 0);
                states[usize::from(even)].observe(&event, due_us);
            }
        }
        let [one, other] = &states;
        group.bench_function(kind.schema.name, |b| {
            b.iter_batched(
                || (one.copy(), other.copy()),
                |(mut one, other)| {
                    one.merge(other);
                    one
                },
                criterion::BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// A thousand partitions change hands: the time until another thread has applied a record to
/// each of their states, over the number of partitions.
fn hand_over(c: &mut Criterion) {
    const PARTITIONS: usize = 1_000;
    let payloads = payloads(100_000, PARTITIONS as u64);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let mut group = c.benchmark_group("hand-over");
    group.throughput(Throughput::Elements(PARTITIONS as u64));
    for kind in apps::ALL {
        let ledger = Arc::new(Ledger::new(1, 1, 1));
        ledger.offered(0, PARTITIONS as u64);
        for seq in 0..PARTITIONS as u64 {
            let stamp = Stamp { run: 1, shard: 0, seq, due_wall_us: START_US };
            ledger.outcome(&stamp, Outcome::Acked);
        }
        let codec = PayloadFormat::Json.codec();
        let lanes = AppGroup::new(0, 2, PARTITIONS, codec, ledger, || (kind.new)(&plan(kind)));
        let mut offset = 0;
        let mut read_all = || {
            let mut parser = PayloadFormat::Json.codec().parser();
            let mut recorder = Recorder::new(0..u64::MAX, 1_000_000_000);
            let began = Instant::now();
            for (partition, payload) in (0..).zip(&payloads) {
                let arrival = Arrival {
                    partition,
                    offset,
                    key: None,
                    header: None,
                    payload: Some(payload),
                    at_us: None,
                };
                lanes.observe(&arrival, clock.now_ns(), &mut *parser, &mut recorder, &*clock);
            }
            offset += 1;
            began.elapsed()
        };
        read_all();
        group.bench_function(kind.schema.name, |b| {
            b.iter_custom(|rounds| {
                // Each round on a thread of its own: the caches are those of another worker.
                (0..rounds)
                    .map(|_| {
                        std::thread::scope(|scope| scope.spawn(&mut read_all).join())
                            .unwrap_or(Duration::ZERO)
                    })
                    .sum()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, parse, observe, merge, hand_over);
criterion_main!(benches);
